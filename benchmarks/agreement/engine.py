"""The linter on one source in memory, program by program: errors as the kernel's verdict is compared with them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kfuncgen.diagnostic import Finding, Severity
from kfuncgen.lint import LintOptions
from kfuncgen.lint.check import RECURSION, explore_all
from kfuncgen.lint.lower import lower
from kfuncgen.lint.parse import parse
from kfuncgen.lint.program import programs
from kfuncgen.lint.story import tell
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

_AT_EXIT = frozenset(
    ("unreleased-reference", "rcu-unbalanced", "preempt-unbalanced", "irq-unbalanced", "lock-unbalanced")
)
"""Rules whose findings stand where a path ends, however far from what was begun."""

_ANYWHERE = (0, 0, 1 << 30, 0)


@dataclass(frozen=True, slots=True)
class Error:
    """An error finding, as far as agreement looks at it. `evidence`: first line and column, last line and column
    (exclusive) of what must be in the object code for the kernel to see the fault; of what is missing at an exit,
    that is where it began. `told`: the events of its story."""

    rule: str
    line: int
    message: str
    function: str
    evidence: tuple[int, int, int, int]
    told: tuple[str, ...] = ()


def lint_text(
    path: Path, text: bytes, args: Sequence[str], only: Collection[str], kernel: Kernel
) -> tuple[dict[str, list[Error]], set[str]]:
    """Errors by program for the programs `only` of `text` (the content of `path`), in order of line; the notes.

    Only these programs are explored, with what they reach: that is what makes thousands of mutants cheap.
    Raises SourceError.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        return _lint_text(path, text, args, only, kernel)
    finally:
        sys.setrecursionlimit(before)  # others rely on the usual limit


def _lint_text(
    path: Path, text: bytes, args: Sequence[str], only: Collection[str], kernel: Kernel
) -> tuple[dict[str, list[Error]], set[str]]:
    specs = load_builtin()
    options = LintOptions((kernel,), specs)
    module = lower(parse(path, [*args, "-Wno-everything"], text.decode()))
    found: dict[str, list[Error]] = {name: [] for name in only}
    notes: set[str] = set()
    chosen = [p for p in programs(module, specs) if found.keys() & set(p.names)]
    for run in explore_all(module, chosen, options, kernel):
        notes |= {message for _, message in run.notes}
        for told in tell(run, run.occurrences):
            if told.finding.severity is Severity.ERROR:
                for name in run.program.names:
                    if name in found:
                        found[name].append(error_of(told.finding, path))
    for errors in found.values():
        errors.sort(key=lambda e: (e.line, e.rule, e.message))
    return found, notes


def error_of(finding: Finding, path: Path) -> Error:
    """A finding in the source `path`, as agreement looks at it."""
    span = finding.path[0].span if finding.rule in _AT_EXIT and finding.path else finding.span
    evidence = (span.line, span.column, span.end_line, span.end_column)
    if span.file != str(path):
        evidence = _ANYWHERE  # the object's lines are known for the source itself
    told = tuple(event.message for event in finding.path)
    return Error(finding.rule, finding.span.line, finding.message, finding.function, evidence, told)
