"""The marked programs of tests/cases: what the linter says of them, and what the kernel says.

A mark is a comment at the end of the line where a finding must stand: `// error: unreleased-reference`. The name
of a program says what the kernel thinks of it: `_ok` is accepted and clean, `_bad` is refused, `_warn` is accepted
and wrong at run time. Nothing else may be reported in these files.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from kernel import can_load, compile_bpf, verdicts

from kfuncgen.diagnostic import Finding, Severity, UsageError
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import catalogue, classify_message
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.toolchain.libbpf import Libbpf

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(FOLDER.glob("*.bpf.c"))

MARK = re.compile(r"// (error|warning|hint): ([a-z-]+)$")
LOOSE_MARK = re.compile(r"//\s*(error|warning|hint)\b", re.IGNORECASE)
"""Whatever was meant as a mark; one that MARK does not take would expect nothing, silently."""

PROGRAM = re.compile(
    r'^SEC\("[^."][^"]*"\)(?: // .*)?(?:\non_exception.*)?\s+int (?:BPF_\w+\()?(\w+)\(?', re.MULTILINE
)
KINDS = ("ok", "bad", "warn")

Mark = tuple[int, str, str]
"""Line, severity, rule."""

NEEDS = re.compile(r"^/\* Needs libbpf (\d+)\.(\d+)", re.MULTILINE)
"""What a file says when older releases of libbpf cannot load its programs."""


def loadable(case: Path) -> bool:
    """Whether libbpf is new enough for a file."""
    needed = NEEDS.search(case.read_text())
    return not needed or can_load() is not None or Libbpf().version >= (int(needed[1]), int(needed[2]))


by_file = pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".bpf.c"))


@cache
def programs(case: Path) -> tuple[str, ...]:
    """The SEC() functions of a file, in order."""
    return tuple(PROGRAM.findall(case.read_text()))


def kind(program: str) -> str:
    return program.rsplit("_", 1)[-1]


@cache
def findings(case: Path) -> tuple[Finding, ...]:
    """What the linter says of a file, for the newest kernel of the specs."""
    specs = load_builtin()
    result = check_paths([case], LintOptions(kernels=(specs.newest,), specs=specs))
    assert result.failures == ()
    return result.report.findings


def marks(case: Path) -> set[Mark]:
    lines = enumerate(case.read_text().splitlines(), 1)
    return {(number, m[1], m[2]) for number, line in lines if (m := MARK.search(line))}


def told(case: Path, what: str, group: set[Mark]) -> list[str]:
    return [f"{case.name}:{line}: {what} {severity}: {rule}" for line, severity, rule in sorted(group)]


def test_cases_are_there() -> None:
    assert sum(len(programs(case)) for case in CASES) >= 400


@by_file
def test_every_program_says_its_verdict_in_its_name(case: Path) -> None:
    names = programs(case)
    assert len(names) == len(re.findall(r'^SEC\("[^."]', case.read_text(), re.MULTILINE))
    assert len(set(names)) == len(names)
    nameless = [name for name in names if kind(name) not in KINDS]
    assert not nameless, f"{case.name}: no _ok, _bad or _warn at the end of {', '.join(nameless)}"


@by_file
def test_every_mark_names_a_rule_and_its_severity(case: Path) -> None:
    rules = catalogue()
    wrong = [
        f"{case.name}:{number}: {line.strip()}"
        for number, line in enumerate(case.read_text().splitlines(), 1)
        if LOOSE_MARK.search(line)
        and not ((m := MARK.search(line)) and m[2] in rules and str(rules[m[2]].severity) == m[1])
    ]
    assert not wrong, "\n".join(["", *wrong])


@by_file
def test_linter_finds_what_is_marked_and_nothing_else(case: Path) -> None:
    found = {(f.span.line, str(f.severity), f.rule) for f in findings(case)}
    wanted = marks(case)
    wrong = told(case, "missing", wanted - found) + told(case, "unexpected", found - wanted)
    assert not wrong, "\n".join(["", *wrong])


@by_file
def test_linter_says_nothing_twice(case: Path) -> None:
    said = [(f.span, f.rule, f.message) for f in findings(case)]
    assert len(set(said)) == len(said)


@by_file
def test_linter_agrees_with_the_name_of_each_program(case: Path) -> None:
    worst: dict[str, Severity] = {}
    for finding in findings(case):
        for program in finding.programs:
            worst[program] = max(finding.severity, worst.get(program, finding.severity))
    wrong = []
    for name in programs(case):
        severity = worst.get(name, Severity.HINT)
        wanted = {"ok": Severity.HINT, "warn": Severity.WARNING, "bad": Severity.ERROR}[kind(name)]
        if severity is not wanted:
            wrong.append(f"{case.name}: {name}: worst finding is {severity}, expected {wanted}")
    assert not wrong, "\n".join(["", *wrong])


def foreseen(case: Path, program: str, message: str) -> bool:
    """Whether the linter reports for a program the rule of a loader's message."""
    return any(f.rule == classify_message(message) for f in findings(case) if program in f.programs)


@pytest.mark.parametrize(
    "case", [case for case in CASES if loadable(case)], ids=lambda path: path.name.removesuffix(".bpf.c")
)
@pytest.mark.kernel
def test_kernel_agrees_with_the_name_of_each_program(case: Path, tmp_path: Path) -> None:
    newest = load_builtin().newest
    if live_kernel() < newest:
        pytest.skip(f"the programs are written for {newest}; this kernel is {live_kernel()}")
    try:
        said = verdicts(compile_bpf(case, tmp_path))
    except UsageError as error:
        # libbpf cannot even read the object: every program must have a finding that says so.
        assert [name for name in programs(case) if not foreseen(case, name, error.message)] == [], error
        return
    assert sorted(said) == sorted(programs(case))
    wrong = []
    for name in programs(case):
        wanted = "rejected" if kind(name) == "bad" else "accepted"
        by_loader = said[name].verdict == "not-loaded" and foreseen(case, name, said[name].message)
        if said[name].verdict != wanted and not (wanted == "rejected" and by_loader):
            line, message = said[name].line, said[name].message
            wrong.append(f"{case.name}:{line}: {name}: {said[name].verdict}, expected {wanted}: {message}")
    assert not wrong, "\n".join(["", *wrong])
