"""The growth benchmark's programs: small ones of each shape are told right from wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.growth import SHAPES, Measured, Shape, lint, program, table


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
