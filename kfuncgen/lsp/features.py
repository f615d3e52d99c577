"""What editors ask about a place: actions, contracts, completion, hints, programs. Only actions need libclang."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from kfuncgen.lint import LintOptions
from kfuncgen.lint.rule import catalogue
from kfuncgen.lsp import comments, completion, contracts
from kfuncgen.lsp.actions import EXPLAIN, FIX_ALL, Edits, can_be_fixed, differences, quick_fixes, wanted
from kfuncgen.lsp.diagnostics import rule_page
from kfuncgen.lsp.documents import Document, absolute
from kfuncgen.lsp.linter import LinterFailed
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Function, Scan
from kfuncgen.lsp.server import Server
from kfuncgen.spec.progtypes import section_info


def register(server: Server) -> None:
    """Add the features to a server."""
    _actions(server)
    completion.register(server)
    _contracts(server)
    _outline(server)


def _actions(server: Server) -> None:
    kinds = [types.CodeActionKind.QuickFix, FIX_ALL]

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True)
    )
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        document = server.documents.get(params.text_document.uri)
        linted = await server.checked(document) if document is not None else None
        if document is None or linted is None:
            return []
        found: list[types.CodeAction | types.Command] = []
        context = params.context
        if wanted(types.CodeActionKind.QuickFix, context.only):
            edits = Edits(server.documents, server.client_capabilities)
            found += quick_fixes(linted, document.path, params.range, server.documents, edits)
        if wanted(FIX_ALL, context.only) and can_be_fixed(linted) and (found or context.only is not None):
            action = types.CodeAction("Fix all that kfuncgen can fix safely", FIX_ALL, data={"uri": document.uri})
            if not _resolves(server.client_capabilities):
                if context.only is None and context.trigger_kind is types.CodeActionTriggerKind.Automatic:
                    return found  # asked with every move of the cursor: not for what takes several runs
                action.edit = await fix_all(document)
            found += [action] if action.edit is not None or _resolves(server.client_capabilities) else []
        return found

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        uri: Any = action.data.get("uri") if isinstance(action.data, dict) else None
        document = server.documents.get(uri) if isinstance(uri, str) else None
        if document is not None and action.kind == FIX_ALL and action.edit is None:
            action.edit = await fix_all(document)
        return action

    async def fix_all(document: Document) -> types.WorkspaceEdit | None:
        """All safe fixes of a source; None when there are none, or the text changed meanwhile."""
        documents, version = server.documents, document.version
        text = document.text.text
        try:
            async with server.working("fixing"):
                made = await server.linter.mended(document.path, text, documents.unsaved(), documents.folders)
        except LinterFailed as error:
            server.log(f"{document.path}: {error}")
            return None
        if document.version != version or not made:
            return None
        changes = {
            absolute(file): differences(documents.text_of(absolute(file)), Text(new, documents.encoding))
            for file, new in made.items()
        }
        return Edits(documents, server.client_capabilities).of(changes)

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
        rule, start = comments.rule_at(scan, offset)
        if rule:
            content = types.MarkupContent(types.MarkupKind.Markdown, catalogue()[rule].page)
            return types.Hover(content, _range(document, start, start + len(rule)))
        name, start = scan.word_at(offset)
        contract = contracts.contract_of(name, options)
        if contract is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, contracts.hover(contract, options))
        return types.Hover(content, _range(document, start, start + len(name)))

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
        if document is None or options is None or not server.settings.hints:
            return []
        scan = document.scan
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
    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK, types.DocumentLinkOptions())
    def document_link(params: types.DocumentLinkParams) -> list[types.DocumentLink]:
        document = server.documents.get(params.text_document.uri)
        if document is None:
            return []
        return [
            types.DocumentLink(_range(document, start, start + len(name)), page.as_uri(), f"About {name}")
            for name, start in comments.rules_named(document.scan)
            if name in catalogue() and (page := rule_page(name)) is not None
        ]

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
            for function in document.scan.functions
            if function.section
        ]

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        document = server.documents.get(params.text_document.uri)
        options = server.options(document.path) if document is not None and document.is_program else None
        if document is None or options is None or not server.settings.lenses:
            return []
        return [
            types.CodeLens(
                _range(document, function.name_at, function.name_at + len(function.name)),
                types.Command(_lens(function, options), ""),
            )
            for function in document.scan.functions
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


def _resolves(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client asks for the edit of an action when somebody chooses it."""
    text = capabilities.text_document
    action = text.code_action if text is not None else None
    resolves = action.resolve_support if action is not None else None
    return resolves is not None and "edit" in resolves.properties


def _at(
    server: Server, params: types.TextDocumentPositionParams | Any
) -> tuple[Document, Scan, int, LintOptions] | None:
    """The document, its scan, the offset and the options of a request about a place."""
    document = server.documents.get(params.text_document.uri)
    options = server.options(document.path) if document is not None else None
    if document is None or options is None:
        return None
    return document, document.scan, document.text.offset(params.position), options


def _range(document: Document, start: int, end: int) -> types.Range:
    return types.Range(document.text.position_at(start), document.text.position_at(end))
