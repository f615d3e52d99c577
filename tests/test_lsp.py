"""The language server over its protocol: diagnostics of unsaved texts, configuration, headers, failures."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from lsp_client import CLEAN, HEAD, LEAK, Client, codes, run
from lsprotocol import types

from kfuncgen import cli
from kfuncgen.lsp.linter import Linter, LinterFailed, Superseded

PULL = {"text_document": types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())}


def pull(uri: str) -> types.DocumentDiagnosticParams:
    return types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))


def test_unsaved_text_is_linted_as_it_is_edited(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        (found,) = await client.until(uri, bool)
        assert (found.code, found.severity, found.source) == (
            "unreleased-reference", types.DiagnosticSeverity.Error, "kfuncgen",
        )  # fmt: skip
        assert LEAK.splitlines()[found.range.start.line] == "\treturn 1;"
        assert (found.range.start.character, found.range.end.character > 1) == (1, True)
        related = found.related_information or []
        assert "1. " in related[0].message
        assert [one.location.uri for one in related] == [uri] * len(related)
        assert LEAK.splitlines()[related[0].location.range.start.line].endswith("bpf_task_from_pid(1);")
        assert found.code_description is not None
        assert Path(found.code_description.href.removeprefix("file://")).read_text().strip()
        client.change(uri, CLEAN)
        await client.until(uri, lambda found: not found)
        line = CLEAN.splitlines().index("\tbpf_task_release(task);")
        whole = types.Range(types.Position(line, 0), types.Position(line + 1, 0))
        client.edit(uri, types.TextDocumentContentChangePartial(whole, ""))
        assert codes(await client.until(uri, bool)) == ["unreleased-reference"]
        client.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        await client.until(uri, lambda found: not found)

    run(test)
    assert not (tmp_path / "a.bpf.c").exists()


@pytest.mark.parametrize(("encodings", "column"), [(None, 11), (["utf-8"], 13), (["utf-32"], 10)])
def test_columns_are_the_clients(tmp_path: Path, encodings: list[str] | None, column: int) -> None:
    text = LEAK.replace("\treturn 1;", "\t/* 😀\f */ return 1;")

    async def test(client: Client) -> None:
        assert client.result.capabilities.position_encoding == (encodings or ["utf-16"])[0]
        uri = client.open(tmp_path / "a.bpf.c", "int x;\n")
        client.change(uri, text.replace("return 1;", "return one;"))
        line = next(number for number, text in enumerate(text.split("\n")) if "😀" in text)
        start = column + len("return ")
        one = types.Range(types.Position(line, start), types.Position(line, start + 3))
        client.edit(uri, types.TextDocumentContentChangePartial(one, "1"))
        (found,) = await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])
        assert found.range.start == types.Position(line, column)
        assert found.range.end in (types.Position(line, start + 1), types.Position(line, start + 2))

    general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
    run(test, general=general)


def test_diagnostics_can_be_asked_for(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        other = client.open(tmp_path / "b.bpf.c", CLEAN)
        client.change(uri, CLEAN)
        client.change(uri, LEAK)
        asked = [client.client.text_document_diagnostic_async(pull(one)) for one in (uri, other)]
        reports = await asyncio.gather(*asked)
        assert [codes(report.items) for report in reports] == [["unreleased-reference"], []]
        client.change(uri, CLEAN)
        assert codes((await client.client.text_document_diagnostic_async(pull(uri))).items) == []
        assert client.diagnostics == {}, "they would be shown twice"

    run(test, **PULL)


def test_findings_in_headers_are_theirs(tmp_path: Path) -> None:
    header = tmp_path / "own.h"
    function = CLEAN.removeprefix(HEAD).replace('SEC("syscall")\nint leaks(void *ctx)', "static int inner(void)")
    header.write_text(function.replace("\tif (!task)\n\t\treturn 0;\n", ""))
    program = f'{HEAD}#include "own.h"\nSEC("syscall") int f(void *ctx) {{ return inner(); }}\n'

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", program)
        (found,) = await client.until(header.as_uri(), bool)
        assert header.read_text().splitlines()[found.range.start.line] == "\tbpf_task_release(task);"
        assert client.diagnostics[uri] == []
        header.write_text(function)
        changed = types.FileEvent(header.as_uri(), types.FileChangeType.Changed)
        client.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
        await client.until(header.as_uri(), lambda found: not found)

    run(test)


def test_the_nearest_configuration_counts_and_is_watched(tmp_path: Path) -> None:
    config = tmp_path / "kfuncgen.toml"
    config.write_text('ignore = ["unreleased-reference"]\n')
    folder = tmp_path / "below"
    folder.mkdir()

    async def test(client: Client) -> None:
        uri = client.open(folder / "a.bpf.c", LEAK)
        await client.until(uri, lambda found: not found)
        config.write_text("ignored = []\n")
        changed = types.FileEvent(config.as_uri(), types.FileChangeType.Changed)
        client.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
        (found,) = await client.until(uri, bool)
        assert "did you mean 'ignore'?" in found.message
        config.unlink()
        client.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({}))
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])

    run(test)


def test_messages_say_where_findings_hold(tmp_path: Path) -> None:
    (tmp_path / "kfuncgen.toml").write_text('kernels = "6.1..6.12"\n')
    text = LEAK.replace(HEAD, f"{HEAD}extern struct task_struct *bpf_task_from_pid(int pid) __ksym;\n")

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        messages = {one.code: one.message.splitlines() for one in await client.until(uri, bool)}
        assert "on kernel 6.1; not on the other targeted kernels" in messages["unguarded-kfunc"]
        assert messages["unreleased-reference"][1:] == [
            "help: call bpf_task_release() on it before the program returns here",
            "on kernels 6.10 to 6.12; not on the other targeted kernels",
            'the kernel says "Unreleased reference id=… alloc_insn=…"',
        ]

    run(test)


def test_what_does_not_compile_is_one_note(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK.replace("return 1;", "return one;\n\treturn two;"))
        (found,) = await client.until(uri, bool)
        assert (found.code, found.severity) == ("not-checked", types.DiagnosticSeverity.Information)
        assert found.range.start.line == LEAK.splitlines().index("\treturn 1;")
        client.change(uri, LEAK)
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])

    run(test)


def test_without_pygls_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    assert cli.main(["lsp"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kfuncgen: error: ") and f"{sys.executable} -m pip install 'pygls" in err


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        client.open(tmp_path / "user.c", "int main(void) { return }\n")
        client.open(tmp_path / "own.h", "int x = ;\n")
        uri = client.open(tmp_path / "plain.c", LEAK)
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])
        assert list(client.diagnostics) == [uri]

    run(test)


# -- the process that lints --------------------------------------------------------------------------------------

LOOP = "import json, sys, time\nfor line in sys.stdin:\n    text = json.loads(line)['text']\n"
ANSWER = "    print(json.dumps({'findings': [], 'notes': [], 'failures': [], 'problem': text}), flush=True)\n"


def worker(body: str) -> tuple[str, ...]:
    """A process in the worker's place that does `body` before it answers with the text."""
    return (sys.executable, "-c", LOOP + body + ANSWER)


