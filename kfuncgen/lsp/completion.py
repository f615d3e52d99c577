"""Completion: kfuncs that the program around the cursor may call, alone and with all that belongs to the call."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from lsprotocol import types

from kfuncgen.generate import Insertion, Surroundings, insertion
from kfuncgen.lint import LintOptions
from kfuncgen.lint.rule import catalogue
from kfuncgen.lsp import comments, contracts
from kfuncgen.lsp.documents import Document, Headers
from kfuncgen.lsp.linter import LinterFailed
from kfuncgen.lsp.markdown import block
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.server import Server
from kfuncgen.lsp.snippets import Client, declaring, inserted, missing, plain
from kfuncgen.lsp.surroundings import Place, sections_of, statement_place, surroundings
from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import Contract
from kfuncgen.spec.progtypes import SectionInfo, allows, section_info

MAX_ITEMS = 200
MAX_SAFE_CALLS = 24
"""Safe calls in one answer: each takes a millisecond or two to plan. The client asks again as the name grows."""
HEADERS_WAIT = 0.5
"""Seconds to wait for what the headers declare: without that, safe calls are left out for this time."""
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\r?\n|[^\r\n])*", re.MULTILINE)


class Request(Struct, frozen=True):
    """A place in one version of a source."""

    document: Document
    text: Text
    scan: Scan
    offset: int
    options: LintOptions
    client: Client
    details: bool
    """Whether the client shows details beside labels."""


def register(server: Server) -> None:
    """Add the feature to a server."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(["["], resolve_provider=True))
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        document = server.documents.get(params.text_document.uri)
        options = server.options(document.path) if document is not None else None
        if document is None or options is None:
            return types.CompletionList(False, [])
        text, capabilities = document.text, server.client_capabilities
        offset = text.offset(params.position)
        request = Request(
            document, text, document.scan, offset, options, Client.of(capabilities), _details(capabilities)
        )
        rules = _rules(request)
        if rules is not None:
            return types.CompletionList(False, rules)
        found = list(_callable(request))
        items = [_plain_item(request, contract) for contract in found[:MAX_ITEMS]]
        safe = await _safe_items(server, request, found[:MAX_SAFE_CALLS])
        return types.CompletionList(len(found) > MAX_SAFE_CALLS or safe is None, [*items, *(safe or ())])

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolve(item: types.CompletionItem) -> types.CompletionItem:
        data: Any = item.data if isinstance(item.data, dict) else {}
        uri, name = data.get("uri"), data.get("name")
        document = server.documents.get(uri) if isinstance(uri, str) else None
        options = server.options(document.path) if document is not None else None
        if options is None or not isinstance(name, str):
            return item
        contract = contracts.contract_of(name, options)
        if contract is not None and item.documentation is None:
            text = contracts.hover(contract, options)
            item.documentation = types.MarkupContent(types.MarkupKind.Markdown, text)
        return item


def _details(capabilities: types.ClientCapabilities) -> bool:
    text = capabilities.text_document
    item = text.completion.completion_item if text is not None and text.completion is not None else None
    return item is not None and bool(item.label_details_support)


def _rules(request: Request) -> list[types.CompletionItem] | None:
    """The names of rules, in a comment that silences some; None elsewhere."""
    start = comments.begun(request.scan, request.offset)
    if start is None:
        return None
    place = types.Range(request.text.position_at(start), request.text.position_at(request.offset))
    written = request.scan.text[start : request.offset]
    return [
        types.CompletionItem(
            name,
            kind=types.CompletionItemKind.EnumMember,
            detail=rule.summary,
            text_edit=types.TextEdit(place, name),
        )
        for name, rule in sorted(catalogue().items())
        if name.startswith(written)
    ]


def _callable(request: Request) -> Iterator[Contract]:
    """The kfuncs that fit the name begun at the place and that the program there may call."""
    function = request.scan.function_at(request.offset)
    written, start = request.scan.word_at(request.offset)
    prefix = written[: request.offset - start]
    if function is None or not prefix:
        return
    names = (function.section,) if function.section else sections_of(request.scan, function)
    infos = [section_info(name) for name in names]
    kernel = max(request.options.kernels)
    for name, known in sorted(request.options.specs.functions.items()):
        if known.kind != "kfunc" or not name.startswith(prefix) or "trap" in known.special:
            continue
        contract = known.at(kernel)
        if known.exists_at(kernel) and (not infos or any(_allowed(contract, info) for info in infos)):
            yield contract


def _allowed(contract: Contract, info: SectionInfo | None) -> bool:
    if info is None or (contract.effects.sleepable and not info.sleepable):
        return False
    return allows(contract, info, contract.kernel)


def _word(request: Request) -> types.Range:
    """The part of the word that stands before the cursor."""
    _, start = request.scan.word_at(request.offset)
    return types.Range(request.text.position_at(start), request.text.position_at(request.offset))


def _plain_item(request: Request, contract: Contract) -> types.CompletionItem:
    """The call alone, its arguments by name."""
    text, form = contract.name, types.InsertTextFormat.PlainText
    if request.client.snippets:
        arguments = ", ".join(f"${{{number}:{param.name}}}" for number, param in enumerate(contract.params, 1))
        text, form = f"{contract.name}({arguments})$0", types.InsertTextFormat.Snippet
    return types.CompletionItem(
        contract.name,
        kind=types.CompletionItemKind.Function,
        detail=contract.prototype.text,
        sort_text=f"{contract.name} 1",
        text_edit=types.TextEdit(_word(request), text),
        insert_text_format=form,
        data={"uri": request.document.uri, "name": contract.name},
    )


async def _safe_items(
    server: Server, request: Request, found: Sequence[Contract]
) -> list[types.CompletionItem] | None:
    """Calls with their checks, releases and regions, where a statement may begin; None when it takes too long."""
    function = request.scan.function_at(request.offset)
    _, start = request.scan.word_at(request.offset)
    place = statement_place(request.scan, start, request.offset)
    if function is None or place is None:
        return []
    around = surroundings(request.scan, function, start)
    planned = [(contract, made) for contract in found if (made := _made(contract, request, around)) is not None]
    names = {name for _, made in planned for one in made.declarations for name in one.names}
    declared = await declared_names(server, request, names)
    if declared is None:
        return None
    return [_safe_item(request, contract, made, place, around, declared) for contract, made in planned]


def _made(contract: Contract, request: Request, around: Surroundings) -> Insertion | None:
    return insertion(contract.name, request.options.specs, sorted(request.options.kernels), around)


def _safe_item(
    request: Request,
    contract: Contract,
    made: Insertion,
    place: Place,
    around: Surroundings,
    declared: Collection[str],
) -> types.CompletionItem:
    taken = frozenset(
        name for one in made.declarations if one.kind == "item" for name in one.names if name in declared
    )
    if taken:
        made = _made(contract, request, replace(around, used=taken)) or made
    name = contract.name
    with_it = ", ".join(made.words)
    code = plain("\n".join(made.lines))
    return types.CompletionItem(
        name if request.details else f"{name} (safe call)",
        label_details=types.CompletionItemLabelDetails(" safe call", with_it) if request.details else None,
        kind=types.CompletionItemKind.Snippet,
        detail=f"with {with_it}",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, block(code)),
        filter_text=name,
        sort_text=f"{name} 2",
        text_edit=types.TextEdit(_word(request), inserted(made, place, request.text, request.client)),
        insert_text_format=(
            types.InsertTextFormat.Snippet if request.client.snippets else types.InsertTextFormat.PlainText
        ),
        insert_text_mode=request.client.mode,
        additional_text_edits=declaring(
            missing(made, request.scan, declared), request.scan, request.offset, request.text
        )
        or None,
        data={"uri": request.document.uri, "name": name},
    )


async def declared_names(server: Server, request: Request, names: Collection[str]) -> frozenset[str] | None:
    """Those of some names that the source's headers declare; None when that is not found out in time.

    None of them where the headers cannot be read.
    """
    document, text = request.document, request.text.text
    directives = "\n".join(_DIRECTIVE.findall(text))
    headers = document.headers
    if headers.directives != directives:
        headers = document.headers = Headers(directives)
    unknown = sorted(set(names) - headers.names.keys())

    async def ask() -> None:
        try:
            found = await server.linter.declared(document.path, text, unknown, server.documents.unsaved())
        except LinterFailed as error:
            server.log(f"{document.path}: {error}")
            found = None
        headers.names.update((name, name in (found or ())) for name in unknown)

    if unknown:
        done, _ = await asyncio.wait((asyncio.ensure_future(ask()),), timeout=HEADERS_WAIT)
        if not done:
            return None
    return frozenset(name for name in names if headers.names.get(name))
