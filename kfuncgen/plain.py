"""Findings and notes as plain data and back: what is kept in files and sent between processes is JSON, so that no
file can make code run.

Each value is a mapping of its Struct's fields. Whoever reads takes nothing for granted: ValueError, KeyError or
TypeError for data of another form.
"""

from __future__ import annotations

from typing import Any

from kfuncgen.diagnostic import Edit, Event, FileFailure, Finding, Fix, Note, Report, Severity, Span
from kfuncgen.records import asdict


def to_plain(value: Report | Finding | Note | FileFailure) -> dict[str, Any]:
    """`value` as JSON can hold it."""
    return asdict(value)


def report_of(item: dict[str, Any]) -> Report:
    """The report that `to_plain` was given."""
    parts = {
        "findings": tuple(map(finding_of, item["findings"])),
        "notes": tuple(map(note_of, item["notes"])),
    }
    return Report(**item | parts)


def finding_of(item: dict[str, Any]) -> Finding:
    """The finding that `to_plain` was given."""
    parts = {
        "severity": Severity(item["severity"]),
        "span": Span(**item["span"]),
        "kernels": tuple(item["kernels"]),
        "programs": tuple(item["programs"]),
        "path": tuple(Event(Span(**event["span"]), event["message"]) for event in item["path"]),
        "fix": _fix(item["fix"]),
    }
    return Finding(**item | parts)


def note_of(item: dict[str, Any]) -> Note:
    """The note that `to_plain` was given."""
    return Note(**item)


def failure_of(item: dict[str, Any]) -> FileFailure:
    """The failure that `to_plain` was given."""
    return FileFailure(item["file"], item["error"], tuple(item["details"]))


def _fix(item: dict[str, Any] | None) -> Fix | None:
    if item is None:
        return None
    edits = tuple(Edit(Span(**edit["span"]), edit["text"]) for edit in item["edits"])
    return Fix(item["message"], edits, item["safe"])
