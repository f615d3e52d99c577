"""What clients tell: that they are there, which texts are open and how they change, settings, files on disk."""

from __future__ import annotations

import contextlib
from typing import Any

from lsprotocol import types

from kfuncgen.lsp import diagnostics, journal
from kfuncgen.lsp.configured import SECTION, settings
from kfuncgen.lsp.documents import Document
from kfuncgen.lsp.server import Server
from kfuncgen.lsp.uris import file_of, uri_of

CONFIGURATIONS = ("kfuncgen.toml", "pyproject.toml", "compile_commands.json", "compile_flags.txt", ".clangd")
WATCHED = (*(f"**/{name}" for name in CONFIGURATIONS), "**/*.h")
RELEVANT = (".c", ".h", *CONFIGURATIONS)
SOURCES = types.FileOperationRegistrationOptions(
    [types.FileOperationFilter(types.FileOperationPattern("**/*"), scheme="file")]
)


def register(server: Server) -> None:
    """Add the features to a server."""
    _lifecycle(server)
    _files(server)
    _texts(server)
    _diagnostics(server)


def _lifecycle(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        # pygls applies changes to a text of its own first. It ends lines at form feeds, and moves positions that
        # are then behind a line's end, in the very objects that we get.
        server.workspace.update_text_document = lambda *_: None  # type: ignore[method-assign]
        server.settings = settings(params.initialization_options)
        uris = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        server.documents.folders = [folder for uri in uris if (folder := file_of(uri)) is not None]
        server.initial = params

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        server.documents.encoding = server.encoding
        introduction = journal.introduced(server.initial, server.encoding, server.pulls)
        server.log(introduction, types.MessageType.Log)
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        if watched is not None and watched.dynamic_registration:
            watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            one = types.Registration("kfuncgen-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            with contextlib.suppress(Exception):  # without it, edits and saves are seen all the same
                await server.client_register_capability_async(types.RegistrationParams([one]))
        await _ask_settings(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(params: types.DidChangeConfigurationParams) -> None:
        if isinstance(params.settings, dict) and params.settings:
            server.settings = settings(params.settings)
        await _ask_settings(server)
        await server.relint(fresh=True)


async def _ask_settings(server: Server) -> None:
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return
    asked = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    with contextlib.suppress(Exception):  # a client that does not answer has no settings for us
        found = await server.workspace_configuration_async(asked)
        if found and isinstance(found[0], dict) and found[0] and settings(found[0]) != server.settings:
            server.settings = settings(found[0])
            await server.show_again()


def _files(server: Server) -> None:
    async def changed(uris: list[str]) -> None:
        files = [file for uri in uris if (file := file_of(uri)) is not None]
        headers = [file for file in files if file.endswith(".h")]
        if len(headers) < len(files):
            await server.relint(fresh=True)
        elif headers:
            server.headers_changed(headers)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        await changed([change.uri for change in params.changes])

    async def moved(uris: list[str]) -> None:
        """Folders may be among them: which sources that concerns is found out by linting all that are open."""
        for uri in uris:
            if server.documents.peek(uri) is None and uri in server.published:
                server.forget(uri)
        if any(uri.endswith(RELEVANT) or "." not in uri.rpartition("/")[2] for uri in uris):
            await server.relint(fresh=any(not uri.endswith((".c", ".h")) for uri in uris))

    @server.feature(types.WORKSPACE_DID_RENAME_FILES, SOURCES)
    async def renamed(params: types.RenameFilesParams) -> None:
        await moved([uri for one in params.files for uri in (one.old_uri, one.new_uri)])

    @server.feature(types.WORKSPACE_DID_DELETE_FILES, SOURCES)
    async def deleted(params: types.DeleteFilesParams) -> None:
        await moved([one.uri for one in params.files])

    @server.feature(types.WORKSPACE_DID_CREATE_FILES, SOURCES)
    async def created(params: types.CreateFilesParams) -> None:
        await moved([one.uri for one in params.files])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {file_of(folder.uri) for folder in params.event.removed}
        kept = [folder for folder in server.documents.folders if folder not in gone]
        added = [folder for one in params.event.added if (folder := file_of(one.uri)) is not None]
        server.documents.folders = list(dict.fromkeys((*kept, *added)))


def _texts(server: Server) -> None:
    def changed(document: Document | None) -> None:
        if document is None:
            return
        if document.is_program:
            server.schedule(document)
        elif not document.saved:
            server.headers_changed([document.path])

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.documents.encoding = server.encoding
        document = server.documents.open(params.text_document)
        changed(document)
        if document is not None and (why := journal.left_alone(document)):
            server.log(why, types.MessageType.Log)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        changed(server.documents.change(document.uri, document.version, params.content_changes))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        document = server.documents.get(params.text_document.uri)
        if document is not None:
            document.saved = True
            if not document.is_program:
                server.headers_changed([document.path])

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseTextDocumentParams) -> None:
        document = server.documents.close(params.text_document.uri)
        if document is not None:
            server.closed(document)
            if not document.saved and not document.is_program:
                server.headers_changed([document.path])


def _diagnostics(server: Server) -> None:
    options = types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier=diagnostics.SOURCE
    )

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def pull(params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        document = server.documents.get(params.text_document.uri)
        if document is None:
            return types.RelatedFullDocumentDiagnosticReport([])
        await server.checked(document)
        related: dict[str, Any] = {}
        for file in list(server.published.get(document.uri, {})):
            if file != document.path:
                related[uri_of(file)] = types.FullDocumentDiagnosticReport(server.in_file(file))
        return types.RelatedFullDocumentDiagnosticReport(
            server.in_file(document.path), related_documents=related or None
        )
