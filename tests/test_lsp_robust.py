"""What nobody should send, and what should not happen: each costs one request, never the server."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from lsp_client import CLEAN, HEAD, LEAK, Client, codes, run, slow_server
from lsprotocol import types

import kfuncgen
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.surroundings import statement_place, surroundings

SECONDS = 15.0
INITIALIZE = {"processId": None, "rootUri": None, "capabilities": {}}


class Raw:
    """A server, spoken to in bytes."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(kfuncgen.__file__).parents[1]), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kfuncgen", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # which nobody reads, as some clients do
            env=environment,
        )
        self.answers: Queue[dict[str, Any]] = Queue()
        self.number = 1000
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := stream.readline():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif line == b"\r\n":
                self.answers.put(json.loads(stream.read(length)))

    def send(self, body: bytes, head: bytes | None = None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write((head or b"Content-Length: %d\r\n\r\n" % len(body)) + body)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def ask(self, method: str, params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.send(json.dumps(message).encode())
        return self.answer(self.number)

    def answer(self, number: Any) -> dict[str, Any]:
        stop = time.monotonic() + SECONDS
        while time.monotonic() < stop:
            try:
                found = self.answers.get(timeout=0.5)
            except Empty:
                assert self.process.poll() is None, "the server has ended"
                continue
            if found.get("id") == number and "method" not in found:
                return found
        raise AssertionError(f"no answer to {number}")

    def works(self) -> bool:
        place = {"textDocument": {"uri": "file:///nowhere.bpf.c"}, "position": {"line": 0, "character": 0}}
        return "result" in self.ask("textDocument/hover", place)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raw]:
    server = Raw(tmp_path_factory.mktemp("raw"))
    assert "capabilities" in server.ask("initialize", INITIALIZE)["result"]
    server.notify("initialized", {})
    yield server
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[1, 2, 3]",
        b"42",
        b"null",
        b"{}",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"jsonrpc": "1.0"}',
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "2.0", "id": 99, "result": 5}',
        b'{"jsonrpc": "2.0", "id": 99, "error": {"code": 1, "message": "x"}}',
        b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "textDocument/hover", "params": {}}',
        b'{"jsonrpc": "2.0", "method": "no/such", "params": {}}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen"}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 5}}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": {"uri": "x"}}}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "none"}}',
        b'{"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {"settings": [1]}}',
    ],
)
def test_messages_that_are_none(raw: Raw, body: bytes) -> None:
    raw.send(body)
    assert raw.works()


@pytest.mark.parametrize(
    "head", [b"Garbage: x\r\n\r\n", b"no colon\n", b"Content-Length: x\r\n\r\n", b"\r\n\r\n\0"]
)
def test_heads_that_are_none(raw: Raw, head: bytes) -> None:
    raw.send(b"", head)
    raw.send(b"", b"\r\n")
    assert raw.works()


@pytest.mark.parametrize(
    "params",
    [
        None,
        5,
        {"textDocument": 5},
        {"textDocument": {"uri": "file:///x"}},
        {"textDocument": {"uri": "file:///x"}, "position": {"line": -1, "character": 0}},
        {"textDocument": {"uri": "file:///x"}, "position": {"line": 1e30, "character": 0.5}},
    ],
)
def test_requests_that_are_wrong_are_answered(raw: Raw, params: Any) -> None:
    assert raw.ask("textDocument/hover", params)["error"]["code"] in (-32602, -32603)


def test_unknown_methods_are_refused(raw: Raw) -> None:
    assert raw.ask("no/such", {})["error"]["code"] == -32601
    assert raw.ask("workspace/executeCommand", {"command": "rm", "arguments": ["-rf"]})["error"]


@pytest.mark.parametrize(
    "uri",
    ["", "x", "file:", "file://", "file:///", "file://host/a.bpf.c", "file:///%00.bpf.c", "file:///%FF.bpf.c",
     "untitled:", "untitled:%00", "git:/a.bpf.c", "file:///proc/self/mem.bpf.c", "file:///a\nb.bpf.c",
     "file:///" + "a" * 5000 + ".bpf.c", "file:///\ud800.bpf.c"],
)  # fmt: skip
def test_uris_of_every_kind(raw: Raw, uri: str) -> None:
    document = {"uri": uri, "languageId": "c", "version": 1, "text": CLEAN}
    raw.notify("textDocument/didOpen", {"textDocument": document})
    where = {"textDocument": {"uri": uri}, "position": {"line": 8, "character": 30}}
    for method in ("hover", "completion", "signatureHelp", "documentSymbol", "codeLens"):
        raw.ask(f"textDocument/{method}", where)
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    asked = {"textDocument": {"uri": uri}, "range": whole, "context": {"diagnostics": []}}
    raw.ask("textDocument/inlayHint", asked)
    raw.ask("textDocument/codeAction", asked)
    raw.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert raw.works()


