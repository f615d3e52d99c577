"""Code actions: all fixes at once, versions of edits, comments for a function and a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsp_client import CLEAN, HEAD, LEAK, Client, applied, codes, run
from lsprotocol import types

from kfuncgen.lsp.actions import differences, wanted
from kfuncgen.lsp.positions import Text

TWO = LEAK + LEAK.removeprefix(HEAD).replace("leaks", "more")
FIXED = CLEAN + CLEAN.removeprefix(HEAD).replace("leaks", "more")
FIX_ALL = "source.fixAll.kfuncgen"
VERSIONED = types.WorkspaceClientCapabilities(
    workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
)
NOWHERE = types.Range(types.Position(0, 0), types.Position(0, 0))
EVERYWHERE = types.Range(types.Position(0, 0), types.Position(999, 0))
RESOLVES = types.TextDocumentClientCapabilities(
    code_action=types.CodeActionClientCapabilities(
        resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"]), data_support=True
    )
)


async def actions(
    client: Client, uri: str, where: types.Range, only: list[str] | None = None, **context: Any
) -> dict[str, Any]:
    told = types.CodeActionContext([], only=only, **context)
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where, told)
    found = await client.client.text_document_code_action_async(params)
    return {action.title: action for action in found or []}


def document_edits(edit: types.WorkspaceEdit | None) -> dict[tuple[str, int | None], list[Any]]:
    assert edit is not None and edit.changes is None and edit.document_changes is not None
    found = {}
    for one in edit.document_changes:
        assert isinstance(one, types.TextDocumentEdit)
        found[one.text_document.uri, one.text_document.version] = list(one.edits)
    return found


def test_all_fixes_at_once(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", TWO)
        for only in (["source.fixAll"], [FIX_ALL], ["source"], ["quickfix", "source.fixAll"]):
            (action,) = (await actions(client, uri, NOWHERE, only)).values()
            assert (action.kind, list(action.edit.changes)) == (FIX_ALL, [uri])
            assert applied(TWO, action.edit.changes[uri]) == FIXED
        client.change(uri, FIXED)
        await client.until(uri, lambda found: not found)
        assert await actions(client, uri, NOWHERE, ["source.fixAll"]) == {}

    run(test)


def test_what_is_asked_for_is_offered(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", TWO)
        title = "Fix all that kfuncgen can fix safely"
        assert title not in await actions(client, uri, EVERYWHERE, ["quickfix"])
        assert title in await actions(client, uri, EVERYWHERE)
        assert await actions(client, uri, NOWHERE) == {}
        assert await actions(client, uri, EVERYWHERE, ["refactor"]) == {}
        assert await actions(client, uri, EVERYWHERE, ["source.fix"]) == {}
        moved = types.CodeActionTriggerKind.Automatic
        assert title not in await actions(client, uri, EVERYWHERE, trigger_kind=moved)
        capabilities = client.result.capabilities.code_action_provider
        assert set(capabilities.code_action_kinds) == {"quickfix", FIX_ALL}

    run(test)


def test_kinds_are_a_hierarchy() -> None:
    assert wanted(FIX_ALL, None) and wanted(FIX_ALL, [""]) and wanted(FIX_ALL, ["source"])
    assert (
        not wanted(FIX_ALL, [])
        and not wanted("quickfix", ["quickfix.extract"])
        and not wanted("quickfix", ["quick"])
    )


def test_edits_are_made_when_an_action_is_chosen_and_say_their_version(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        client.change(uri, TWO)
        action = (await actions(client, uri, EVERYWHERE))["Fix all that kfuncgen can fix safely"]
        assert action.edit is None
        resolved = await client.client.code_action_resolve_async(action)
        ((document, edits),) = document_edits(resolved.edit).items()
        assert document == (uri, 2) and applied(TWO, edits) == FIXED
        release = next(
            action
            for title, action in (await actions(client, uri, EVERYWHERE)).items()
            if title == "Insert bpf_task_release(task);"
        )
        assert list(document_edits(release.edit)) == [(uri, 2)]
        forged = types.CodeAction("x", FIX_ALL, data={"uri": "file:///nowhere.bpf.c"})
        assert (await client.client.code_action_resolve_async(forged)).edit is None

    run(test, text_document=RESOLVES, workspace=VERSIONED)


def test_headers_of_the_project_are_fixed_too(tmp_path: Path) -> None:
    body = "static int inner(void)\n" + LEAK[LEAK.index("{") :]
    project, other = tmp_path / "project", tmp_path / "other"
    for folder in (project, other):
        folder.mkdir()
        (folder / "own.h").write_text(body)
        (folder / "generated.h").write_text("/* Generated by some tool */\n" + body.replace("inner", "made"))
    program = HEAD + '#include "own.h"\n#include "generated.h"\n' + (
        'SEC("syscall") int f(void *ctx) { return inner() + made(); }\n'
    )  # fmt: skip

    async def test(client: Client) -> None:
        uri = client.open(project / "a.bpf.c", program)
        (action,) = (await actions(client, uri, NOWHERE, ["source.fixAll"])).values()
        header = (project / "own.h").as_uri()
        ((document, edits),) = document_edits(action.edit).items()
        assert document == (header, None)
        assert "\tbpf_task_release(task);\n\treturn 1;" in applied(body, edits)
        client.open(project / "own.h", f"\n{body}")
        (action,) = (await actions(client, uri, NOWHERE, ["source.fixAll"])).values()
        ((document, edits),) = document_edits(action.edit).items()
        assert document == (header, 1)
        assert applied(f"\n{body}", edits).startswith("\nstatic int inner(void)")
        uri = client.open(other / "a.bpf.c", program)
        assert await actions(client, uri, NOWHERE, ["source.fixAll"]) == {}, "not a file of the workspace"

    folders = [types.WorkspaceFolder(project.as_uri(), "project")]
    run(test, workspace=VERSIONED, workspace_folders=folders)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_comments_that_silence(tmp_path: Path, ending: str) -> None:
    head = "// SPDX-License-Identifier: GPL-2.0\n"
    text = (head + LEAK).replace("\n", ending)
    wanted = {
        "here": "\t/* kfuncgen: ignore[unreleased-reference] */\n\treturn 1;",
        "in this function": '/* kfuncgen: ignore-function[unreleased-reference] */\nSEC("syscall")\nint leaks',
        "in this file": head + "/* kfuncgen: ignore-file[unreleased-reference] */\n#",
    }

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        for where, before in wanted.items():
            (found,) = await client.until(uri, bool)
            action = (await actions(client, uri, found.range))[f"Ignore unreleased-reference {where}"]
            silenced = applied(text, action.edit.changes[uri])
            assert before.replace("\n", ending) in silenced
            assert "\n" not in silenced.replace(ending, "")
            client.change(uri, silenced)
            await client.until(uri, lambda found: not found)
            client.change(uri, text)

    run(test)


def test_a_licence_of_several_lines_stays_whole(tmp_path: Path) -> None:
    text = "/* SPDX-License-Identifier: GPL-2.0\n */\n" + LEAK

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        (found,) = await client.until(uri, bool)
        action = (await actions(client, uri, found.range))["Ignore unreleased-reference in this file"]
        client.change(uri, applied(text, action.edit.changes[uri]))
        assert codes(await client.until(uri, lambda found: not found)) == []

    run(test)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "a"),
        ("a\nb\nc", "a\nc"),
        ("a\r\nb\r\n", "a\r\nx\r\nb\r\n"),
        ("a\fb\n\x0bc\n", "a\fb\nx\n\x0bc\n"),
        ("😀a\nb", "😀a\nb\nc"),
        ("a\rb\rc", "a\rc"),
    ],
)
def test_differences_are_lines(old: str, new: str) -> None:
    edits = differences(Text(old, "utf-16"), Text(new, "utf-16"))
    assert applied(old, edits) == new
