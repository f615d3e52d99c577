"""Code actions: the fixes of findings, comments that silence them, and the page of their rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from kfuncgen.diagnostic import Finding, Fix
from kfuncgen.lsp.diagnostics import Texts, absolute, diagnostic
from kfuncgen.lsp.documents import Linted
from kfuncgen.lsp.positions import Text

EXPLAIN = "kfuncgen.explain"


def actions(
    linted: Linted, path: str, place: types.Range, texts: Texts
) -> Iterator[types.CodeAction | types.Command]:
    """What can be done about the findings that touch `place` of the source `path`."""
    for finding in linted.answer.findings:
        if absolute(finding.span.file) != path:
            continue
        shown = diagnostic(finding, texts)
        if not _touch(shown.range, place):
            continue
        if finding.fix is not None:
            yield types.CodeAction(
                _title(finding.fix),
                types.CodeActionKind.QuickFix,
                [shown],
                finding.fix.safe,
                edit=_edit(finding.fix, texts),
            )
        edit = _silenced(finding, linted.text)
        if edit is not None:
            yield types.CodeAction(
                f"Ignore {finding.rule} here",
                types.CodeActionKind.QuickFix,
                [shown],
                edit=types.WorkspaceEdit({Path(path).as_uri(): [edit]}),
            )
        yield types.Command(f"Explain {finding.rule}", EXPLAIN, arguments=[finding.rule])


def _title(fix: Fix) -> str:
    title = fix.message[:1].upper() + fix.message[1:]
    return title if fix.safe else f"{title} (look it over)"


def _touch(one: types.Range, other: types.Range) -> bool:
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _edit(fix: Fix, texts: Texts) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in fix.edits:
        uri = Path(absolute(edit.span.file)).as_uri()
        changes.setdefault(uri, []).append(types.TextEdit(texts(edit.span.file).range(edit.span), edit.text))
    return types.WorkspaceEdit(changes)


def _silenced(finding: Finding, text: Text) -> types.TextEdit | None:
    """The comment above the finding's line; None within a macro, whose lines it would cut in two."""
    index = finding.span.line - 1
    if text.line(index - 1).endswith("\\"):
        return None
    line = text.line(index)
    indent = line[: len(line) - len(line.lstrip())]
    place = types.Position(index, 0)
    return types.TextEdit(types.Range(place, place), f"{indent}/* kfuncgen: ignore[{finding.rule}] */\n")
