"""The JSON of `kfuncgen lint --output-format json`, version 1 (described in README.md).

Places are 1-based, columns count UTF-8 bytes. The text is ASCII: control and bidirectional characters of
untrusted sources are escaped, so that printing the document is safe.
"""

from __future__ import annotations

import json
from typing import Any

from kfuncgen.diagnostic import Finding, Fix, Note, Span
from kfuncgen.render import Outcome
from kfuncgen.render.escape import repaired
from kfuncgen.render.summary import counts

VERSION = 1
"""Raised when a consumer of the old form could misread the new one; added keys do not raise it."""


def render(outcome: Outcome) -> str:
    """`{"version", "findings", "notes", "summary"}`.

    `notes` hold what was not fully checked: limits of the analysis, and files that failed.
    `files` of the summary are all that were asked for, `failed` those of them that could not be read or parsed.
    """
    report = outcome.report
    notes = [_note(note) for note in report.notes if note.kind == "incomplete"]
    notes += [{"file": f.file, "function": "", "message": f"not checked: {f.error}"} for f in outcome.failures]
    summary: dict[str, Any] = {
        "files": report.files + len(outcome.failures),
        "programs": report.programs,
        "functions": report.functions,
        "failed": len(outcome.failures),
        "silenced": report.silenced,
        "known": report.known,
    }
    summary |= {f"{severity}s": number for severity, number in counts(report).items()}
    summary["kernels"] = list(outcome.kernels)
    summary["info"] = [_note(note) for note in report.notes if note.kind != "incomplete"]
    findings = [_finding(finding) for finding in report.findings]
    return dump({"version": VERSION, "findings": findings, "notes": notes, "summary": summary})


def dump(document: object) -> str:
    """`document` as the JSON text every command prints: indented, ASCII, keys in the order given."""
    return json.dumps(_valid(document), indent=2, ensure_ascii=True) + "\n"


def _valid(value: Any) -> Any:
    """`value` with every string valid Unicode: strict parsers refuse lone surrogates."""
    if isinstance(value, str):
        return repaired(value)
    if isinstance(value, dict):
        return {repaired(key): _valid(item) for key, item in value.items()}
    return [_valid(item) for item in value] if isinstance(value, (list, tuple)) else value


def _span(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return _span(finding.span) | {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message,
        "function": finding.function,
        "program": finding.program,
        "programs": list(finding.programs),
        "section": finding.section,
        "kfunc": finding.kfunc,
        "kernels": list(finding.kernels),
        "type_tags": finding.type_tags,
        "verifier": finding.verifier,
        "help": finding.help,
        "path": [
            {"file": e.span.file, "line": e.span.line, "column": e.span.column, "message": e.message}
            for e in finding.path
        ],
        "fix": _fix(finding.fix),
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = [_span(edit.span) | {"text": edit.text} for edit in fix.edits]
    return {"message": fix.message, "safe": fix.safe, "edits": edits}


def _note(note: Note) -> dict[str, Any]:
    return {"file": note.file, "function": note.function, "message": note.message}
