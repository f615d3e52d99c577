"""What the server and its worker say to each other: one JSON object a line, ASCII.

Question: `{"path", "text"}`. Answer: `{"findings", "notes", "failures", "problem"}`, each as its
dataclass has it, `problem` the text of a mistake in the configuration ("" without one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kfuncgen.diagnostic import FileFailure, Finding, Note
from kfuncgen.plain import failure_of, finding_of, note_of


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
        findings=tuple(map(finding_of, document["findings"])),
        notes=tuple(map(note_of, document["notes"])),
        failures=tuple(map(failure_of, document["failures"])),
        problem=document["problem"],
    )
