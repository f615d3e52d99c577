"""The protocol: which question gets which answer. What the answers are is decided in the other modules."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kfuncgen import __version__
from kfuncgen.config import Config, find_config, load_config
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.lint import LintOptions
from kfuncgen.lsp import diagnostics
from kfuncgen.lsp.documents import Document, Documents, Linted
from kfuncgen.lsp.linter import Linter, LinterFailed, Superseded
from kfuncgen.settings import lint_options

DEBOUNCE = 0.01
"""Seconds in which further changes are waited for: editors send one change in several messages."""
WATCHED = (
    "**/kfuncgen.toml",
    "**/pyproject.toml",
    "**/compile_commands.json",
    "**/compile_flags.txt",
    "**/.clangd",
    "**/*.h",
)


class Server(LanguageServer):
    """The server's state: open documents, the linter, and which files each source has diagnostics in."""

    def __init__(self) -> None:
        super().__init__("kfuncgen", __version__)
        self.documents = Documents()
        self.linter = Linter()
        self.published: dict[str, dict[str, list[types.Diagnostic]]] = {}
        """By the URI of a source: the diagnostics that it has in each file."""
        self._options: dict[Config, LintOptions] = {}

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics: then none are sent unasked, or it would show them twice."""
        text = self.client_capabilities.text_document
        return text is not None and text.diagnostic is not None

    def options(self, path: str) -> LintOptions | None:
        """What the nearest configuration says; None when it is wrong, as the document's diagnostics tell."""
        try:
            found = find_config(Path(path).parent)
            config = load_config(found) if found is not None else Config()
            if config not in self._options:
                self._options[config] = lint_options(config)
        except KfuncgenError:
            return None
        return self._options[config]

    # -- linting ------------------------------------------------------------------------------------------------

    def schedule(self, document: Document) -> asyncio.Task[None]:
        """Lint the document as it is now, soon; one that is being linted again when that is done, or given up."""
        if document.task is None or document.task.done():
            document.task = asyncio.ensure_future(self._lint(document))
        else:
            document.newer.set()
        return document.task

    async def _lint(self, document: Document) -> None:
        while document.current is None and self.documents.get(document.uri) is document:
            await asyncio.sleep(DEBOUNCE)
            document.newer.clear()
            version, text = document.version, document.text
            try:
                answer = await self.linter.lint(document.path, text.text, document.newer)
                document.linted = Linted(version, text, answer)
            except Superseded:
                continue
            except LinterFailed as error:
                document.linted = Linted(version, text, failure=str(error))
                self.window_log_message(
                    types.LogMessageParams(types.MessageType.Warning, f"{document.path}: {error}")
                )
        if document.current is not None and self.documents.get(document.uri) is document:
            self._keep(document)
            if not self.pulls:
                self.publish(document)

    def _keep(self, document: Document) -> None:
        linted = document.linted
        assert linted is not None
        found = diagnostics.by_file(linted.answer, document.path, self.documents.text_of)
        if linted.failure:
            what = f"not checked by kfuncgen: {linted.failure}"
            found[document.path].append(diagnostics.problem(what, types.DiagnosticSeverity.Information))
        before = self.published.get(document.uri, {})
        # Files that had diagnostics and have none now must be told so.
        self.published[document.uri] = {**{file: [] for file in before}, **found}

    def publish(self, document: Document) -> None:
        """Send the diagnostics of every file in which this source has, or had, some."""
        for file in list(self.published.get(document.uri, {})):
            self.send(file)
        self.published[document.uri] = {
            file: found for file, found in self.published.get(document.uri, {}).items() if found
        }

    def send(self, file: str) -> None:
        """Send the diagnostics that all sources have in one file."""
        found = self.in_file(file)
        uri = next((d.uri for d in self.documents.all() if d.path == file), file_uri(file))
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    def in_file(self, file: str) -> list[types.Diagnostic]:
        """The diagnostics that all sources have in one file, each once."""
        found: list[types.Diagnostic] = []
        for files in self.published.values():
            found += [one for one in files.get(file, ()) if one not in found]
        return found

    async def checked(self, document: Document) -> Linted | None:
        """What was found in the document's newest text, waiting for it."""
        while document.is_program and document.current is None and self.documents.get(document.uri) is document:
            await asyncio.shield(self.schedule(document))
        return document.current

    async def relint(self, fresh: bool) -> None:
        """Lint all open documents again. `fresh`: also forget what is kept of specs and configurations."""
        for document in self.documents.all():
            self.documents.outdate(document)
        if fresh:
            self._options.clear()
            await self.linter.forget()
        workspace = self.client_capabilities.workspace
        refresh = workspace.diagnostics if workspace is not None else None
        if self.pulls and refresh is not None and refresh.refresh_support:
            with contextlib.suppress(Exception):  # a client that refuses asks again with the next edit
                await self.workspace_diagnostic_refresh_async(None)
        elif not self.pulls:
            for document in self.documents.all():
                if document.is_program:
                    self.schedule(document)

    def closed(self, document: Document) -> None:
        """Take back what was said about a document."""
        document.newer.set()
        files = self.published.pop(document.uri, {})
        if not self.pulls:
            for file in files:
                self.send(file)
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, []))

    def shutdown(self) -> None:
        """End the linter with the server."""
        self.linter.close()
        super().shutdown()  # type: ignore[no-untyped-call]


def file_uri(file: str) -> str:
    """The URI of a file's absolute name."""
    return Path(file).as_uri()


def create_server() -> Server:
    """A server that knows its features, to be started."""
    from kfuncgen.lsp.features import register

    server = Server()
    _lifecycle(server)
    _texts(server)
    _diagnostics(server)
    register(server)
    return server


def _lifecycle(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(_params: types.InitializeParams) -> None:
        # pygls applies changes to a text of its own first. It ends lines at form feeds, and moves positions that
        # are then behind a line's end, in the very objects that we get.
        server.workspace.update_text_document = lambda *_: None  # type: ignore[method-assign]

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        if watched is not None and watched.dynamic_registration:
            watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            one = types.Registration("kfuncgen-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            with contextlib.suppress(Exception):  # without it, edits and saves are seen all the same
                await server.client_register_capability_async(types.RegistrationParams([one]))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(_params: types.DidChangeConfigurationParams) -> None:
        await server.relint(fresh=True)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        await server.relint(fresh=any(not change.uri.endswith(".h") for change in params.changes))


def _texts(server: Server) -> None:
    def changed(document: Document | None) -> None:
        if document is not None and document.is_program:
            server.schedule(document)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.documents.encoding = str(server.server_capabilities.position_encoding or "utf-16")
        changed(server.documents.open(params.text_document))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeTextDocumentParams) -> None:
        changed(server.documents.change(params.text_document.uri, params.content_changes))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        document = server.documents.get(params.text_document.uri)
        if document is not None and not document.is_program:
            await server.relint(fresh=False)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseTextDocumentParams) -> None:
        document = server.documents.close(params.text_document.uri)
        if document is not None:
            server.closed(document)


def _diagnostics(server: Server) -> None:
    options = types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=False, identifier=diagnostics.SOURCE
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
                related[file_uri(file)] = types.FullDocumentDiagnosticReport(server.in_file(file))
        return types.RelatedFullDocumentDiagnosticReport(
            server.in_file(document.path), related_documents=related or None
        )