def test_the_server_ends_with_its_client_and_leaves_nothing(tmp_path: Path) -> None:
    server = Raw(tmp_path)
    server.ask("initialize", INITIALIZE)
    server.notify("initialized", {})
    document = {"uri": (tmp_path / "a.bpf.c").as_uri(), "languageId": "c", "version": 1, "text": LEAK}
    server.notify("textDocument/didOpen", {"textDocument": document})
    actions = {"textDocument": {"uri": document["uri"]}, "context": {"diagnostics": []},
               "range": {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}}  # fmt: skip
    assert server.ask("textDocument/codeAction", actions)["result"]
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    assert children
    assert server.process.stdin is not None
    server.process.stdin.close()
    server.process.wait(SECONDS)
    for pid in children:
        _gone(int(pid))
    assert not list(tmp_path.glob("kfuncgen-lsp-*"))


def _gone(pid: int) -> None:
    stop = time.monotonic() + SECONDS
    while time.monotonic() < stop:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(") ")[2].startswith("Z"):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the linter outlives the server")


# -- documents ---------------------------------------------------------------------------------------------------


def change(client: Client, uri: str, version: int, *changes: Any) -> None:
    document = types.VersionedTextDocumentIdentifier(version, uri)
    client.client.text_document_did_change(types.DidChangeTextDocumentParams(document, list(changes)))


def test_places_that_are_not_in_the_text(tmp_path: Path) -> None:
    """Behind a line's end is its end, behind the text its end; a range that ends before it begins is empty."""

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", CLEAN)
        await client.until(uri, lambda found: not found)
        line = CLEAN.splitlines().index("\tbpf_task_release(task);")
        far = types.Range(types.Position(line, 0), types.Position(line, 2**31 - 1))
        change(client, uri, 2, types.TextDocumentContentChangePartial(far, ""))
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])
        back = types.Range(types.Position(line, 0), types.Position(0, 0))
        change(client, uri, 3, types.TextDocumentContentChangePartial(back, "\tbpf_task_release(task);"))
        await client.until(uri, lambda found: not found)
        end = types.Range(types.Position(2**31 - 1, 5), types.Position(2**31 - 1, 9))
        change(client, uri, 4, types.TextDocumentContentChangePartial(end, "int end = ;\n"))
        assert codes(await client.until(uri, bool)) == ["not-checked"]

    run(test)


def test_versions_that_go_back_and_documents_that_are_opened_twice(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", CLEAN)
        await client.until(uri, lambda found: not found)
        change(client, uri, -5, types.TextDocumentContentChangeWholeDocument(LEAK))
        await client.until(uri, bool)
        change(client, uri, -5, types.TextDocumentContentChangeWholeDocument(CLEAN))
        await client.until(uri, lambda found: not found)
        client.open(tmp_path / "a.bpf.c", LEAK)
        await client.until(uri, bool)
        client.close(uri)
        await client.until(uri, lambda found: not found)
        client.close(uri)
        change(client, uri, 9, types.TextDocumentContentChangeWholeDocument(LEAK))
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        assert codes(await client.until(uri, bool)) == ["unreleased-reference"]

    run(test)


def test_halves_of_characters_and_binary_texts(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        for number, text in enumerate(["/* \ud800 */" + LEAK, "\0" * 1000, "\ufeff" + LEAK, LEAK + "\0\0"]):
            uri = client.open(tmp_path / f"{number}.bpf.c", text)
            await client.until(uri, lambda found: True)
        found = client.diagnostics[(tmp_path / "0.bpf.c").as_uri()]
        assert codes(found) == ["unreleased-reference"]

    run(test)


def test_huge_documents(tmp_path: Path) -> None:
    """What is too large is told in a note, and answers about it come at once; others are linted as ever."""
    huge = CLEAN + "// " + "x" * (9 << 20)

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "huge.bpf.c", huge)
        document = types.TextDocumentIdentifier(uri)
        params = types.CompletionParams(document, types.Position(9, 20))
        found = await client.client.text_document_completion_async(params)
        assert isinstance(found, types.CompletionList) and not found.items
        symbols = types.DocumentSymbolParams(document)
        assert not await client.client.text_document_document_symbol_async(symbols)
        (one,) = await client.until(uri, bool)
        assert (one.code, one.severity) == ("not-checked", types.DiagnosticSeverity.Information)
        assert "larger than 8 MiB" in one.message
        other = client.open(tmp_path / "other.bpf.c", LEAK)
        assert codes(await client.until(other, bool)) == ["unreleased-reference"]

    run(test)


# -- the process that lints --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [("crash now", "the linter ended unexpectedly (SIGABRT)"), ("loop now", "took more than 0.6 seconds")],
)
def test_a_bad_run_costs_one_answer(tmp_path: Path, text: str, told: str) -> None:
    async def test(client: Client) -> None:
        bad, good = client.open(tmp_path / "bad.bpf.c", text), client.open(tmp_path / "good.bpf.c", "fine")
        (found,) = await client.until(bad, bool)
        assert told in found.message and found.severity == types.DiagnosticSeverity.Information
        assert [one.message for one in await client.until(good, bool)] == ["fine"]
        client.change(bad, "fine again")
        await client.until(bad, lambda found: [one.message for one in found] == ["fine again"])
        assert [line for line in client.logged if told in line]

    run(test, command=slow_server(0.6))


