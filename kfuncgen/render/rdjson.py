"""Reviewdog's diagnostic format (rdjson), which posts findings to reviews of any code host."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from kfuncgen.diagnostic import Finding, Fix, Severity, Span
from kfuncgen.records import replace
from kfuncgen.render import Outcome
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import relative
from kfuncgen.render.json import dump
from kfuncgen.render.summary import facts

MAX_LINES = 200
"""From the first change of a fix to the last: more than that is no suggestion for a review."""
WORDS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.HINT: "INFO"}


def render(outcome: Outcome) -> str:
    """Columns are UTF-8 bytes, as the format wants; a fix becomes one suggestion, in the finding's own file."""
    sources = Sources(outcome.read)
    diagnostics = [_finding(finding, outcome.kernels, sources) for finding in outcome.report.findings]
    diagnostics += [
        {
            "message": f"not checked: {failure.error}",
            "location": {"path": relative(failure.file)},
            "severity": "ERROR",
            "code": {"value": "not-checked"},
        }
        for failure in outcome.failures
    ]
    return dump({"source": {"name": "kfuncgen"}, "severity": "UNKNOWN_SEVERITY", "diagnostics": diagnostics})


def _finding(finding: Finding, kernels: Sequence[str], sources: Sources) -> dict[str, Any]:
    lines = [finding.message, *([f"help: {finding.help}"] if finding.help else []), *facts(finding, kernels)]
    row: dict[str, Any] = {
        "message": "\n".join(lines),
        "location": _location(finding.span),
        "severity": WORDS[finding.severity],
        "code": {"value": finding.rule},
    }
    if finding.path:
        row["related_locations"] = [
            {"message": event.message, "location": _location(event.span)} for event in finding.path
        ]
    if finding.fix is not None:
        row["suggestions"] = _suggestions(finding.fix, finding.span.file, sources)
    return row


def _location(span: Span) -> dict[str, Any]:
    return {"path": relative(span.file), "range": _range(span)}


def _range(span: Span) -> dict[str, Any]:
    return {
        "start": {"line": max(span.line, 1), "column": max(span.column, 1)},
        "end": {"line": max(span.end_line, 1), "column": max(span.end_column, 1)},
    }


def _suggestions(fix: Fix, file: str, sources: Sources) -> list[dict[str, Any]]:
    """A fix as one change: suggestions are taken one by one, and half a fix is worse than none.

    None for a fix of several files or of lines that cannot be read."""
    edits = sorted(fix.edits, key=lambda edit: edit.span)
    if any(edit.span.file != file for edit in edits):
        return []
    first, last = (
        edits[0].span,
        max((edit.span for edit in edits), key=lambda span: (span.end_line, span.end_column)),
    )
    whole = replace(first, end_line=last.end_line, end_column=last.end_column)
    text = edits[0].text
    for before, edit in pairwise(edits):
        kept = _between(before.span, edit.span, sources)
        if kept is None:
            return []
        text += kept + edit.text
    return [{"range": _range(whole), "text": text}]


def _between(before: Span, after: Span, sources: Sources) -> str | None:
    """The text from the end of one stretch to the beginning of the next; None when it cannot be told."""
    numbers = range(before.end_line, after.line + 1)
    if len(numbers) > MAX_LINES:
        return None
    lines = [sources.line(before.file, number) for number in numbers]
    if not lines or any(line is None for line in lines):
        return None
    whole = [line for line in lines if line is not None]
    whole[-1] = whole[-1][: after.column - 1]
    whole[0] = whole[0][before.end_column - 1 :]
    return "\n".join(line.decode("utf-8", "replace") for line in whole)
