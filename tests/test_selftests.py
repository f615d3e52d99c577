"""The linter over all of the kernel's own BPF programs: it never crashes, and says what it does not understand."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.agreement.kernel_tree import clang_args, kernel_tree, sources
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin

PARSED = 770
"""At least so many of the 798 must parse: what the others lack (headers of the build, kernel structs that changed
since) is no business of the linter."""

SECONDS = 60
"""Far above what any file takes: a guard against exploration without end, no benchmark."""


@dataclass(frozen=True)
class Outcome:
    """What linting one file came to."""

    name: str
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    crash: str = ""
    seconds: float = 0.0


def lint(path: Path) -> Outcome:
    """Lint one file; an exception is an outcome too."""
    specs = load_builtin()
    start = time.monotonic()
    try:
        result = check_paths([path], LintOptions((specs.newest,), specs, clang_args=clang_args()))
    except Exception:
        return Outcome(path.name, crash=traceback.format_exc())
    notes = tuple(n.message for n in result.report.notes if n.kind == "incomplete")
    failures = tuple(f.error for f in result.failures)
    return Outcome(path.name, failures, notes, seconds=time.monotonic() - start)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    if kernel_tree() is None:
        pytest.skip("the kernel's selftests are not here (Debian package linux-source-6.12)")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(lint, sources(), chunksize=8)


@pytest.mark.slow
@pytest.mark.xdist_group("selftests")
def test_no_file_crashes_the_linter_or_keeps_it_busy(outcomes: list[Outcome]) -> None:
    assert [f"{o.name}: {o.crash}" for o in outcomes if o.crash] == []
    assert [f"{o.name}: {o.seconds:.0f} s" for o in outcomes if o.seconds > SECONDS] == []


@pytest.mark.slow
@pytest.mark.xdist_group("selftests")
def test_nearly_all_files_parse(outcomes: list[Outcome]) -> None:
    failed = [f"{o.name}: {o.failures[0]}" for o in outcomes if o.failures]
    assert len(outcomes) - len(failed) >= PARSED, "\n".join(failed)


@pytest.mark.slow
@pytest.mark.xdist_group("selftests")
def test_what_is_not_understood_is_told(outcomes: list[Outcome]) -> None:
    told = [o for o in outcomes if any("not understood" in note for note in o.notes)]
    assert any(o.name == "iters_state_safety.c" for o in told)
