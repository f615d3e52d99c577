"""Odd inputs are answered: a fixed part of what `python -m benchmarks.fuzz` makes, and what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import TARGETS, problems
from benchmarks.fuzz_targets import Sources, Target, made

FOUND = {"source": [2067]}
"""Cases that had no answer once: a name that is not UTF-8."""
COUNTS = {"source": 120, "spec": 150, "config": 150, "database": 150, "baseline": 150, "template": 12}
COUNTS |= {"command": 60, "lsp": 80}


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.name)
def test_odd_inputs_are_answered(kind: type[Target], tmp_path: Path) -> None:
    target = kind(tmp_path)
    numbers = [*FOUND.get(kind.name, []), *range(COUNTS[kind.name])]
    found = [f"{problem.number}: {problem.what}" for problem in problems(target, numbers, limit=60)]
    assert found == []


def test_a_case_is_made_again_from_its_number(tmp_path: Path) -> None:
    examples = Sources(tmp_path).examples
    assert len({made(examples, "source", number) for number in range(50)}) > 40
    assert made(examples, "source", 7) == made(list(examples), "source", 7)


class Broken(Target):
    """A target whose answers are wrong."""

    name, file = "broken", "x"

    def read(self) -> list[bytes]:
        return [b"one\ntwo\n"]

    def answer(self, path: Path) -> str:
        raise ValueError("no answer")


def test_what_has_no_answer_is_told(tmp_path: Path) -> None:
    (problem,) = problems(Broken(tmp_path), [3], limit=60)
    assert (problem.number, problem.what) == (3, "ValueError: no answer")
