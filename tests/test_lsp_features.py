"""What the language server answers about places: actions, contracts, completion, signatures, hints, outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsp_client import CLEAN, HEAD, LEAK, Client, applied, place, run
from lsprotocol import types

from kfuncgen.lsp.scan import Scan

SNIPPETS = types.TextDocumentClientCapabilities(
    completion=types.CompletionClientCapabilities(
        completion_item=types.ClientCompletionItemOptions(snippet_support=True)
    )
)


def at(uri: str, text: str, before: str) -> dict[str, Any]:
    return {"text_document": types.TextDocumentIdentifier(uri), "position": place(text, before)}


async def actions(client: Client, uri: str, where: types.Range) -> dict[str, Any]:
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where, types.CodeActionContext([]))
    found = await client.client.text_document_code_action_async(params)
    return {action.title: action for action in found or []}


def test_a_comment_silences_a_finding(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        (found,) = await client.until(uri, bool)
        assert await actions(client, uri, types.Range(types.Position(0, 0), types.Position(0, 0))) == {}
        action = (await actions(client, uri, found.range))["Ignore unreleased-reference here"]
        assert action.edit is not None and action.edit.changes is not None
        text = applied(LEAK, action.edit.changes[uri])
        assert "\t/* kfuncgen: ignore[unreleased-reference] */\n\treturn 1;" in text
        client.change(uri, text)
        await client.until(uri, lambda found: not found)

    run(test)


def test_fixes_are_offered(tmp_path: Path) -> None:
    text = CLEAN.replace("\treturn 1;", "\t/* kfuncgen: ignore[unchecked-null] */\n\treturn 1;")

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        (found,) = await client.until(uri, bool)
        assert found.code == "unused-suppression"
        action = (await actions(client, uri, found.range))["Delete the comment"]
        assert action.is_preferred and action.edit is not None and action.edit.changes is not None
        assert applied(text, action.edit.changes[uri]) == CLEAN
        client.change(uri, CLEAN)
        await client.until(uri, lambda found: not found)

    run(test)


def test_a_rule_is_explained(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        (found,) = await client.until(uri, bool)
        command = (await actions(client, uri, found.range))["Explain unreleased-reference"]
        for arguments in (command.arguments, ["../../etc/passwd"]):
            params = types.ExecuteCommandParams(command.command, arguments)
            await client.client.workspace_execute_command_async(params)
        page, other = client.shown
        assert page.uri.endswith("/unreleased_reference.md")
        assert "there is no page" in other.message

    window = types.WindowClientCapabilities(show_document=types.ShowDocumentClientCapabilities(support=True))
    run(test, window=window)


def test_hover_tells_the_contract(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", LEAK)
        hover = await client.client.text_document_hover_async(types.HoverParams(**at(uri, LEAK, "bpf_task_f")))
        assert hover is not None and isinstance(hover.contents, types.MarkupContent)
        for part in ("struct task_struct *bpf_task_from_pid(", "acquires a reference", "bpf_task_release",
                     "may return NULL", "since 6.2", "`syscall`"):  # fmt: skip
            assert part in hover.contents.value
        assert hover.range == types.Range(place(LEAK, "task = "), place(LEAK, "bpf_task_from_pid"))
        nothing = types.HoverParams(**at(uri, LEAK, "return"))
        assert await client.client.text_document_hover_async(nothing) is None

    run(test)


def test_completion_knows_the_program(tmp_path: Path) -> None:
    text = HEAD + (
        'SEC("xdp") int x(struct xdp_md *ctx)\n{\n\tbpf_xdp_\n}\n'
        'SEC("syscall") int s(void *ctx)\n{\n\tbpf_task_rel\n}\n'
        "static void any(void)\n{\n\tbpf_xdp_ /* 2 bpf_xdp_ */\n}\n"
        'SEC("syscall") int t(void *ctx)\n{\n\tbpf_xdp_\n}\n'
    )

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)

        async def names(before: str) -> dict[str, types.CompletionItem]:
            params = types.CompletionParams(**at(uri, text, before))
            found = await client.client.text_document_completion_async(params)
            assert isinstance(found, types.CompletionList)
            return {item.label: item for item in found.items}

        xdp = await names('SEC("xdp") int x(struct xdp_md *ctx)\n{\n\tbpf_xdp_')
        assert "bpf_xdp_metadata_rx_hash" in xdp
        assert not [name for name in xdp if not name.startswith("bpf_xdp_")]
        assert "bpf_xdp_metadata_rx_hash" in await names("static void any(void)\n{\n\tbpf_xdp_")
        assert await names("#include <bpf/bpf_") == {}
        release = (await names("\tbpf_task_rel"))["bpf_task_release"]
        assert isinstance(release.text_edit, types.TextEdit)
        assert release.text_edit.new_text == "bpf_task_release(${1:p})$0"
        assert release.text_edit.range == types.Range(
            place(text, "void *ctx)\n{\n\t"), place(text, "bpf_task_rel")
        )
        resolved = await client.client.completion_item_resolve_async(release)
        assert isinstance(resolved.documentation, types.MarkupContent)
        assert "releases the reference" in resolved.documentation.value
        assert await names("/* 2 bpf_xdp_") == {}, "not in comments"
        assert await names("int t(void *ctx)\n{\n\tbpf_xdp_") == {}, "not from such programs"

    run(test, text_document=SNIPPETS)


def test_signatures_show_the_argument(tmp_path: Path) -> None:
    text = LEAK.replace("\treturn 1;", "\tbpf_dynptr_from_mem(ctx, f(1, 2), ")

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        params = types.SignatureHelpParams(**at(uri, text, "f(1, 2), "))
        found = await client.client.text_document_signature_help_async(params)
        assert found is not None and found.active_parameter == 2
        assert found.signatures[0].label.startswith("long bpf_dynptr_from_mem(")
        parameters = found.signatures[0].parameters
        assert parameters is not None and "flags" in str(parameters[2].label)

    run(test)


def test_hints_symbols_and_lenses(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", CLEAN)
        document = types.TextDocumentIdentifier(uri)
        whole = types.Range(types.Position(0, 0), types.Position(99, 0))
        hints = await client.client.text_document_inlay_hint_async(types.InlayHintParams(document, whole))
        assert [(hint.position, hint.label) for hint in hints or []] == [
            (place(CLEAN, "bpf_task_from_pid(1)"), "acquires, may be NULL"),
            (place(CLEAN, "bpf_task_release(task)"), "releases p"),
        ]
        symbols = await client.client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert [(one.name, one.detail) for one in symbols or []] == [("leaks", 'SEC("syscall")')]
        lenses = await client.client.text_document_code_lens_async(types.CodeLensParams(document))
        assert [one.command.title for one in lenses or [] if one.command is not None] == [
            "syscall, sleepable: checked for Linux 6.18"
        ]

    run(test)


def test_the_scan_knows_what_is_code() -> None:
    text = (
        '#define SEC(x) {\n/* SEC("xdp") int no(void) { */ char s[] = "{ f(";\nstruct s { int a; };\n'
        'SEC("tc")\nint BPF_PROG(one, int a)\n{ if (a) { f(")"); } /* } */ }\n'
        "static __attribute__((noinline)) int two(int a) { return a; }\n"
        'int table[] = { 1 };\nSEC("?xdp") int three(void *ctx) { g('
    )
    scan = Scan(text)
    assert [(one.name, one.section) for one in scan.functions] == [("one", "tc"), ("two", ""), ("three", "?xdp")]
    first = scan.functions[0]
    assert text[first.start :].startswith("SEC") and text[first.name_at :].startswith("one")
    assert text[first.body : first.end].endswith("/* } */ }")
    assert [name for name, _, _ in scan.calls(first.body, first.end)] == ["if", "f"]
    assert scan.open_call(len(text)) == ("g", 0)
    assert scan.function_at(len(text)) == scan.functions[2]


def test_rules_in_comments(tmp_path: Path) -> None:
    """They are completed, explained, and lead to their pages; strings and code are no comments."""
    text = CLEAN.replace(
        "\treturn 1;",
        "\t/* kfuncgen: ignore[unchecked-null, no-such-rule] why */\n"
        "\t// kfuncgen: ignore-file[unreleased-reference,dead\n"
        '\treturn *"kfuncgen: ignore[unchecked-null]";',
    )

    async def test(client: Client) -> None:
        uri = client.open(tmp_path / "a.bpf.c", text)
        document = types.TextDocumentIdentifier(uri)
        links = await client.client.text_document_document_link_async(types.DocumentLinkParams(document))
        assert [(link.range.start, (link.target or "").rpartition("/")[2]) for link in links or []] == [
            (place(text, "/* kfuncgen: ignore["), "unchecked_null.md"),
            (place(text, "ignore-file["), "unreleased_reference.md"),
        ]
        found = await client.client.text_document_completion_async(
            types.CompletionParams(**at(uri, text, ",dead"))
        )
        assert isinstance(found, types.CompletionList)
        (item,) = found.items
        assert item.label == "dead-null-test" and item.detail and isinstance(item.text_edit, types.TextEdit)
        assert item.text_edit.range.start == place(text, "reference,")
        nothing = types.CompletionParams(**at(uri, text, '"kfuncgen: ignore[unch'))
        found = await client.client.text_document_completion_async(nothing)
        assert isinstance(found, types.CompletionList) and not found.items
        hover = await client.client.text_document_hover_async(
            types.HoverParams(**at(uri, text, "ignore[unchecked"))
        )
        assert hover is not None and isinstance(hover.contents, types.MarkupContent)
        assert "verifier" in hover.contents.value
        assert hover.range is not None and hover.range.start == place(text, "/* kfuncgen: ignore[")
        unknown = types.HoverParams(**at(uri, text, "no-such"))
        assert await client.client.text_document_hover_async(unknown) is None

    run(test)
