"""What editors ask about a place: actions, contracts, completion, hints, programs. Only actions need libclang."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from kfuncgen.lint import LintOptions
from kfuncgen.lsp import contracts
from kfuncgen.lsp.actions import EXPLAIN, actions
from kfuncgen.lsp.diagnostics import rule_page
from kfuncgen.lsp.documents import Document
from kfuncgen.lsp.scan import Function, Scan
from kfuncgen.lsp.server import Server
from kfuncgen.spec.progtypes import section_info

MAX_COMPLETIONS = 200


def register(server: Server) -> None:
    """Add the features to a server."""
    _actions(server)
    _contracts(server)
    _outline(server)


def _actions(server: Server) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        document = server.documents.get(params.text_document.uri)
        linted = await server.checked(document) if document is not None else None
        if document is None or linted is None:
            return []
        return list(actions(linted, document.path, params.range, server.documents.text_of))

    @server.command(EXPLAIN)
    async def explain(rule: str) -> None:
        page = rule_page(rule) if isinstance(rule, str) and rule.replace("-", "").isalnum() else None
        window = server.client_capabilities.window
        if page is None:
            message = f"there is no page for '{rule}'"
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))
        elif window is not None and window.show_document is not None and window.show_document.support:
            await server.window_show_document_async(types.ShowDocumentParams(page.as_uri(), take_focus=True))
        else:
            text = page.read_text("utf-8")
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))


def _contracts(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        found = _at(server, params)
        if found is None:
            return None
        document, scan, offset, options = found
        name, start = scan.word_at(offset)
        contract = contracts.contract_of(name, options)
        if contract is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, contracts.hover(contract, options))
        return types.Hover(content, _range(document, start, start + len(name)))

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(resolve_provider=True))
    def completion(params: types.CompletionParams) -> types.CompletionList:
        found = _at(server, params)
        if found is None:
            return types.CompletionList(False, [])
        document, scan, offset, options = found
        text = server.client_capabilities.text_document
        item = text.completion.completion_item if text is not None and text.completion is not None else None
        snippets = item is not None and bool(item.snippet_support)
        _, start = scan.word_at(offset)
        place = _range(document, start, offset)
        items = [
            types.CompletionItem(
                contract.name,
                kind=types.CompletionItemKind.Function,
                detail=contract.prototype.text,
                text_edit=types.TextEdit(place, text),
                insert_text_format=form,
                data={"uri": document.uri},
            )
            for contract, text, form in contracts.completions(scan, offset, options, snippets)
        ]
        return types.CompletionList(len(items) > MAX_COMPLETIONS, items[:MAX_COMPLETIONS])

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolve(item: types.CompletionItem) -> types.CompletionItem:
        uri: Any = item.data.get("uri") if isinstance(item.data, dict) else None
        document = server.documents.get(uri) if isinstance(uri, str) else None
        options = server.options(document.path) if document is not None else None
        contract = contracts.contract_of(item.label, options) if options is not None else None
        if contract is not None and options is not None:
            text = contracts.hover(contract, options)
            item.documentation = types.MarkupContent(types.MarkupKind.Markdown, text)
        return item

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(["(", ","]))
    def signature_help(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        found = _at(server, params)
        if found is None:
            return None
        _, scan, offset, options = found
        name, argument = scan.open_call(offset)
        contract = contracts.contract_of(name, options)
        return contracts.signature(contract, argument) if contract is not None else None

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        document = server.documents.get(params.text_document.uri)
        options = server.options(document.path) if document is not None else None
        if document is None or options is None:
            return []
        scan = Scan(document.text.text)
        start, end = document.text.offset(params.range.start), document.text.offset(params.range.end)
        hints = []
        for function in scan.functions:
            for name, _, close in scan.calls(max(function.body, start), min(function.end, end)):
                contract = contracts.contract_of(name, options)
                if contract is not None and (label := contracts.hint(contract)):
                    place = document.text.position_at(close)
                    hints.append(types.InlayHint(place, label, padding_left=True))
        return hints


def _outline(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def document_symbol(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = server.documents.get(params.text_document.uri)
        if document is None or not document.is_program:
            return []
        return [
            types.DocumentSymbol(
                function.name,
                types.SymbolKind.Function,
                _range(document, function.start, function.end),
                _range(document, function.name_at, function.name_at + len(function.name)),
                detail=f'SEC("{function.section}")',
            )
            for function in Scan(document.text.text).functions
            if function.section
        ]

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        document = server.documents.get(params.text_document.uri)
        options = server.options(document.path) if document is not None and document.is_program else None
        if document is None or options is None:
            return []
        return [
            types.CodeLens(
                _range(document, function.name_at, function.name_at + len(function.name)),
                types.Command(_lens(function, options), ""),
            )
            for function in Scan(document.text.text).functions
            if function.section
        ]


def _lens(function: Function, options: LintOptions) -> str:
    """The program's type and the kernels that it is checked for."""
    info = section_info(function.section)
    kernels = sorted(options.kernels)
    kind = info.program_type.removeprefix("BPF_PROG_TYPE_").lower() if info is not None else "unknown section"
    sleeps = ", sleepable" if info is not None and info.sleepable else ""
    checked = str(kernels[0]) if len(kernels) == 1 else f"{kernels[0]} to {kernels[-1]}"
    return f"{kind}{sleeps}: checked for Linux {checked}"


def _at(
    server: Server, params: types.TextDocumentPositionParams | Any
) -> tuple[Document, Scan, int, LintOptions] | None:
    """The document, its scan, the offset and the options of a request about a place."""
    document = server.documents.get(params.text_document.uri)
    options = server.options(document.path) if document is not None else None
    if document is None or options is None:
        return None
    return document, Scan(document.text.text), document.text.offset(params.position), options


def _range(document: Document, start: int, end: int) -> types.Range:
    return types.Range(document.text.position_at(start), document.text.position_at(end))
