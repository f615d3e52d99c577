"""Reviewdog's diagnostic format (rdjson), which posts findings to reviews of any code host."""

from __future__ import annotations

from typing import Any

from kfuncgen.diagnostic import Finding, Fix, Severity, Span
from kfuncgen.render import Outcome
from kfuncgen.render.identity import relative
from kfuncgen.render.json import dump

WORDS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.HINT: "INFO"}


def render(outcome: Outcome) -> str:
    """Columns are UTF-8 bytes, as the format wants; a fix becomes suggestions in the finding's own file."""
    diagnostics = [_finding(finding) for finding in outcome.report.findings]
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


def _finding(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {
        "message": f"{finding.message}\n{finding.help}" if finding.help else finding.message,
        "location": _location(finding.span),
        "severity": WORDS[finding.severity],
        "code": {"value": finding.rule},
    }
    if finding.path:
        row["related_locations"] = [
            {"message": event.message, "location": _location(event.span)} for event in finding.path
        ]
    if finding.fix is not None:
        row["suggestions"] = _suggestions(finding.fix, finding.span.file)
    return row


def _location(span: Span) -> dict[str, Any]:
    return {"path": relative(span.file), "range": _range(span)}


def _range(span: Span) -> dict[str, Any]:
    return {
        "start": {"line": max(span.line, 1), "column": max(span.column, 1)},
        "end": {"line": max(span.end_line, 1), "column": max(span.end_column, 1)},
    }


def _suggestions(fix: Fix, file: str) -> list[dict[str, Any]]:
    return [{"range": _range(edit.span), "text": edit.text} for edit in fix.edits if edit.span.file == file]
