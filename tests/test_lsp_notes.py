"""What was not fully checked is said at the function's name, unless the client's settings say otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsp_client import CLEAN, HEAD, Client, run
from lsprotocol import types

from kfuncgen.lsp.configured import Settings, settings

UNKNOWN = HEAD + (
    'SEC("nothing/known") int odd(void *ctx)\n{\n\tstruct task_struct *t = bpf_task_from_pid(1);\n\n'
    "\tif (t)\n\t\tbpf_task_release(t);\n\treturn 0;\n}\n"
)


def test_notes_stand_at_the_name_of_the_function(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", UNKNOWN)
        (found,) = await client.until(uri, bool)
        assert (found.code, found.severity) == ("not-checked", types.DiagnosticSeverity.Information)
        assert found.message.startswith('not fully checked by kfuncgen: section "nothing/known" is not known')
        line = UNKNOWN.splitlines()[found.range.start.line]
        assert line[found.range.start.character : found.range.end.character] == "odd"
        client.change(uri, CLEAN)
        await client.until(uri, lambda found: not found)

    run(test)


def test_settings_are_heeded_when_they_change(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", UNKNOWN)
        await client.until(uri, lambda found: not found)
        for value, shown in (({"kfuncgen": {"notes": True}}, True), ({"kfuncgen": {"notes": False}}, False)):
            params = types.DidChangeConfigurationParams(value)
            client.client.workspace_did_change_configuration(params)
            await client.until(uri, lambda found, shown=shown: bool(found) == shown)

    run(test, initialization_options={"notes": False})


def test_a_client_that_has_settings_is_asked_for_them(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        client.settings = {"notes": False}
        uri = client.open(tmp_path / "a.bpf.c", UNKNOWN)
        await client.until(uri, lambda found: not found)
        client.settings = {"notes": True, "hints": False, "lenses": False}
        client.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
        await client.until(uri, bool)
        document = types.TextDocumentIdentifier(uri)
        whole = types.Range(types.Position(0, 0), types.Position(99, 0))
        assert not await client.client.text_document_inlay_hint_async(types.InlayHintParams(document, whole))
        assert not await client.client.text_document_code_lens_async(types.CodeLensParams(document))

    run(test, workspace=types.WorkspaceClientCapabilities(configuration=True))


@pytest.mark.parametrize(
    ("value", "notes"),
    [
        (None, True),
        ({"notes": False}, False),
        ({"kfuncgen": {"notes": False}}, False),
        ({"kfuncgen": None}, True),
        ({"notes": "no"}, True),
        ({"notes": 0}, True),
        ({"unknown": 1, "notes": False}, False),
        ([1], True),
        ("notes", True),
    ],
)
def test_settings_are_read_with_care(value: Any, notes: bool) -> None:
    assert settings(value) == Settings(notes=notes)


def test_a_client_that_pulls_asks_again_when_settings_change(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", UNKNOWN)
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        assert len((await client.client.text_document_diagnostic_async(params)).items) == 1
        client.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"notes": False}))
        await client.eventually(lambda: client.refreshed)
        assert not (await client.client.text_document_diagnostic_async(params)).items

    workspace = types.WorkspaceClientCapabilities(
        diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    )
    pulls = types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
    run(test, workspace=workspace, text_document=pulls)
