"""A client of the language server, which is started as editors start it: what the tests of the server share."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

import kfuncgen
from kfuncgen.lsp.positions import Text

HEAD = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

"""
LEAK = (
    HEAD
    + """\
SEC("syscall")
int leaks(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	return 1;
}
"""
)
CLEAN = LEAK.replace("\treturn 1;", "\tbpf_task_release(task);\n\treturn 1;")
SECONDS = 15.0


SERVER = (sys.executable, "-m", "kfuncgen", "lsp")

_SLOW = """
import json, os, sys, time
for line in sys.stdin:
    text = json.loads(line)["text"]
    word, _, rest = text.partition(" ")
    if word == "sleep":
        time.sleep(float(rest))
    elif word == "crash":
        os.abort()
    while word == "loop":
        pass
    print(json.dumps({"findings": [], "notes": [], "failures": [], "problem": text}), flush=True)
"""


def slow_server(time_limit: float = 10.0, worker: str = _SLOW) -> tuple[str, ...]:
    """A server whose linter does what texts say (`sleep SECONDS`, `crash`, `loop`), and answers with them."""
    command = (sys.executable, "-c", worker)
    program = (
        "from kfuncgen.lsp.linter import Linter; from kfuncgen.lsp.server import create_server; "
        f"server = create_server(); server.linter = Linter({command!r}, {time_limit}); server.start_io()"
    )
    return (sys.executable, "-c", program)


def plain(value: Any) -> Any:
    """What has no type in the protocol, as JSON has it."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


class Client:
    """One running server. `diagnostics` holds the newest of each URI, `count` how often they came, `logged` its
    messages, `refreshed` how often it said that diagnostics are to be asked for again.

    `settings` are what it gets when it asks for them, `initial` parameters of the first request.
    """

    def __init__(
        self,
        initialization_options: Any = None,
        workspace_folders: Any = None,
        command: Sequence[str] = SERVER,
        client_info: types.ClientInfo | None = None,
        **capabilities: Any,
    ) -> None:
        self.client = LanguageClient("test", "1")
        self.capabilities = capabilities
        self.initial = {
            "initialization_options": initialization_options,
            "workspace_folders": workspace_folders,
            "client_info": client_info,
        }
        self.settings: Any = None
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self.published = asyncio.Event()
        self.versions: dict[str, int] = {}
        self.count: Counter[str] = Counter()
        self.refreshed = 0
        self.command = command
        self.progress: list[types.ProgressParams] = []
        self.created: list[types.ProgressToken] = []
        self.logged: list[str] = []
        self.shown: list[Any] = []
        self.result: Any = None

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.diagnostics[params.uri] = list(params.diagnostics)
            self.count[params.uri] += 1
            self.published.set()

        @self.client.feature(types.WINDOW_LOG_MESSAGE)
        def log(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def show(params: types.ShowMessageParams) -> None:
            self.shown.append(params)

        @self.client.feature(types.PROGRESS)
        def progress(params: types.ProgressParams) -> None:
            params.value = plain(params.value)
            self.progress.append(params)

        @self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create(params: types.WorkDoneProgressCreateParams) -> None:
            self.created.append(params.token)

        @self.client.feature(types.WORKSPACE_DIAGNOSTIC_REFRESH)
        def refresh(_params: None) -> None:
            self.refreshed += 1

        @self.client.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings if item.section == "kfuncgen" else None for item in params.items]

        @self.client.feature(types.WINDOW_SHOW_DOCUMENT)
        def show_document(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            self.shown.append(params)
            return types.ShowDocumentResult(success=True)

    async def __aenter__(self) -> Client:
        environment = {**os.environ, "PYTHONPATH": str(Path(kfuncgen.__file__).parents[1])}
        await self.client.start_io(*self.command, env=environment)
        self.result = await self.client.initialize_async(
            types.InitializeParams(
                types.ClientCapabilities(**self.capabilities), process_id=os.getpid(), **self.initial
            )
        )
        self.client.initialized(types.InitializedParams())
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(Exception):
            await asyncio.wait_for(self.client.shutdown_async(None), 10)
            self.client.exit(None)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.client.stop(), 10)

    def open(self, path: Path, text: str, language: str = "c") -> str:
        """Open a document with unsaved text; its URI."""
        self.open_uri(path.as_uri(), text, language)
        return path.as_uri()

    def open_uri(self, uri: str, text: str, language: str = "c") -> None:
        """Open a document by its URI."""
        item = types.TextDocumentItem(uri, language, 1, text)
        self.versions[uri] = 1
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, uri: str, text: str) -> None:
        """Replace a document's text."""
        self.edit(uri, types.TextDocumentContentChangeWholeDocument(text))

    def edit(self, uri: str, *changes: Any) -> None:
        """Send changes of a document."""
        self.versions[uri] = self.versions.get(uri, 1) + 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, list(changes)))

    def close(self, uri: str) -> None:
        """Close a document."""
        document = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    async def until(self, uri: str, wanted: Callable[[list[types.Diagnostic]], bool]) -> list[types.Diagnostic]:
        """The diagnostics of `uri` as soon as they are what is wanted; AssertionError when they never are."""

        async def wait() -> list[types.Diagnostic]:
            while uri not in self.diagnostics or not wanted(self.diagnostics[uri]):
                self.published.clear()
                await self.published.wait()
            return self.diagnostics[uri]

        try:
            return await asyncio.wait_for(wait(), SECONDS)
        except TimeoutError:
            raise AssertionError(f"only {self.diagnostics.get(uri)} was published; {self.logged}") from None

    async def eventually(self, true: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait until something is true; AssertionError when it never is."""
        stop = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < stop, self.logged
            await asyncio.sleep(0.02)


async def complete(client: Client, uri: str, position: types.Position) -> types.CompletionList:
    """Completion as editors have it, which ask again while the headers are still being read."""
    for _ in range(50):
        params = types.CompletionParams(types.TextDocumentIdentifier(uri), position)
        found = await client.client.text_document_completion_async(params)
        assert isinstance(found, types.CompletionList)
        if not found.is_incomplete:
            break
        await asyncio.sleep(0.1)
    return found


def place(text: str, before: str) -> types.Position:
    """The position behind the first `before`."""
    return Text(text, "utf-16").position_at(text.index(before) + len(before))


def applied(text: str, edits: Any) -> str:
    """The text with edits of one file, the last one first."""
    shown = Text(text, "utf-16")
    for edit in sorted(edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
        text = text[: shown.offset(edit.range.start)] + edit.new_text + text[shown.offset(edit.range.end) :]
    return text


def codes(diagnostics: list[types.Diagnostic]) -> list[object]:
    """The rules of diagnostics."""
    return [one.code for one in diagnostics]


def run(test: Callable[[Client], Awaitable[None]], **capabilities: Any) -> None:
    """Run a test with a server of its own."""

    async def inside() -> None:
        async with Client(**capabilities) as client:
            await test(client)

    asyncio.run(inside())
