"""Messages to the language server, as no editor would send them: the server that editors start must answer each
request, and must be there afterwards."""

from __future__ import annotations

import json
import os
import queue
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import kfuncgen
from benchmarks.fuzz_targets import ROOT, Target, changed

SECONDS = 15.0
"""For all answers to one case. The server stops its linter after ten."""
_FILES = ("a.bpf.c", "b.bpf.c", "own.h", "kfuncgen.toml", "no/such.bpf.c")
_REQUESTS = (
    *(
        "hover",
        "completion",
        "signatureHelp",
        "definition",
        "documentSymbol",
        "codeLens",
        "inlayHint",
        "codeAction",
    ),
    *("references", "documentHighlight", "formatting", "diagnostic", "semanticTokens/full", "rename"),
)
_NOTES = ("didOpen", "didChange", "didChange", "didChange", "didSave", "didClose", "willSave")
_ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31 - 1, 2**31, 2**63, 1e308, 0.5, "", "x", "\ud83d", "\udc00", "\0", "a" * 3000),
    *([], {}, [[]], {"a": {}}, [None], "file:///%00", "file://", "untitled:x", "\x1b[31m"),
)
_ENDS = re.compile(rb'"(?:exit|shutdown)"')


class Server:
    """The server, and what it has answered."""

    def __init__(self, folder: Path, initialize: Any) -> None:
        environment = os.environ | {"PYTHONPATH": str(Path(kfuncgen.__file__).parents[1]), "TMPDIR": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kfuncgen", "lsp"], cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._answers: queue.Queue[Any] = queue.Queue()
        self._asked = 10**6
        threading.Thread(target=self._read, daemon=True).start()
        self.send(_frame(_request(0, "initialize", initialize)))
        self.wait({0})
        self.send(_frame(_note("initialized", {})))

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        length = 0
        while line := stream.readline():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif line == b"\r\n":
                self._answers.put(json.loads(stream.read(length)))
        self._answers.put(None)

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def wait(self, wanted: set[int]) -> None:
        """Until all of these requests are answered; TimeoutError, or EOFError when the server is gone."""
        missing, stop = set(wanted), time.monotonic() + SECONDS
        while missing:
            try:
                found = self._answers.get(timeout=max(0.0, stop - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no answer to {len(missing)} of {len(wanted)} requests") from None
            if found is None:
                raise EOFError(f"the server has ended with status {self._process.wait()}")
            if "method" not in found and isinstance(found.get("id"), int):
                missing.discard(found["id"])

    def lives(self) -> None:
        """Ask what is always answered."""
        self._asked += 1
        place = {"textDocument": {"uri": "file:///none.bpf.c"}, "position": {"line": 0, "character": 0}}
        self.send(_frame(_request(self._asked, "textDocument/hover", place)))
        self.wait({self._asked})

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def _request(number: Any, method: Any, params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def _note(method: Any, params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()


def _frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Messages(Target):
    """Sessions: a message a line. Every well-formed request of it must be answered."""

    name, file = "lsp", "session"

    def read(self) -> list[bytes]:
        self._server: Server | None = None
        cases = sorted((ROOT / "tests" / "cases").glob("*.bpf.c"))
        self._texts = [case.read_text() for case in cases[:: max(1, len(cases) // 40)]]
        return [b""]

    def make(self, number: int) -> bytes:
        chance = random.Random(f"{self.name} {number}")
        lines = [self._message(chance, at) for at in range(chance.randrange(1, 9))]
        if chance.randrange(6) == 0:  # a storm
            lines += [_note("$/cancelRequest", {"id": chance.randrange(-1, 12)}) for _ in range(60)]
        if chance.randrange(3) == 0:
            at = chance.randrange(len(lines))
            lines[at] = changed(lines[at], lines, chance).replace(b"\n", b" ")
        chance.shuffle(lines) if chance.randrange(4) == 0 else None
        return b"\n".join(lines)

    def _message(self, chance: random.Random, number: int) -> bytes:
        uri = (self.folder / chance.choice(_FILES)).as_uri()
        text = chance.choice(self._texts)
        if chance.randrange(4) == 0:
            start = chance.randrange(len(text) + 1)
            text = text[start : start + chance.randrange(4000)] + chance.choice(
                ["", "\ud83d", "\udc00 x", "\0", "\r"]
            )
        lines = text.count("\n") + 2
        position = {"line": chance.randrange(lines), "character": chance.randrange(90)}
        other = {"line": chance.randrange(lines), "character": chance.randrange(90)}
        document: dict[str, Any] = {"uri": uri, "languageId": "c", "version": chance.randrange(9), "text": text}
        part = {
            "range": {"start": position, "end": other},
            "text": chance.choice(["", "x", "\n", text[:90], "\ud83d"]),
        }
        params: Any = {
            "textDocument": document,
            "position": position,
            "range": {"start": position, "end": other},
            "context": {"diagnostics": [], "triggerKind": 1, "includeDeclaration": True},
            "contentChanges": [chance.choice([part, part, {"text": text}]) for _ in range(chance.randrange(1, 4))],
        }
        for _ in range(chance.choice((0, 0, 1, 2))):
            params = _bent(params, chance)
        how = chance.randrange(10)
        if how < 5:
            return _note(f"textDocument/{chance.choice(_NOTES)}", params)
        if how < 9:
            method = f"textDocument/{chance.choice(_REQUESTS)}"
            return _request(chance.choice((number, number, 99 - number)), method, params)
        methods = ("workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles", "no/such", "$/setTrace",
                   "workspace/didChangeWorkspaceFolders", "workspace/symbol", "workspace/executeCommand",
                   "initialize", "initialized")  # fmt: skip
        return _note(chance.choice(methods), _bent({"settings": {}, "changes": [], "event": {}}, chance))

    def ask(self, data: bytes) -> str:
        try:
            if self._server is None:
                self._server = Server(self.folder, {"processId": None, "rootUri": None, "capabilities": {}})
            wanted: set[int] = set()
            for number, line in enumerate(data.split(b"\n")):
                if not _ENDS.search(line):
                    self._server.send(_framed(line, number, len(data)))
                    wanted |= _answerable(line)
            self._server.wait(wanted)
            self._server.lives()
        except (TimeoutError, EOFError, OSError) as error:
            if self._server is not None:
                self._server.close()
            self._server = None
            return f"{type(error).__name__}: {error}"
        return ""


def _framed(line: bytes, number: int, seed: int) -> bytes:
    """A message as it is sent: whole, or with a wrong length and what makes up for it."""
    how = (seed + number) % 12
    if how == 0:
        return b"Content-Length: %d\r\n\r\n%b" % (len(line) + 50, line + b" " * 50)
    if how == 1:
        return b"Content-Type: x; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (len(line), line)
    if how == 2:
        return b"Garbage: 1\r\n\r\n" + _frame(line)
    return _frame(line)


def _answerable(line: bytes) -> set[int]:
    """The number of a request that must be answered."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return set()
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0" or not isinstance(found.get("method"), str):
        return set()
    number = found.get("id")
    return {number} if type(number) is int else set()


def _bent(value: Any, chance: random.Random) -> Any:
    """`value` with one part of it of another kind, or gone."""
    if isinstance(value, dict) and value and chance.randrange(5):
        key = chance.choice(sorted(value))
        if chance.randrange(8) == 0:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: _bent(value[key], chance)}
    if isinstance(value, list) and value and chance.randrange(5):
        at = chance.randrange(len(value))
        return [*value[:at], _bent(value[at], chance), *value[at + 1 :]]
    return chance.choice(_ODD)