def test_what_the_compilers_library_dies_of(tmp_path: Path) -> None:
    deep = f"{HEAD}int f(int x)\n{{\n\treturn x{'+1' * 100_000};\n}}\n"

    async def test(client: Client) -> None:
        bad, good = client.open(tmp_path / "bad.bpf.c", deep), client.open(tmp_path / "good.bpf.c", LEAK)
        (found,) = await client.until(bad, bool)
        assert found.code == "not-checked" and "unexpectedly (SIG" in found.message
        assert codes(await client.until(good, bool)) == ["unreleased-reference"]

    run(test)


def test_a_linter_that_never_starts_is_told(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        (found,) = await client.until(uri, bool)
        assert "the linter ended unexpectedly (status 3)" in found.message
        hover = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(8, 32))
        assert await client.client.text_document_hover_async(hover)

    run(test, command=slow_server(worker="raise SystemExit(3)"))


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The linter itself, with a smaller bound, and a run that wants ever more."""
    worker = (
        "import kfuncgen.lsp.worker as w; from kfuncgen.lsp.wire import Answer\n"
        "w.MEMORY_BYTES = 600 << 20\n"
        "def linted(self, path, text, unsaved):\n"
        "    kept = []\n"
        "    while text == 'more':\n        kept.append(bytearray(10 << 20))\n"
        "    return Answer(problem=text)\n"
        "w.Worker._linted = linted\n"
        "w.main()\n"
    )

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", "more")
        (found,) = await client.until(uri, bool)
        assert "it needed too much memory" in found.message
        client.change(uri, "less")
        await client.until(uri, lambda found: [one.message for one in found] == ["less"])

    run(test, command=slow_server(worker=worker))


# -- half-written texts ------------------------------------------------------------------------------------------


def test_every_beginning_of_a_text_is_scanned() -> None:
    """Editors ask in the middle of everything."""
    text = Path(__file__).with_name("cases").joinpath("task_exits.bpf.c").read_text()[:3000]
    for end in range(0, len(text), 7):
        _scanned(text[:end], end)


def test_texts_of_any_kind_are_scanned() -> None:
    pieces = ["{", "}", "(", ")", ";", '"', "'", "/*", "*/", "//", "\n", "\\\n", "\r\n", "#if", "#endif\n", "SEC(",
              '"xdp"', "BPF_PROG(", "struct a *b", " = ", ",", "int f(void *c)", "for", "if", "else", "case 1:",
              "bpf_task_", "😀", "\ud7ff", "\0", "__attribute__((", "))", "static"]  # fmt: skip
    chance = random.Random(7)
    for _ in range(1500):
        text = "".join(chance.choice(pieces) + chance.choice(["", " "]) for _ in range(chance.randrange(40)))
        _scanned(text, chance.randrange(len(text) + 1))


def _scanned(text: str, offset: int) -> None:
    scan, shown = Scan(text), Text(text, "utf-16")
    assert len(scan.code) == len(text)
    word, start = scan.word_at(offset)
    assert text.startswith(word, start)
    scan.open_call(offset)
    for function in scan.functions:
        assert 0 <= function.start <= function.name_at <= function.body < function.end
        list(scan.calls(function.body, function.end))
        assert surroundings(scan, function, min(offset, len(text))) is not None
    statement_place(scan, min(start, offset), offset)
    assert shown.offset(shown.position_at(offset)) == offset or text[offset - 1 : offset + 1] == "\r\n"
