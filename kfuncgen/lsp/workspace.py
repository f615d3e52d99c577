"""Diagnostics of a whole workspace, for clients that ask for them: also of sources that are not open."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lsprotocol import types

from kfuncgen.lsp import diagnostics
from kfuncgen.lsp.documents import MAX_FILE_BYTES, Linted, absolute
from kfuncgen.lsp.linter import LinterFailed
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.server import Server
from kfuncgen.lsp.uris import uri_of
from kfuncgen.records import Struct, field

SUFFIX = ".bpf.c"
MAX_FILES = 500
"""Sources that are checked in one workspace; a kernel tree has thousands of files that are somebody else's."""
MAX_FOLDERS = 20_000
"""Folders that are looked through."""
LOOK_AGAIN = 20.0
"""Seconds after which new files are looked for."""
_SKIPPED = frozenset(("node_modules", "target", "__pycache__"))

State = tuple[int, int, int, int]
"""Size and time of a file, the server's generation, and how often the headers that it includes were seen to
change: what was found holds as long as they stay."""
Report = types.WorkspaceFullDocumentDiagnosticReport | types.WorkspaceUnchangedDocumentDiagnosticReport


class _Told(Struct):
    """What the client was told of one file. `number` changes with it."""

    items: list[types.Diagnostic]
    number: int


class Workspace(Struct):
    """What was found in sources that are not open, by name, and what was told of files, by URI."""

    server: Server
    states: dict[str, State | None] = field(default_factory=dict)
    includes: dict[str, frozenset[str] | None] = field(default_factory=dict)
    told: dict[str, _Told] = field(default_factory=dict)
    number: int = 0
    files: list[str] = field(default_factory=list)
    looked: tuple[tuple[tuple[str, ...], int], float] | None = None
    """For which folders and generation files were looked for, and when."""

    async def reports(self, previous: dict[str, str], token: types.ProgressToken | None) -> list[Report]:
        """Reports of all files; with a token each is sent as soon as it is there, and none are returned."""
        server = self.server
        found: list[Report] = []
        files = await self._files()
        open_programs = [one for one in server.documents.all() if one.is_program]
        opened = {one.path for one in open_programs}
        closed = [file for file in files if file not in opened]
        self._drop({*closed, *opened})
        concerned: dict[str, None] = {}

        def tell(uri: str) -> None:
            by_file = server.published.get(uri, {})
            concerned.update(dict.fromkeys(by_file))
            if token is not None and by_file:
                some = [self._report(file, previous) for file in by_file]
                value = types.WorkspaceDiagnosticReportPartialResult(some)
                server.progress(types.ProgressParams(token, value))

        async with server.working("checking the workspace") as working:
            for document in sorted(open_programs, key=lambda one: -one.touched):
                await server.checked(document)
                tell(document.uri)
            for number, file in enumerate(closed if server.settings.workspace else ()):
                working(100 * number // len(closed))
                await self._check(file)
                tell(uri_of(file))
        if token is None:
            found += [self._report(file, previous) for file in concerned]
        # Of files that are not concerned any more nothing is left.
        gone = set(previous) - {server.documents.uri_of(file) for file in concerned}
        rest = [types.WorkspaceFullDocumentDiagnosticReport(uri, []) for uri in sorted(gone)]
        for uri in gone:
            self.told.pop(uri, None)
        return [*found, *rest]

    async def _files(self) -> list[str]:
        """The sources of the workspace. Clients ask every few seconds: new files are looked for less often."""
        key = (tuple(self.server.documents.folders), self.server.generation)
        if self.looked is None or self.looked[0] != key or time.monotonic() - self.looked[1] > LOOK_AGAIN:
            self.files = await asyncio.to_thread(sources, key[0])
            self.looked = (key, time.monotonic())
        self.files = [file for file in self.files if Path(file).is_file()]
        return self.files

    async def _check(self, file: str) -> None:
        """Lint a file that is not open, unless that was done and nothing has changed."""
        server, uri = self.server, uri_of(file)
        state = self._state(file)
        if state is None or (self.states.get(file) == state and uri in server.published):
            return
        data = await asyncio.to_thread(_read, file)
        if data is None:
            return
        text = data.decode("utf-8", "replace")
        shown = Text(text, server.documents.encoding)
        try:
            answer = await server.linter.lint(file, text, None, server.documents.unsaved(), lambda: -1.0)
            linted = Linted(0, shown, answer)
            included = answer.includes
            self.includes[file] = frozenset(map(absolute, included)) if included is not None else None
        except LinterFailed as error:
            linted = Linted(0, shown, failure=str(error))
        if server.documents.at(file) is None:
            self.states[file] = self._state(file, state)
            server.found(uri, diagnostics.of(linted, file, server.documents, server.settings.notes))

    def _state(self, file: str, before: State | None = None) -> State | None:
        """The state of a file; as it was `before` it was read, but for the headers that are known since."""
        if before is not None:
            size, when, generation, _ = before
        else:
            try:
                status = Path(file).stat()
            except OSError:
                return None
            size, when, generation = status.st_size, status.st_mtime_ns, self.server.generation
        included = self.includes.get(file)
        changes = self.server.revisions
        return size, when, generation, sum(changes[name] for name in changes if not included or name in included)

    def _drop(self, files: set[str]) -> None:
        """Forget sources that are gone."""
        for file in set(self.states) - files:
            del self.states[file]
            self.includes.pop(file, None)
            self.server.published.pop(uri_of(file), None)

    def _report(self, file: str, previous: dict[str, str]) -> Report:
        server = self.server
        uri, items = server.documents.uri_of(file), server.in_file(file)
        told = self.told.get(uri)
        if told is None or told.items != items:
            self.number += 1
            told = self.told[uri] = _Told(items, self.number)
        document = server.documents.at(file)
        version = document.client_version if document is not None else None
        if previous.get(uri) == str(told.number):
            return types.WorkspaceUnchangedDocumentDiagnosticReport(uri, str(told.number), version)
        return types.WorkspaceFullDocumentDiagnosticReport(uri, items, version, result_id=str(told.number))


def register(server: Server) -> None:
    """Add the feature to a server."""
    workspace = Workspace(server)
    turn = asyncio.Lock()

    @server.feature(types.WORKSPACE_DIAGNOSTIC)
    async def workspace_diagnostic(params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        previous = {one.uri: one.value for one in params.previous_result_ids}
        async with turn:
            return types.WorkspaceDiagnosticReport(await workspace.reports(previous, params.partial_result_token))


def sources(folders: Sequence[str]) -> list[str]:
    """The first sources in folders, without hidden ones and what is reached by links."""
    found: dict[str, None] = {}
    for file in _walk(folders):
        found[file] = None
        if len(found) == MAX_FILES:
            break
    return list(found)


def _walk(folders: Sequence[str]) -> Iterator[str]:
    seen = 0
    for folder in folders:
        for place, below, files in os.walk(folder, followlinks=False):
            below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
            seen += 1
            if seen > MAX_FOLDERS:
                return
            for name in sorted(files):
                path = Path(place, name)
                if name.endswith(SUFFIX) and not name.startswith(".") and path.is_file():
                    yield str(path)


def _read(file: str) -> bytes | None:
    """The bytes of a file of bounded size."""
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= MAX_FILE_BYTES else None
