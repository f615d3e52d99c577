"""Known wrong answers of the linter, in tests/known: each is wrong for the reason that stands above it.

`FP_` is an error about a program that the kernel accepts, `FN_` silence about one that it refuses. When one of
these comes right, its program moves to tests/cases.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from kernel import compile_bpf, verdicts

from kfuncgen.diagnostic import Severity
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin

FOLDER = Path(__file__).parent / "known"
SOURCES = sorted(FOLDER.glob("*.bpf.c"))
PROGRAM = re.compile(r'(\*/\n)?SEC\("[^."][^"]*"\)\nint (\w+)\(')

by_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name.removesuffix(".bpf.c"))


@cache
def programs(source: Path) -> tuple[str, ...]:
    return tuple(name for _, name in PROGRAM.findall(source.read_text()))


@by_source
def test_each_says_what_is_wrong_and_why(source: Path) -> None:
    found = PROGRAM.findall(source.read_text())
    assert found
    assert [name for reason, name in found if not reason or name[:3] not in ("FP_", "FN_")] == []


@by_source
def test_linter_is_wrong_as_it_is_said(source: Path) -> None:
    specs = load_builtin()
    result = check_paths([source], LintOptions(kernels=(specs.newest,), specs=specs))
    assert result.failures == ()
    faulted = {p for f in result.report.findings if f.severity is Severity.ERROR for p in f.programs}
    assert faulted == {name for name in programs(source) if name.startswith("FP_")}


@by_source
@pytest.mark.kernel
def test_kernel_is_of_another_opinion(source: Path, tmp_path: Path) -> None:
    said = {name: v.verdict for name, v in verdicts(compile_bpf(source, tmp_path)).items()}
    wanted = {name: "accepted" if name.startswith("FP_") else "rejected" for name in programs(source)}
    assert said == wanted
