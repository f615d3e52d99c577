"""The growth benchmark's programs: small ones of each shape are told right from wrong."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.growth import SHAPES, Measured, Shape, lint, program, table
from benchmarks.growth_command import HEAD, SCALES, Grown, Scale, exponent, measure
from benchmarks.growth_command import table as command_table
from kfuncgen.lint import check
from kfuncgen.lint.run import Run


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name.replace(" ", "-"))
def test_small_programs_of_every_shape_are_judged_rightly(shape: Shape, tmp_path: Path) -> None:
    file = tmp_path / "held.bpf.c"
    file.write_text(program(shape, 3, lost=False))
    _, answer, leak, _ = lint(file, 1)
    assert (answer, leak) == ("clean", False)
    file.write_text(program(shape, 3, lost=True))
    _, answer, leak, _ = lint(file, 1)
    assert leak, answer


def test_table_shows_growth_and_wrong_answers() -> None:
    rows = [
        Measured("branches", 10, False, 0.1, True, "clean", ()),
        Measured("branches", 10, True, 0.2, True, "lost", ()),
        Measured("branches", 100, False, 0.4, True, "clean", ("a limit",)),
        Measured("branches", 100, True, 1.0, False, "clean", ()),
    ]
    lines = table(rows)
    assert "right" in lines[1]
    assert "x4.0" in lines[2] and "x5.0" in lines[2] and "WRONG: clean; lost: clean" in lines[2]
    assert lines[3].strip() == "note: a limit"


class Counting(Run):
    """A run that is remembered."""

    all: ClassVar[list[Run]] = []

    def __post_init__(self) -> None:
        self.all.append(self)


@pytest.mark.parametrize("scale", [s for s in SCALES if not s.files], ids=lambda s: s.name.replace(" ", "-"))
def test_steps_grow_as_the_source_does(scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that are walked, of a source and of one that is four times as large: sixteen would be the square."""
    monkeypatch.setattr(check, "Run", Counting)
    small, large = scale.sizes[0], scale.sizes[-1] if scale.name == "depth of calls" else 4 * scale.sizes[0]
    steps = []
    for size in (small, large):
        Counting.all.clear()
        file = tmp_path / "scale.bpf.c"
        file.write_text(HEAD + scale.text(size))
        _, answer, _, notes = lint(file, 1)
        assert (answer, notes) == ("clean", ())
        steps.append(sum(run.steps for run in Counting.all))
    assert 0 < steps[0] <= steps[1] <= 1.5 * large / small * steps[0] + 10


def test_whole_commands_are_measured_and_growth_is_told() -> None:
    tiny = Scale("tiny", (2, 4), SCALES[1].text)
    rows = list(measure([tiny]))
    assert [(row.size, row.clean) for row in rows] == [(2, True), (4, True)]
    assert all(20 < row.megabytes < 300 and row.seconds > 0 for row in rows)
    lines = command_table([Grown("a", 10, 1.0, 50, True), Grown("a", 100, 100.0, 70, False)])
    assert "N^2.00" in lines[2] and "WRONG" in lines[2] and lines[-1] == "largest process: 70 MB"
    assert exponent([(1, 3.0), (10, 30.0), (100, 300.0)]) == pytest.approx(1.0)
