"""Texts that are not on disk: unsaved headers, documents that were never saved, files that move."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsp_client import CLEAN, HEAD, LEAK, Client, codes, run
from lsprotocol import types

from kfuncgen.lint import LintOptions, Session, parse_headers
from kfuncgen.lsp.uris import file_of, unsaved_file
from kfuncgen.records import replace
from kfuncgen.spec.cached import load_specs

RELEASES = "#define DROP(task) bpf_task_release(task)\n"
LEAKS = "#define DROP(task) ((void)(task))\n"
USER = CLEAN.replace(HEAD, f'{HEAD}#include "own.h"\n').replace("bpf_task_release(task)", "DROP(task)")
PULL = {"text_document": types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())}


def leaks(found: list[types.Diagnostic]) -> bool:
    return codes(found) == ["unreleased-reference"]


def test_an_unsaved_header_counts_for_the_sources_that_include_it(tmp_path: Path) -> None:
    header = tmp_path / "own.h"
    header.write_text(RELEASES)

    async def test(client: Client) -> None:
        user = client.open(tmp_path / "user.bpf.c", USER)
        other = client.open(tmp_path / "other.bpf.c", CLEAN)
        for uri in (user, other):
            await client.until(uri, lambda found: not found)
        before = client.count[other]
        own = client.open(header, RELEASES)
        client.change(own, LEAKS)
        await client.until(user, leaks)
        client.change(own, RELEASES)
        await client.until(user, lambda found: not found)
        client.change(own, LEAKS)
        await client.until(user, leaks)
        client.close(own)  # without saving
        await client.until(user, lambda found: not found)
        assert client.count[other] == before, "it does not include the header"
        assert own not in client.diagnostics or client.diagnostics[own] == []

    run(test)
    assert header.read_text() == RELEASES


def test_a_saved_header_counts_as_it_is_on_disk(tmp_path: Path) -> None:
    header = tmp_path / "own.h"
    header.write_text(RELEASES)

    async def test(client: Client) -> None:
        user = client.open(tmp_path / "user.bpf.c", USER)
        await client.until(user, lambda found: not found)
        own = client.open(header, RELEASES)
        client.change(own, LEAKS)
        await client.until(user, leaks)
        header.write_text(RELEASES)  # what the client writes need not be what it showed
        client.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(own)))
        await client.until(user, lambda found: not found)

    run(test)


def test_a_header_that_is_not_on_disk_is_found(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        user = client.open(tmp_path / "user.bpf.c", USER)
        assert codes(await client.until(user, bool)) == ["not-checked"]
        own = client.open(tmp_path / "own.h", "")
        (found,) = await client.until(user, lambda found: "not found" not in found[0].message)
        assert found.code == "not-checked"
        client.change(own, LEAKS)
        await client.until(user, leaks)

    run(test)
    assert list(tmp_path.iterdir()) == []


def test_findings_in_an_unsaved_header_are_placed_in_its_text(tmp_path: Path) -> None:
    body = "static int inner(void)\n" + CLEAN[CLEAN.index("{") :]
    bad = body.replace("\tif (!task)\n\t\treturn 0;\n", "")
    (tmp_path / "own.h").write_text(body)

    async def test(client: Client) -> None:
        program = f'{HEAD}#include "own.h"\nSEC("syscall") int f(void *ctx) {{ return inner(); }}\n'
        client.open(tmp_path / "a.bpf.c", program)
        own = client.open(tmp_path / "own.h", body)
        client.change(own, f"\n\n/* 😀 */\n{bad}")
        (found,) = await client.until(own, bool)
        assert f"\n\n/* 😀 */\n{bad}".splitlines()[found.range.start.line] == "\tbpf_task_release(task);"

    run(test)


def test_a_pulling_client_is_told_to_ask_again(tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text(RELEASES)

    async def test(client: Client) -> None:
        user = client.open(tmp_path / "user.bpf.c", USER)
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(user))
        assert not (await client.client.text_document_diagnostic_async(params)).items
        own = client.open(tmp_path / "own.h", RELEASES)
        client.change(own, LEAKS)
        await client.eventually(lambda: client.refreshed)
        assert leaks((await client.client.text_document_diagnostic_async(params)).items)

    workspace = types.WorkspaceClientCapabilities(
        diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    )
    run(test, workspace=workspace, **PULL)


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "untitled:Untitled-1.bpf.c", "untitled:/nowhere/at/all.c"])
def test_documents_that_were_never_saved(tmp_path: Path, uri: str) -> None:
    (tmp_path / "own.h").write_text(RELEASES)
    (tmp_path / "kfuncgen.toml").write_text('ignore = ["unchecked-null"]\n')

    async def test(client: Client) -> None:
        client.open_uri(uri, LEAK)
        (found,) = await client.until(uri, leaks)
        assert found.related_information
        assert {one.location.uri for one in found.related_information} == {uri}
        if "nowhere" not in uri:  # its folder is the workspace's
            client.change(uri, USER)
            await client.until(uri, lambda found: not found)
        client.close(uri)
        assert list(client.diagnostics) == [uri]

    run(test, workspace_folders=[types.WorkspaceFolder(tmp_path.as_uri(), "w")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kfuncgen.toml", "own.h"]


def test_what_was_never_saved_has_compiled_headers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors would wait ten times as long for a whole parse."""

    def whole(*_: object) -> None:
        raise AssertionError("parsed as a whole")

    monkeypatch.setattr(parse_headers, "parse", whole)
    specs = load_specs(())
    options, session = LintOptions((specs.newest,), specs), Session()
    (tmp_path / "own.h").write_text(RELEASES)
    for folder, text in (
        (tmp_path, LEAK),
        (tmp_path / "nowhere", LEAK),
        (tmp_path, USER.replace("DROP(task)", "")),
    ):
        for _ in range(2):
            result = session.check(folder / "Untitled-1.c", options, text)
            assert [finding.rule for finding in result.report.findings] == ["unreleased-reference"]
    # An unsaved header is no reason either: what stands before it is compiled.
    unsaved = replace(options, unsaved={str(tmp_path / "own.h"): LEAKS.encode()})
    result = session.check(tmp_path / "Untitled-1.c", unsaved, USER)
    assert [finding.rule for finding in result.report.findings] == ["unreleased-reference"]


