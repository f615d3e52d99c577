"""The server's state: open documents, the linter, and which files each source has diagnostics in.

What is asked of it is registered in kfuncgen.lsp.lifecycle, .features and .workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kfuncgen import __version__
from kfuncgen.config import Config, find_config, load_config
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.lint import LintOptions
from kfuncgen.lsp import diagnostics, journal
from kfuncgen.lsp.configured import Settings
from kfuncgen.lsp.documents import Document, Documents, Linted, absolute
from kfuncgen.lsp.linter import Linter, LinterFailed, Superseded
from kfuncgen.lsp.protocol import Protocol
from kfuncgen.render.escape import one_line
from kfuncgen.settings import lint_options

DEBOUNCE = 0.01
"""Seconds in which further changes are waited for: editors send one change in several messages."""
HEADER_DEBOUNCE = 0.1
"""The same for changes of headers, after which many sources are linted again."""
LONG = 1.0
"""Seconds after which the client is told that something goes on."""


class Server(LanguageServer):
    """See the module."""

    def __init__(self) -> None:
        super().__init__("kfuncgen", __version__, protocol_cls=Protocol)
        self.documents = Documents()
        self.linter = Linter()
        self.settings = Settings()
        self.initial = types.InitializeParams(types.ClientCapabilities())
        """What the client said of itself."""
        self.published: dict[str, dict[str, list[types.Diagnostic]]] = {}
        """By the URI of a source: the diagnostics that it has in each file."""
        self.generation = 0
        """Grows when what was found in sources that are not open may no longer hold."""
        self.revisions: dict[str, int] = {}
        """How often each header was seen to change."""
        self._options: dict[Config, LintOptions] = {}
        self._changed_headers: set[str] = set()
        self._header_task: asyncio.Task[None] | None = None
        self._tokens = itertools.count(1)

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics: then none are sent unasked, or it would show them twice."""
        text = self.client_capabilities.text_document
        return text is not None and text.diagnostic is not None

    @property
    def encoding(self) -> str:
        """What columns count: "utf-8", "utf-16" or "utf-32" units."""
        encoding = self.server_capabilities.position_encoding or types.PositionEncodingKind.Utf16
        return encoding.value if isinstance(encoding, types.PositionEncodingKind) else encoding

    def options(self, path: str) -> LintOptions | None:
        """What the nearest configuration says; None when it is wrong, as the document's diagnostics tell."""
        try:
            found = find_config(Path(path).parent)
            config = load_config(found) if found is not None else Config()
            if config not in self._options:
                self._options[config] = lint_options(config)
        except (KfuncgenError, OSError, ValueError):
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
        first = document.linted is None
        while document.current is None and self.documents.is_open(document):
            await asyncio.sleep(DEBOUNCE)
            document.newer.clear()
            version, text = document.version, document.text
            begun = time.monotonic()
            try:
                async with self.working(f"checking {Path(document.path).name}"):
                    answer = await self.linter.lint(
                        document.path,
                        text.text,
                        document.newer,
                        self.documents.unsaved(),
                        lambda: document.touched,
                    )
                document.linted = Linted(version, text, answer)
                includes = answer.includes
                document.includes = frozenset(map(absolute, includes)) if includes is not None else None
                self.tell_outcome(document, time.monotonic() - begun, first)
            except Superseded:
                continue
            except LinterFailed as error:
                document.linted = Linted(version, text, failure=str(error))
                self.log(f"{document.path}: {error}")
        if document.current is not None and self.documents.is_open(document):
            self._keep(document)
            if not self.pulls:
                self.publish(document.uri)

    def _keep(self, document: Document) -> None:
        linted = document.linted
        assert linted is not None
        self.found(document.uri, diagnostics.of(linted, document.path, self.documents, self.settings.notes))

    def found(self, uri: str, by_file: dict[str, list[types.Diagnostic]]) -> None:
        """Remember the diagnostics that the source `uri` has in files."""
        before = self.published.get(uri, {})
        # Files that had diagnostics and have none now must be told so.
        self.published[uri] = {**{file: [] for file in before}, **by_file}

    def publish(self, uri: str) -> None:
        """Send the diagnostics of every file in which this source has, or had, some."""
        for file in list(self.published.get(uri, {})):
            self.send(file)
        self.published[uri] = {file: found for file, found in self.published.get(uri, {}).items() if found}

    def send(self, file: str) -> None:
        """Send the diagnostics that all sources have in one file."""
        found, document = self.in_file(file), self.documents.at(file)
        version = document.client_version if document is not None and document.current is not None else None
        uri = self.documents.uri_of(file)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def in_file(self, file: str) -> list[types.Diagnostic]:
        """The diagnostics that all sources have in one file, each once."""
        found: list[types.Diagnostic] = []
        for files in self.published.values():
            found += [one for one in files.get(file, ()) if one not in found]
        return found

    async def checked(self, document: Document) -> Linted | None:
        """What was found in the document's newest text, waiting for it."""
        while document.is_program and document.current is None and self.documents.is_open(document):
            await asyncio.shield(self.schedule(document))
        return document.current

    async def relint(self, fresh: bool, documents: Iterable[Document] | None = None) -> None:
        """Lint all open documents again, or these. `fresh`: also forget what is kept of configurations."""
        chosen = [one for one in (self.documents.all() if documents is None else documents) if one.is_program]
        self.generation += documents is None
        for document in chosen:
            self.documents.outdate(document)
        if fresh:
            self._options.clear()
            await self.linter.forget()
        if self.pulls:
            await self._refresh()
            return
        for document in chosen:
            if self.documents.is_open(document):
                self.schedule(document)

    async def _refresh(self) -> None:
        workspace = self.client_capabilities.workspace
        refresh = workspace.diagnostics if workspace is not None else None
        if refresh is not None and refresh.refresh_support:
            with contextlib.suppress(Exception):  # a client that refuses asks again with the next edit
                await self.workspace_diagnostic_refresh_async(None)

    async def show_again(self) -> None:
        """Make anew what clients show of answers that are known, after a change of the settings."""
        self.generation += 1
        for document in self.documents.all():
            if document.current is not None:
                self._keep(document)
                if not self.pulls:
                    self.publish(document.uri)
        if self.pulls:
            await self._refresh()

    def headers_changed(self, files: Collection[str]) -> None:
        """Lint the sources that include one of these headers again, when no more of them change."""
        self._changed_headers.update(files)
        if self._header_task is not None:
            self._header_task.cancel()
        self._header_task = asyncio.ensure_future(self._after_headers())

    async def _after_headers(self) -> None:
        await asyncio.sleep(HEADER_DEBOUNCE)
        changed, self._changed_headers = self._changed_headers, set()
        self._header_task = None
        for file in changed:
            self.revisions[file] = self.revisions.get(file, 0) + 1
        await self.relint(
            False,
            [one for one in self.documents.all() if one.includes is None or not one.includes.isdisjoint(changed)],
        )

    def closed(self, document: Document) -> None:
        """Take back what was said about a document."""
        document.newer.set()
        self.forget(document.uri)

    def forget(self, uri: str) -> None:
        """Take back what was said about a source."""
        files = self.published.pop(uri, {})
        if not self.pulls:
            for file in files:
                self.send(file)
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    # -- the client ---------------------------------------------------------------------------------------------

    def log(self, message: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Write a line into the client's log, and our own."""
        journal.LOGGER.log(journal.LEVELS[kind], "%s", one_line(message))
        self.window_log_message(types.LogMessageParams(kind, message))

    def tell_outcome(self, document: Document, seconds: float, first: bool) -> None:
        """What a run gave: into the client's log only of the first one, or it would grow with each key."""
        assert document.linted is not None
        message = journal.outcome(document, document.linted, seconds, first)
        if first:
            self.log(message, types.MessageType.Log)
        else:
            journal.LOGGER.debug("%s", one_line(message))

    @asynccontextmanager
    async def working(self, title: str) -> AsyncIterator[Callable[[int], None]]:
        """Tell the client that something goes on if it takes long. The value takes a percentage."""
        window = self.client_capabilities.window
        token = f"kfuncgen-{next(self._tokens)}"
        begun = False
        done = 0

        def report(percentage: int) -> None:
            nonlocal done
            done = percentage
            if begun:
                self.work_done_progress.report(token, types.WorkDoneProgressReport(percentage=percentage))

        async def begin() -> None:
            nonlocal begun
            await asyncio.sleep(LONG)
            await self.work_done_progress.create_async(token)
            begun = True
            first = types.WorkDoneProgressBegin(f"kfuncgen: {title}", percentage=done or None)
            self.work_done_progress.begin(token, first)

        task = asyncio.ensure_future(begin()) if window is not None and window.work_done_progress else None
        try:
            yield report
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            if begun:
                self.work_done_progress.end(token, types.WorkDoneProgressEnd())

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What goes wrong with one message is for the log: a window for it would only disturb."""
        with contextlib.suppress(Exception):
            self.log(f"{type(error).__name__}: {error}", types.MessageType.Error)

    def shutdown(self) -> None:
        """End the linter with the server."""
        self.linter.close()
        super().shutdown()  # type: ignore[no-untyped-call]


def create_server() -> Server:
    """A server that knows its features, to be started."""
    from kfuncgen.lsp import features, lifecycle, workspace

    server = Server()
    lifecycle.register(server)
    workspace.register(server)
    features.register(server)
    return server
