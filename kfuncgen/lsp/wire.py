"""What the server and its worker say to each other: one JSON object a line, ASCII.

Question: `{"path", "text"}`. Answer: `{"findings", "notes", "failures", "problem"}`, each as its
dataclass has it, `problem` the text of a mistake in the configuration ("" without one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kfuncgen.diagnostic import Edit, Event, FileFailure, Finding, Fix, Note, Severity, Span


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of linting one text."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    failures: tuple[FileFailure, ...] = ()
    problem: str = ""


def encoded(document: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(document, ensure_ascii=True).encode() + b"\n"


def to_wire(answer: Answer) -> bytes:
    """The line of an answer."""
    return encoded(asdict(answer))


def from_wire(line: bytes) -> Answer:
    """The answer in a line; ValueError, KeyError or TypeError when it is none."""
    document = json.loads(line)
    return Answer(
        findings=tuple(_finding(item) for item in document["findings"]),
        notes=tuple(Note(**item) for item in document["notes"]),
        failures=tuple(
            FileFailure(item["file"], item["error"], tuple(item["details"])) for item in document["failures"]
        ),
        problem=document["problem"],
    )


def _finding(item: dict[str, Any]) -> Finding:
    tuples = {key: tuple(item[key]) for key in ("kernels", "programs")}
    return Finding(
        **item
        | tuples
        | {
            "severity": Severity(item["severity"]),
            "span": Span(**item["span"]),
            "path": tuple(Event(Span(**event["span"]), event["message"]) for event in item["path"]),
            "fix": _fix(item["fix"]),
        }
    )


def _fix(item: dict[str, Any] | None) -> Fix | None:
    if item is None:
        return None
    edits = tuple(Edit(Span(**edit["span"]), edit["text"]) for edit in item["edits"])
    return Fix(item["message"], edits, item["safe"])
