"""How long editors wait: from an edit to its diagnostics, over the protocol, and what hover and completion take.

`python -m benchmarks.lsp [FILE | --synthetic LINES] [--edits N]` starts the server as an editor does, opens FILE
(default: one of the test programs, 354 lines with vmlinux.h) or a program like that of `benchmarks.speed`, and
adds and removes a character of a comment at the file's end. Times are the client's, so they hold the protocol,
the server's wait for further changes (10 ms), parsing and the linting of the whole source. The first answer, with
which the headers are read, is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from benchmarks.speed import synthetic

DEFAULT = Path(__file__).parents[1] / "tests" / "cases" / "xfrm_opts.bpf.c"


class Editor:
    """A client that waits for the diagnostics of each edit."""

    def __init__(self, path: Path, text: str) -> None:
        self.client = LanguageClient("benchmark", "1")
        self.uri = path.as_uri()
        self.text = text
        self.version = 0
        self.published = asyncio.Event()

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def publish(params: types.PublishDiagnosticsParams) -> None:
            if params.uri == self.uri:
                self.published.set()

        @self.client.feature(types.WINDOW_LOG_MESSAGE)  # type: ignore[untyped-decorator]
        def log(params: types.LogMessageParams) -> None:
            pass

    async def start(self) -> float:
        """Start the server and open the source; seconds until the first diagnostics."""
        begun = time.perf_counter()
        await self.client.start_io(sys.executable, "-m", "kfuncgen", "lsp")
        await self.client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
        self.client.initialized(types.InitializedParams())
        item = types.TextDocumentItem(self.uri, "c", self.version, self.text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await self.published.wait()
        return time.perf_counter() - begun

    async def edit(self, number: int) -> float:
        """Seconds from one edit to its diagnostics."""
        self.published.clear()
        line = self.text.count("\n")
        begun = time.perf_counter()
        place = types.Range(types.Position(line, 2), types.Position(line, 2 + number % 2))
        self.change(place, "" if number % 2 else "x")
        await self.published.wait()
        return time.perf_counter() - begun

    async def hover(self) -> float:
        """Seconds for one hover."""
        at = self.text.index("bpf_xdp_get_xfrm_state(") if "bpf_xdp_get_xfrm_state(" in self.text else 0
        line = self.text.count("\n", 0, at)
        params = types.HoverParams(
            types.TextDocumentIdentifier(self.uri), types.Position(line, at - self.text.rfind("\n", 0, at))
        )
        begun = time.perf_counter()
        await self.client.text_document_hover_async(params)
        return time.perf_counter() - begun

    async def complete(self) -> tuple[float, int]:
        """Seconds for one completion of `bpf_` at the head of the first program, and how many items it has."""
        at = self.text.index("{", self.text.index('SEC("', self.text.index("license"))) + 1
        line = self.text.count("\n", 0, at) + 1
        here = types.Range(types.Position(line, 0), types.Position(line, 0))
        self.change(here, "\tbpf_\n")
        params = types.CompletionParams(types.TextDocumentIdentifier(self.uri), types.Position(line, 5))
        begun = time.perf_counter()
        found = await self.client.text_document_completion_async(params)
        taken = time.perf_counter() - begun
        self.change(types.Range(types.Position(line, 0), types.Position(line + 1, 0)), "")
        assert isinstance(found, types.CompletionList)
        return taken, len(found.items)

    def change(self, place: types.Range, text: str) -> None:
        """Send one change."""
        self.version += 1
        document = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        change = types.TextDocumentContentChangePartial(place, text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))


async def measured(path: Path, text: str, edits: int) -> None:
    """Measure one source and print what was found."""
    editor = Editor(path, text)
    first = await editor.start()
    await editor.edit(0)
    times = [await editor.edit(number) for number in range(1, edits + 1)]
    await editor.hover()  # with the first one the server reads the specs
    hovers = [await editor.hover() for _ in range(20)]
    await editor.complete()  # with the first one the server asks what the headers declare
    completions = [await editor.complete() for _ in range(20)]
    await editor.client.shutdown_async(None)
    editor.client.exit(None)
    await editor.client.stop()  # type: ignore[no-untyped-call]
    print(f"{text.count(chr(10))} lines, {edits} edits")
    print(f"first diagnostics      {first * 1000:6.0f} ms (server, specs and headers included)")
    print(f"edit to diagnostics    {told(times)}")
    print(f"hover                  {told(hovers)}")
    print(f"completion             {told([taken for taken, _ in completions])} ({completions[-1][1]} items)")


def told(times: list[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(times)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{statistics.median(ordered) * 1000:6.0f} ms median, {high * 1000:.0f} ms at the 95th percentile"


def main() -> None:
    """Measure the source that was named."""
    parser = argparse.ArgumentParser(description="Measure the language server.")
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--synthetic", type=int, metavar="LINES", help="a made program of about so many lines")
    parser.add_argument("--edits", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.bpf.c")
        made = synthetic(arguments.synthetic // 27, arguments.synthetic) if arguments.synthetic else ""
        text = (made or arguments.file.read_text()).rstrip("\n") + "\n// "
        path.write_text(text)  # libclang keeps the headers of files only that exist
        asyncio.run(measured(path, text, max(arguments.edits, 1)))


if __name__ == "__main__":
    main()
