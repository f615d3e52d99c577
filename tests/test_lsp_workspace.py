"""Diagnostics of whole workspaces, progress, and requests that are taken back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from lsp_client import CLEAN, HEAD, LEAK, Client, codes, run, slow_server
from lsprotocol import types

from kfuncgen.lsp import workspace
from kfuncgen.lsp.turns import Turns

PULLS = types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
PROGRESS = types.WindowClientCapabilities(work_done_progress=True)
LEAKY = ["unreleased-reference"]


def at(folder: Path) -> dict[str, Any]:
    return {"workspace_folders": [types.WorkspaceFolder(folder.as_uri(), "w")], "text_document": PULLS}


async def asked(
    client: Client, previous: dict[str, str] | None = None, token: str | None = None
) -> dict[str, Any]:
    """The reports by URI."""
    known = [types.PreviousResultId(uri, value) for uri, value in (previous or {}).items()]
    params = types.WorkspaceDiagnosticParams(known, partial_result_token=token)
    found = await client.client.workspace_diagnostic_async(params)
    return {one.uri: one for one in found.items}


def told(reports: dict[str, Any]) -> dict[str, Any]:
    """Rules or `unchanged`, by the name of the file."""
    return {
        uri.rpartition("/")[2]: codes(one.items) if one.kind == "full" else one.kind
        for uri, one in reports.items()
    }


def ids(reports: dict[str, Any]) -> dict[str, str]:
    return {uri: one.result_id for uri, one in reports.items() if one.result_id is not None}


def test_sources_that_are_not_open_are_checked_too(tmp_path: Path) -> None:
    for name, text in (("a.bpf.c", LEAK), ("b.bpf.c", CLEAN), ("user.c", "int x = ;\n"), ("old.bpf.c", LEAK)):
        (tmp_path / name).write_text(text)
    for folder in (".hidden", "node_modules"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "c.bpf.c").write_text(LEAK)
    (tmp_path / "kfuncgen.toml").write_text('exclude = ["old.bpf.c"]\n')

    async def test(client: Client) -> None:
        assert client.result.capabilities.diagnostic_provider.workspace_diagnostics
        first = await asked(client)
        assert told(first) == {"a.bpf.c": LEAKY, "b.bpf.c": [], "old.bpf.c": []}
        again = await asked(client, ids(first))
        assert set(told(again).values()) == {"unchanged"}
        (tmp_path / "a.bpf.c").write_text(CLEAN)
        (tmp_path / "b.bpf.c").write_text(LEAK)
        (tmp_path / "old.bpf.c").unlink()
        changed = await asked(client, ids(again))
        assert told(changed) == {"a.bpf.c": [], "b.bpf.c": LEAKY, "old.bpf.c": []}
        assert told(await asked(client, ids(changed))) == {"a.bpf.c": "unchanged", "b.bpf.c": "unchanged"}

    run(test, **at(tmp_path))


def test_open_texts_count_instead(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text(CLEAN)

    async def test(client: Client) -> None:
        first = await asked(client)
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        second = await asked(client, ids(first))
        assert (told(second), second[uri].version) == ({"a.bpf.c": LEAKY}, 1)
        client.change(uri, CLEAN)
        third = await asked(client, ids(second))
        assert (told(third), third[uri].version) == ({"a.bpf.c": []}, 2)
        client.change(uri, LEAK)
        client.close(uri)
        assert told(await asked(client, ids(third))) == {"a.bpf.c": "unchanged"}

    run(test, **at(tmp_path))


def test_findings_in_headers_are_reported_once_and_go(tmp_path: Path) -> None:
    body = CLEAN.removeprefix(HEAD).replace('SEC("syscall")\nint leaks(void *ctx)', "static int inner(void)")
    header = tmp_path / "own.h"
    header.write_text(body.replace("\tif (!task)\n\t\treturn 0;\n", ""))
    for name in ("a", "b"):
        program = f'{HEAD}#include "own.h"\nSEC("syscall") int f(void *ctx) {{ return inner(); }}\n'
        (tmp_path / f"{name}.bpf.c").write_text(program)

    async def test(client: Client) -> None:
        first = await asked(client)
        assert {name: len(rules) for name, rules in told(first).items()} == {
            "a.bpf.c": 0,
            "b.bpf.c": 0,
            "own.h": 1,
        }
        header.write_text(body)
        event = types.FileEvent(header.as_uri(), types.FileChangeType.Changed)
        client.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        for _ in range(100):
            found = told(await asked(client, ids(first)))
            if found["own.h"] == []:
                break
            await asyncio.sleep(0.05)
        assert found == {"a.bpf.c": "unchanged", "b.bpf.c": "unchanged", "own.h": []}

    run(test, **at(tmp_path))


def test_reports_can_come_one_by_one(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.bpf.c").write_text(LEAK)

    async def test(client: Client) -> None:
        assert await asked(client, token="mine") == {}
        some = [params.value for params in client.progress if params.token == "mine"]
        assert [one["uri"].rpartition("/")[2] for part in some for one in part["items"]] == [
            "a.bpf.c", "b.bpf.c", "c.bpf.c",
        ]  # fmt: skip

    run(test, **at(tmp_path))


def test_a_workspace_can_be_left_alone_and_change(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.bpf.c").write_text(LEAK)
    one, two = (types.WorkspaceFolder((tmp_path / name).as_uri(), name) for name in ("one", "two"))

    async def test(client: Client) -> None:
        first = await asked(client)
        assert told(first) == {"one.bpf.c": LEAKY}
        event = types.WorkspaceFoldersChangeEvent(added=[two], removed=[one])
        client.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
        second = await asked(client, ids(first))
        assert told(second) == {"two.bpf.c": LEAKY, "one.bpf.c": []}
        settings = types.DidChangeConfigurationParams({"kfuncgen": {"workspace": False}})
        client.client.workspace_did_change_configuration(settings)
        assert told(await asked(client, ids(second))) == {"two.bpf.c": []}

    run(test, workspace_folders=[one], text_document=PULLS)


def test_a_workspace_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "MAX_FILES", 3)
    monkeypatch.setattr(workspace, "MAX_FOLDERS", 5)
    for number in range(5):
        (tmp_path / f"{number}.bpf.c").touch()
        (tmp_path / "many" / str(number)).mkdir(parents=True)
    os.mkfifo(tmp_path / "0a.bpf.c")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [Path(file).name for file in workspace.sources([str(tmp_path)])] == ["0.bpf.c", "1.bpf.c", "2.bpf.c"]
    (tmp_path / "many" / "4" / "deep.bpf.c").touch()
    assert workspace.sources([str(tmp_path / "many")]) == []
    assert workspace.sources([str(tmp_path / "nowhere")]) == []


# -- what takes long ---------------------------------------------------------------------------------------------


def test_what_takes_long_is_announced(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", "quick")
        await client.until(uri, bool)
        assert client.progress == []
        client.change(uri, "sleep 1.5")
        await client.until(uri, lambda found: "sleep 1.5" in found[0].message)
        await client.eventually(lambda: len(client.progress) == 2)
        begin, end = (params.value for params in client.progress)
        assert (begin["kind"], begin["title"], end["kind"]) == ("begin", "kfuncgen: checking a.bpf.c", "end")
        assert client.created == [client.progress[0].token] == [client.progress[1].token]

    run(test, command=slow_server(), window=PROGRESS)


def test_clients_without_progress_are_not_asked_for_it(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", "sleep 1.3")
        await client.until(uri, bool)
        assert (client.progress, client.created) == ([], [])

    run(test, command=slow_server())


def test_a_request_that_is_taken_back_ends_alone(tmp_path: Path) -> None:
    """The run goes on for others that wait for it."""

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", "sleep 1")
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        await asyncio.sleep(0.2)
        first = asyncio.ensure_future(client.client.text_document_diagnostic_async(params))
        second = asyncio.ensure_future(client.client.text_document_diagnostic_async(params))
        await asyncio.sleep(0.2)
        number = next(iter(client.client.protocol._request_futures))
        client.client.cancel_request(types.CancelParams(number))
        with pytest.raises(Exception, match="cancel"):
            await asyncio.wait_for(first, 0.5)
        assert len((await second).items) == 1

    run(test, command=slow_server(), text_document=PULLS)


# -- turns -------------------------------------------------------------------------------------------------------


def test_turns_go_by_rank_when_they_are_given() -> None:
    async def test() -> None:
        turns, order = Turns(), []
        ranks = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 2.0}

        async def one(name: str) -> None:
            async with turns.turn(lambda: ranks[name]):
                order.append(name)
                await asyncio.sleep(0.01)

        first = asyncio.ensure_future(one("a"))
        await asyncio.sleep(0)
        tasks = [asyncio.ensure_future(one(name)) for name in "bcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        ranks["b"] = 1.5  # it was looked at, and is not any more
        await asyncio.gather(first, *tasks, return_exceptions=True)
        assert order == ["a", "d", "b"]
        async with turns.turn(lambda: 0):
            pass

    asyncio.run(test())


def test_a_turn_that_is_given_and_taken_back_goes_on() -> None:
    async def test() -> None:
        turns, order = Turns(), []

        async def one(name: str) -> None:
            async with turns.turn(lambda: 0):
                order.append(name)
                await asyncio.sleep(0)

        first = asyncio.ensure_future(one("a"))
        await asyncio.sleep(0)
        second, third = asyncio.ensure_future(one("b")), asyncio.ensure_future(one("c"))
        await asyncio.sleep(0)
        await first  # the turn is b's now, which has not run since
        second.cancel()
        await asyncio.gather(second, third, return_exceptions=True)
        assert order[-1] == "c" and "a" in order

    asyncio.run(test())
