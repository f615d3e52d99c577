"""The kernel's own programs: what the linter says of each against the running kernel's verdict."""

from __future__ import annotations

import json
import multiprocessing
import re
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.agreement import corpus
from benchmarks.agreement.classes import out_of_scope
from benchmarks.agreement.corpus import Source
from benchmarks.agreement.families import linter_group, reference_groups
from benchmarks.agreement.judge import Judge
from benchmarks.agreement.toolchain import BenchmarkError
from benchmarks.agreement.tree import reached, read_tree
from kfuncgen.diagnostic import Severity
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin

_PARTICULAR = re.compile(r"""\b\d+\b|'[^']*'|"[^"]*"|\b\w+(?=\(\))""")
"""What tells notes of one kind apart: numbers, quoted names, names of functions."""


@dataclass(frozen=True, slots=True)
class Said:
    """An error finding of the linter about one program."""

    rule: str
    line: int
    message: str
    function: str


@dataclass(slots=True)
class Program:
    """One program: the kernel's verdict and the linter's errors, in program order."""

    name: str
    section: str
    verdict: str
    message: str
    errors: list[Said] = field(default_factory=list)
    told: bool = False
    """A note says that something of it was not checked: the linter's silence is no promise."""


@dataclass(slots=True)
class File:
    """One file: `problem` when it does not compile or load, `failure` when it cannot be linted, `crash` when the
    linter failed. `notes`: (function, message) of what was not fully checked. `seconds` are the linter's."""

    name: str
    programs: list[Program] = field(default_factory=list)
    unjudged: dict[str, list[Said]] = field(default_factory=dict)
    """Errors about programs that the kernel was not shown, since the file does not build here."""
    problem: str = ""
    failure: str = ""
    crash: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0


@cache
def _judge() -> Judge:
    return Judge()


def examine(source: Source) -> File:
    """Judge and lint one file."""
    made = File(source.path.stem)
    near = corpus.near(source)
    build, verdicts = _judge().judge(source.text, source.path.name, near.flags)
    made.problem = build.error
    made.programs = [Program(v.program, v.section, v.verdict, v.message) for v in verdicts]
    specs = load_builtin()
    options = LintOptions((specs.newest,), specs, clang_args=source.flags.args)
    start = time.monotonic()
    try:
        result = check_paths([source.path], options)
    except Exception:
        made.crash = traceback.format_exc()
        return made
    made.seconds = time.monotonic() - start
    for failed in result.failures:
        if failed.error.startswith("internal error"):
            made.crash = failed.error
        else:
            made.failure = failed.error
    made.notes = sorted({(n.function, n.message) for n in result.report.notes if n.kind == "incomplete"})
    by_name = {p.name: p for p in made.programs}
    for finding in result.report.findings:
        if finding.severity is not Severity.ERROR:
            continue
        said = Said(finding.rule, finding.span.line, finding.message, finding.function)
        for name in finding.programs:
            if name in by_name:
                by_name[name].errors.append(said)
            else:
                made.unjudged.setdefault(name, []).append(said)
    _mark_told(source, made)
    return made


def _mark_told(source: Source, made: File) -> None:
    """Find the rejected programs without an error that a note is about, in whatever function they reach."""
    missed = [p for p in made.programs if p.verdict == "rejected" and not p.errors]
    noted = {function for function, _ in made.notes}
    if not missed or not noted:
        return
    try:
        functions = read_tree(source.path, source.text, [*source.flags.args, "-Wno-everything"])
    except ValueError:
        return
    by_program = reached(functions, [p.name for p in missed])
    for program in missed:
        program.told = bool(by_program[program.name] & noted)


def measure(tree: Path | None, only: str, jobs: int) -> Iterator[File]:
    """The files whose name matches `only`, in order of name."""
    every = [s for s in corpus.selftests(tree) if corpus.matches(s.name, only)]
    if not every:
        raise BenchmarkError("no selftests: install linux-source-6.12 or give --kernel-source", None)
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=40) as pool:
        yield from pool.imap(examine, every, chunksize=4)


@dataclass(slots=True)
class Matrix:
    """The programs in scope of a reference."""

    found: int = 0
    missed: int = 0
    clean: int = 0
    false: int = 0
    right: int = 0
    """Of those found: the first error is in the group of the reference's rule."""
    absent: int = 0
    """In the reference, but not judged here (not built, not loaded, or another verdict)."""
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    other_group: list[dict[str, Any]] = field(default_factory=list)