def test_a_crash_costs_one_answer() -> None:
    async def test() -> None:
        linter = Linter(worker("    if text == 'crash':\n        import os; os.abort()\n"))
        assert (await linter.lint("a", "one")).problem == "one"
        with pytest.raises(LinterFailed, match="SIGABRT"):
            await linter.lint("a", "crash")
        assert (await linter.lint("a", "two")).problem == "two"
        await linter.forget()

    asyncio.run(test())


def test_an_endless_loop_costs_one_answer() -> None:
    async def test() -> None:
        linter = Linter(worker("    while text == 'loop':\n        pass\n"), time_limit=0.5)
        with pytest.raises(LinterFailed, match=r"more than 0\.5 seconds"):
            await linter.lint("a", "loop")
        assert (await linter.lint("a", "two")).problem == "two"
        await linter.forget()

    asyncio.run(test())


def test_a_newer_text_ends_the_older_run() -> None:
    async def test() -> None:
        linter = Linter(worker("    time.sleep(100 if text == 'slow' else 0)\n"), patience=0.1)
        newer = asyncio.Event()
        run = asyncio.create_task(linter.lint("a", "slow", newer))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        newer.set()
        with pytest.raises(Superseded):
            await run
        assert (await linter.lint("a", "two")).problem == "two"
        assert time.monotonic() - begun < 10
        await linter.forget()

    asyncio.run(test())


def test_a_stranger_on_the_pipe_is_an_answer_lost() -> None:
    async def test() -> None:
        linter = Linter(worker("    if text == 'odd':\n        print('[1', flush=True)\n        continue\n"))
        with pytest.raises(LinterFailed):
            await linter.lint("a", "odd")
        assert (await linter.lint("a", "two")).problem == "two"
        await linter.forget()

    asyncio.run(test())


def test_the_server_outlives_its_linter(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        await client.until(uri, bool)
        children = Path(f"/proc/{client.client._server.pid}/task/{client.client._server.pid}/children")
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        client.change(uri, CLEAN)
        found = await client.until(uri, lambda found: codes(found) != ["unreleased-reference"])
        if found:  # the process may have been noticed to be gone only when it was asked
            assert codes(found) == ["not-checked"]
            assert "SIGKILL" in client.logged[-1]
        client.change(uri, LEAK)
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])

    run(test)


def test_a_project_cannot_bring_modules_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("open('loaded', 'w').close()\nfrom simplejson import *\n")
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        linter = Linter()
        answer = await linter.lint(str(tmp_path / "a.bpf.c"), LEAK)
        assert [finding.rule for finding in answer.findings] == ["unreleased-reference"]
        await linter.forget()

    asyncio.run(test())
    assert not (tmp_path / "loaded").exists()