def test_headers_that_are_renamed_or_deleted(tmp_path: Path) -> None:
    header, moved = tmp_path / "own.h", tmp_path / "moved.h"
    header.write_text(RELEASES)

    async def test(client: Client) -> None:
        user = client.open(tmp_path / "user.bpf.c", USER)
        await client.until(user, lambda found: not found)
        header.rename(moved)
        one = types.FileRename(header.as_uri(), moved.as_uri())
        client.client.workspace_did_rename_files(types.RenameFilesParams([one]))
        assert codes(await client.until(user, bool)) == ["not-checked"]
        moved.rename(header)
        client.client.workspace_did_create_files(types.CreateFilesParams([types.FileCreate(header.as_uri())]))
        await client.until(user, lambda found: not found)
        header.unlink()
        client.client.workspace_did_delete_files(types.DeleteFilesParams([types.FileDelete(header.as_uri())]))
        assert codes(await client.until(user, bool)) == ["not-checked"]

    run(test)


def test_the_source_in_sight_goes_first(tmp_path: Path) -> None:
    """Fifty sources at once, as when a session is restored: the one that is asked about need not wait for all."""
    names = [f"f{number}.bpf.c" for number in range(50)]

    async def test(client: Client) -> None:
        uris = [client.open(tmp_path / name, LEAK) for name in names]
        document = types.TextDocumentIdentifier(uris[0])
        await client.client.text_document_hover_async(types.HoverParams(document, types.Position(0, 0)))
        await client.until(uris[0], leaks)
        assert len(client.diagnostics) < 25
        await client.eventually(lambda: len(client.diagnostics) == 50, 60)
        assert all(leaks(found) for found in client.diagnostics.values())
        assert max(client.count.values()) == 1

    run(test)


def test_texts_that_are_closed_in_time_are_not_linted(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        for number in range(30):
            client.close(client.open(tmp_path / f"f{number}.bpf.c", LEAK))
        uri = client.open(tmp_path / "last.bpf.c", LEAK)
        await client.until(uri, leaks)
        assert not any(client.diagnostics[other] for other in client.diagnostics if other != uri)
        await asyncio.sleep(0.2)
        assert not any(client.diagnostics[other] for other in client.diagnostics if other != uri)

    run(test)


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("file:///a/b.bpf.c", "/a/b.bpf.c"),
        ("file://localhost/a/b.c", "/a/b.c"),
        ("FILE:///a", "/a"),
        ("file:///a/%C3%A4%20%23.c", "/a/ä #.c"),
        ("file:///a/../b.c", "/b.c"),
        ("file:///a/%2e%2e/b.c", "/b.c"),
        ("file://elsewhere/a.c", None),
        ("file:relative.c", None),
        ("file://", None),
        ("file:///a%00b.c", None),
        ("file://[::1/a.c", None),
        ("git:/a/b.bpf.c?ref", None),
        ("untitled:a.bpf.c", None),
        ("", None),
        ("file:///" + "a" * 20_000, None),
    ],
)
def test_uris_of_files(uri: str, file: str | None) -> None:
    assert file_of(uri) == file


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("untitled:Untitled-1", "/w/Untitled-1.c"),
        ("untitled:a.bpf.c", "/w/a.bpf.c"),
        ("untitled:/x/../y/a.c", "/y/a.c"),
        ("untitled:", "/w/untitled.c"),
        ("untitled:a/../../b c.h?q#f", "/w/b-c.h"),
        ("untitled:..", "/w/untitled.c"),
        ("untitled:%2e%2e%2fpasswd", "/w/passwd.c"),
        ("file:///a.c", None),
        ("vscode-notebook-cell:/a.c", None),
    ],
)
def test_uris_of_what_was_never_saved(uri: str, file: str | None) -> None:
    assert unsaved_file(uri, "/w") == file
