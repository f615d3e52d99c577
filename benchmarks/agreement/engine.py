"""The linter on one source in memory, program by program: errors as the kernel's verdict is compared with them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kfuncgen.diagnostic import Finding, Severity
from kfuncgen.lint import LintOptions
from kfuncgen.lint.check import RECURSION, explore
from kfuncgen.lint.explore import reachable_calls
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


@dataclass(frozen=True, slots=True)
class Error:
    """An error finding, as far as agreement looks at it. `evidence`: first and last line of the statement that
    must be in the object code for the kernel to see the fault; of what is missing at an exit, where it began."""

    rule: str
    line: int
    message: str
    function: str
    evidence: tuple[int, int]


def lint_text(
    path: Path, text: bytes, args: Sequence[str], only: Collection[str], kernel: Kernel
) -> tuple[dict[str, list[Error]], set[str]]:
    """Errors by program for the programs `only` of `text` (the content of `path`), and the notes.

    What is found in a global function or in an asynchronous callback counts for every program that reaches it.
    Raises SourceError.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    specs = load_builtin()
    options = LintOptions((kernel,), specs)
    module = lower(parse(path, [*args, "-Wno-everything"], text.decode()))
    found: dict[str, list[Error]] = {name: [] for name in only}
    notes: set[str] = set()
    reached = {
        name: {name, *reachable_calls(module, module.functions[name])} for name in only if name in module.functions
    }
    for program in programs(module, specs):
        name = program.function.name
        if program.kind == "main":
            concerned = [name] if name in found else []
        elif program.kind == "async":
            concerned = [program.owner] if program.owner in found else []
        else:
            concerned = [n for n, names in reached.items() if name in names]
        if not concerned:
            continue
        run = explore(module, program, options, kernel)
        notes |= {message for _, message in run.notes}
        for told in tell(run, run.occurrences):
            finding = told.finding
            if finding.severity is Severity.ERROR:
                error = _error(finding)
                for owner in concerned:
                    found[owner].append(error)
    for errors in found.values():
        errors.sort(key=lambda e: (e.line, e.rule, e.message))
    return found, notes


def _error(finding: Finding) -> Error:
    span = finding.path[0].span if finding.rule in _AT_EXIT and finding.path else finding.span
    return Error(finding.rule, finding.span.line, finding.message, finding.function, (span.line, span.end_line))
