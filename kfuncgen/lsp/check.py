"""Trying the server as editors use it: it is started, a source is opened, and what comes back is told in lines
(`kfuncgen lsp --check FILE`). What works here and not in an editor is a matter of the editor's set-up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from kfuncgen import __version__
from kfuncgen.lsp.journal import LEFT_ALONE
from kfuncgen.records import Struct, field
from kfuncgen.render.escape import one_line

SECONDS = 30.0
"""For an answer of the server."""
SEVERITIES = {
    types.DiagnosticSeverity.Error: "error",
    types.DiagnosticSeverity.Warning: "warning",
    types.DiagnosticSeverity.Information: "information",
    types.DiagnosticSeverity.Hint: "hint",
}


class Tried(Struct):
    """What was seen, in lines, and whether the server did what it should."""

    lines: list[str] = field(default_factory=list)
    works: bool = True


def check(files: Sequence[Path]) -> Tried:
    """Start the server and open these files."""

    async def run() -> Tried:
        return await _Trial().run(files)

    return asyncio.run(run())


class _Broken(Exception):
    """What is wrong with the server."""


class _Client(LanguageClient):
    """A client that notices when the server is gone."""

    def __init__(self) -> None:
        super().__init__("kfuncgen-check", __version__)
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """How it ended, with the last line that it wrote to standard error."""

    async def server_exit(self, server: asyncio.subprocess.Process) -> None:
        errors = await server.stderr.read() if server.stderr is not None else b""
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if not self.gone.done():
            self.gone.set_result(f"status {server.returncode}" + (f": {last}" if last else ""))


class _Trial:
    def __init__(self) -> None:
        self.tried = Tried()
        self.client = client = _Client()
        self.found: dict[str, Sequence[types.Diagnostic]] = {}
        self.heard = asyncio.Event()
        self.ignored: set[str] = set()

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.found[params.uri] = params.diagnostics
            self.heard.set()

        @client.feature(types.WINDOW_LOG_MESSAGE)  # type: ignore[untyped-decorator]
        def log(params: types.LogMessageParams) -> None:
            self.say(params.message)
            name, _, rest = params.message.partition(": ")
            if rest.startswith(LEFT_ALONE):
                self.ignored.add(name)
                self.heard.set()

    def say(self, line: str) -> None:
        self.tried.lines.append(one_line(line))

    async def run(self, files: Sequence[Path]) -> Tried:
        begun = time.monotonic()
        try:
            await self._start(files)
            self.say(f"the server answered after {time.monotonic() - begun:.2f} s")
            for file in files:
                await self._open(file)
        except _Broken as error:
            self.tried.works = False
            self.say(f"the server does not work: {error}")
        finally:
            if not self.client.gone.done():
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(self.client.shutdown_async(None), 5)
                    self.client.exit(None)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.client.stop(), 5)  # type: ignore[no-untyped-call]
        return self.tried

    async def _answer(self, answer: Awaitable[Any]) -> None:
        """Wait for an answer; _Broken when there will be none."""
        asked = asyncio.ensure_future(answer)
        try:
            both: set[asyncio.Future[Any]] = {asked, self.client.gone}
            await asyncio.wait(both, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                await asked
                return
            if self.client.gone.done():
                raise _Broken(f"it ended with {self.client.gone.result()}")
            raise _Broken(f"no answer in {SECONDS:g} seconds")
        except (OSError, RuntimeError, JsonRpcException) as error:
            await asyncio.wait({self.client.gone}, timeout=1)
            if self.client.gone.done():
                raise _Broken(f"it ended with {self.client.gone.result()}") from None
            raise _Broken(f"{type(error).__name__}: {error}") from None
        finally:
            asked.cancel()

    async def _start(self, files: Sequence[Path]) -> None:
        package = str(Path(__file__).parents[2])
        paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        await self._answer(self.client.start_io(sys.executable, "-P", "-m", "kfuncgen", "lsp", env=environment))
        params = types.InitializeParams(
            types.ClientCapabilities(),
            process_id=os.getpid(),
            client_info=types.ClientInfo("kfuncgen-check", __version__),
            root_uri=files[0].parent.as_uri() if files else None,
        )
        await self._answer(self.client.initialize_async(params))
        self.client.initialized(types.InitializedParams())

    async def _open(self, file: Path) -> None:
        text = file.read_bytes().decode("utf-8", "replace")
        uri = file.as_uri()
        item = types.TextDocumentItem(uri, "c", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await self._answer(self._until(lambda: uri in self.found or str(file) in self.ignored))
        for one in self.found.get(uri, ()):
            place = f"{file}:{one.range.start.line + 1}:{one.range.start.character + 1}"
            severity = SEVERITIES[one.severity or types.DiagnosticSeverity.Error]
            self.say(f"{place}: {severity}: {one.message.partition(chr(10))[0]} [{one.code}]")

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.heard.clear()
            await self.heard.wait()