def compare(files: list[File], reference: list[dict[str, Any]]) -> Matrix:
    """The matrix of the programs that the reference calls in scope, by its verdicts."""
    programs = {(f.name, p.name): p for f in files for p in f.programs}
    names = {f.name for f in files}
    matrix = Matrix()
    for row in reference:
        if not row["in_scope"] or row["file"] not in names:
            continue
        program = programs.get((row["file"], row["prog"]))
        wanted = "accepted" if row["verdict"] == "success" else "rejected"
        if program is None or program.verdict != wanted:
            matrix.absent += 1
            continue
        told = {"file": row["file"], "rule": row["rule"], **describe(program)}
        if wanted == "accepted":
            matrix.clean += not program.errors
            matrix.false += bool(program.errors)
            if program.errors:
                matrix.disagreements.append({"what": "false", **told})
        elif not program.errors:
            matrix.missed += 1
            matrix.disagreements.append({"what": "missed", **told})
        else:
            matrix.found += 1
            if linter_group(program.errors[0].rule) in reference_groups(row["rule"]):
                matrix.right += 1
            else:
                matrix.other_group.append(told)
    return matrix


def describe(program: Program) -> dict[str, Any]:
    """A program for a report: name, kernel's message, the linter's first error."""
    first = program.errors[0] if program.errors else None
    return {
        "program": program.name,
        "kernel": program.message,
        "finding": f"{first.line}: {first.rule}: {first.message}" if first else "",
    }


def summary(files: list[File]) -> dict[str, Any]:
    """The figures over all programs: no reference is needed for them."""
    programs = [(f, p) for f in files for p in f.programs]
    accepted = [(f, p) for f, p in programs if p.verdict == "accepted"]
    rejected = [(f, p) for f, p in programs if p.verdict == "rejected"]
    contract = [(f, p) for f, p in rejected if not out_of_scope(p.message)]
    missed = [(f, p) for f, p in contract if not p.errors]
    apart = Counter(out_of_scope(p.message) for _, p in rejected)
    apart.pop("", None)
    apart_found = Counter(out_of_scope(p.message) for _, p in rejected if p.errors)
    notes: Counter[str] = Counter()
    for file in files:
        notes.update(message for _, message in {(name, _PARTICULAR.sub("…", text)) for name, text in file.notes})
    slowest = sorted(files, key=lambda f: -f.seconds)[:10]
    return {
        "files": len(files),
        "files_not_built": sorted(f"{f.name}: {f.problem}" for f in files if f.problem and not f.programs),
        "files_not_linted": sorted(f"{f.name}: {f.failure}" for f in files if f.failure),
        "crashes": sorted(f"{f.name}: {f.crash}" for f in files if f.crash),
        "accepted": len(accepted),
        "accepted_with_errors": [{"file": f.name, **describe(p)} for f, p in accepted if p.errors],
        "rejected": len(rejected),
        "rejected_for_contracts": len(contract),
        "rejected_for_contracts_found": sum(bool(p.errors) for _, p in contract),
        "rejected_for_contracts_missed": [{"file": f.name, **describe(p)} for f, p in missed if not p.told],
        "rejected_for_contracts_told": [{"file": f.name, **describe(p)} for f, p in missed if p.told],
        "rejected_for_other_reasons": dict(apart.most_common()),
        "rejected_for_other_reasons_with_errors": {k: apart_found[k] for k in apart if apart_found[k]},
        "not_loaded": sum(p.verdict == "not-loaded" for _, p in programs),
        "not_loaded_with_errors": sum(p.verdict == "not-loaded" and bool(p.errors) for _, p in programs),
        "functions_with_notes": dict(notes.most_common()),
        "lint_seconds": round(sum(f.seconds for f in files), 1),
        "slowest": [{"file": f.name, "seconds": round(f.seconds, 2)} for f in slowest],
    }


def read_reference(path: Path) -> list[dict[str, Any]]:
    """The reference's rows; BenchmarkError when it is none."""
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: no reference: {error}", None) from None
    keys = {"file", "prog", "verdict", "rule", "in_scope"}
    if not isinstance(rows, list) or not all(isinstance(r, dict) and keys <= r.keys() for r in rows):
        raise BenchmarkError(f"{path}: expected a list of objects with {', '.join(sorted(keys))}", None)
    return rows
