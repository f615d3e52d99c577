"""Code actions: the fixes of findings, comments that silence them, the page of their rule, all fixes of a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from lsprotocol import types

from kfuncgen.diagnostic import Finding, Fix
from kfuncgen.lsp.diagnostics import diagnostic
from kfuncgen.lsp.documents import Documents, Linted, absolute
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan

EXPLAIN = "kfuncgen.explain"
FIX_ALL = "source.fixAll.kfuncgen"
"""Asked for as `source.fixAll`, too: kinds of actions are a hierarchy."""


class Edits:
    """Makes the client's edits of changes to files: with the versions they are for, where it can tell them."""

    def __init__(self, documents: Documents, capabilities: types.ClientCapabilities) -> None:
        self._documents = documents
        workspace = capabilities.workspace
        edit = workspace.workspace_edit if workspace is not None else None
        self._versions = edit is not None and bool(edit.document_changes)

    def of(self, changes: Mapping[str, Sequence[types.TextEdit]]) -> types.WorkspaceEdit:
        """One edit of files by name."""
        uris = {self._documents.uri_of(file): (file, list(edits)) for file, edits in changes.items()}
        if not self._versions:
            return types.WorkspaceEdit({uri: edits for uri, (_, edits) in uris.items()})
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(
                    types.OptionalVersionedTextDocumentIdentifier(uri, self._version(file)), edits
                )
                for uri, (file, edits) in uris.items()
            ]
        )

    def _version(self, file: str) -> int | None:
        document = self._documents.at(file)
        return document.client_version if document is not None else None


def wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client that asks for `only` these kinds of actions, or for all, wants this one."""
    return only is None or any(kind == one or one == "" or kind.startswith(f"{one}.") for one in only)


def quick_fixes(
    linted: Linted, path: str, place: types.Range, documents: Documents, edits: Edits
) -> Iterator[types.CodeAction | types.Command]:
    """What can be done about the findings that touch `place` of the source `path`."""
    for finding in linted.answer.findings:
        if absolute(finding.span.file) != path:
            continue
        shown = diagnostic(finding, documents, linted.answer.kernels)
        if not _touch(shown.range, place):
            continue
        if finding.fix is not None:
            yield types.CodeAction(
                _title(finding.fix),
                types.CodeActionKind.QuickFix,
                [shown],
                finding.fix.safe,
                edit=edits.of(_changes(finding.fix, documents)),
            )
        for where, edit in _silenced(finding, linted.text):
            yield types.CodeAction(
                f"Ignore {finding.rule} {where}",
                types.CodeActionKind.QuickFix,
                [shown],
                edit=edits.of({path: [edit]}),
            )
        yield types.Command(f"Explain {finding.rule}", EXPLAIN, arguments=[finding.rule])


def can_be_fixed(linted: Linted) -> bool:
    """Whether some finding has a safe fix."""
    return any(finding.fix is not None and finding.fix.safe for finding in linted.answer.findings)


def differences(old: Text, new: Text) -> list[types.TextEdit]:
    """What makes `new` of a text, line by line, so that editors keep what they know of the rest."""
    before, after = old.lines(), new.lines()
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    return [
        types.TextEdit(
            types.Range(old.position_at(starts[first]), old.position_at(starts[last])), "".join(after[begin:end])
        )
        for tag, first, last, begin, end in difflib.SequenceMatcher(None, before, after, False).get_opcodes()
        if tag != "equal"
    ]


def _title(fix: Fix) -> str:
    title = fix.message[:1].upper() + fix.message[1:]
    return title if fix.safe else f"{title} (look it over)"


def _touch(one: types.Range, other: types.Range) -> bool:
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _changes(fix: Fix, documents: Documents) -> dict[str, list[types.TextEdit]]:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in fix.edits:
        file = absolute(edit.span.file)
        text = documents.text_of(file)
        ended = edit.text.replace("\n", text.ending)
        changes.setdefault(file, []).append(types.TextEdit(text.range(edit.span), ended))
    return changes


def _silenced(finding: Finding, text: Text) -> Iterator[tuple[str, types.TextEdit]]:
    """Comments that silence a finding: above its line, above its function, at the head of the file.

    None for the line within a macro, which the comment would cut in two.
    """
    index = finding.span.line - 1
    if not text.line(index - 1).endswith("\\"):
        yield "here", _comment("ignore", finding.rule, text, index)
    scan = Scan(text.text)
    offset = text.offset(types.Position(index, 0))
    around = next((one for one in scan.functions if one.start <= offset + len(text.line(index)) < one.end), None)
    if around is not None and offset < around.end:
        first = text.position_at(around.start).line
        yield "in this function", _comment("ignore-function", finding.rule, text, first)
    head = text.line(0)
    licensed = "SPDX-License-Identifier" in head and (head.startswith("//") or head.rstrip().endswith("*/"))
    yield "in this file", _comment("ignore-file", finding.rule, text, int(licensed))


def _comment(word: str, rule: str, text: Text, index: int) -> types.TextEdit:
    """A comment on a line of its own above the line with this number."""
    line = text.line(index)
    indent = line[: len(line) - len(line.lstrip())] if word == "ignore" else ""
    place = types.Position(index, 0)
    return types.TextEdit(types.Range(place, place), f"{indent}/* kfuncgen: {word}[{rule}] */{text.ending}")
