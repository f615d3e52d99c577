"""What the server and its worker say to each other: one JSON object a line, ASCII.

Question: `{"path", "text", "unsaved"}`, the last one texts by file. Answer: `{"findings", "notes", "failures",
"problem", "includes", "kernels"}`, each as its Struct has it: `problem` is the text of a mistake in the
configuration ("" without one), `includes` the files that were read (null when that is not known).

With `names` in the question the answer is `{"names"}`, those that the headers declare (null: not known); with
`editable`, a list of folders, it is `{"sources"}`: new texts by file, after all safe fixes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kfuncgen.diagnostic import FileFailure, Finding, Note
from kfuncgen.plain import failure_of, finding_of, note_of
from kfuncgen.records import Struct, asdict

OUT_OF_MEMORY = 77
"""The status with which the worker ends when it has reached its bound."""


class Answer(Struct, frozen=True):
    """The result of linting one text."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    failures: tuple[FileFailure, ...] = ()
    problem: str = ""
    includes: frozenset[str] | None = None
    kernels: tuple[str, ...] = ()
    """Those that were targeted."""


def encoded(document: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(document, ensure_ascii=True).encode() + b"\n"


def to_wire(answer: Answer) -> bytes:
    """The line of an answer."""
    includes = sorted(answer.includes) if answer.includes is not None else None
    return encoded(asdict(answer) | {"includes": includes})


def from_wire(line: bytes) -> Answer:
    """The answer in a line; ValueError, KeyError or TypeError when it is none."""
    document = json.loads(line)
    return Answer(
        findings=tuple(map(finding_of, document["findings"])),
        notes=tuple(map(note_of, document["notes"])),
        failures=tuple(map(failure_of, document["failures"])),
        problem=document["problem"],
        includes=frozenset(document["includes"]) if document.get("includes") is not None else None,
        kernels=tuple(document.get("kernels", ())),
    )


def names_from_wire(line: bytes) -> frozenset[str] | None:
    """The names in an answer; exceptions as of `from_wire`."""
    names = json.loads(line)["names"]
    return frozenset(names) if names is not None else None


def sources_from_wire(line: bytes) -> dict[str, str]:
    """The new texts in an answer; exceptions as of `from_wire`."""
    return dict(json.loads(line)["sources"])
