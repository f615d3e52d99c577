"""Mutants of accepted programs: the kernel's verdict on each against what the linter says."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import FrameType

from benchmarks.agreement import corpus
from benchmarks.agreement.corpus import Source
from benchmarks.agreement.engine import Error, lint_text
from benchmarks.agreement.judge import Flags, Judge, Verdict
from benchmarks.agreement.mutate import Mutant, mutants
from benchmarks.agreement.preamble import blank, preamble_length, precompile
from benchmarks.agreement.toolchain import workspace
from benchmarks.agreement.tree import Function, read_tree
from benchmarks.agreement.words import Words, words
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.spec.load import load_builtin

LINT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Pair:
    """One program of a mutant: the verdict and the linter's errors."""

    verdict: Verdict
    errors: tuple[Error, ...]
    problem: str = ""
    """Why the linter has no answer: a crash, a source that it cannot parse, a run without end."""

    @property
    def agrees(self) -> bool:
        """Whether linter and kernel say the same."""
        return not self.problem and bool(self.errors) == (self.verdict.verdict == "rejected")


@dataclass(slots=True)
class Outcome:
    """A mutant with what was said of it. `skipped`: why there is no label."""

    source: str
    mutant: Mutant
    pairs: list[Pair] = field(default_factory=list)
    skipped: str = ""
    text: bytes = b""
    """The whole mutated source, kept for disagreements."""


@dataclass(frozen=True, slots=True)
class Job:
    """Some mutants (by number) of a source."""

    source: Source
    numbers: tuple[int, ...]


def sources(tree: Path | None, only: str) -> list[Source]:
    """The corpus, those whose name matches `only`."""
    found: list[Source] = [*corpus.cases(tree), *corpus.pages(tree)]
    found += corpus.projects(tree, workspace() / "projects")
    found += corpus.selftests(tree)
    return [s for s in found if corpus.matches(s.name, only)]


@cache
def _words() -> Words:
    return words(load_builtin())


@cache
def _judge() -> Judge:
    return Judge()


def _accepted(source: Source) -> dict[str, str]:
    """The accepted programs of a source as it is, with their codes."""
    build, verdicts = _judge().judge(source.text, source.path.name, corpus.near(source).flags)
    return {v.program: v.code for v in verdicts if v.verdict == "accepted"} if not build.error else {}


def count(source: Source) -> tuple[str, int, str]:
    """(name, number of mutants, why there are none) of a source."""
    if not any(name.encode() in source.text for name in _words().known):
        return source.name, 0, "no contract call"
    if not _accepted(source):
        return source.name, 0, "no accepted program"
    try:
        return source.name, len(_mutants(source, source.text, source.flags.args)[1]), ""
    except ValueError as error:
        return source.name, 0, str(error)


def _mutants(source: Source, text: bytes, args: Sequence[str]) -> tuple[list[Function], list[Mutant]]:
    functions = read_tree(source.path, text, [*args, "-Wno-everything"])
    reached = _reached(functions, _accepted(source))
    names = {name for names in reached.values() for name in names}
    return functions, mutants(text, [f for f in functions if f.name in names], _words())


def _reached(functions: Iterable[Function], programs: Iterable[str]) -> dict[str, set[str]]:
    """Program -> functions of the file that it reaches. BPF_PROG(name) makes name() and ____name()."""
    calls = {f.name: f.calls for f in functions}
    found = {}
    for program in programs:
        names = {program}
        todo = [program]
        while todo:
            name = todo.pop()
            for callee in calls.get(name, set()) | {f"____{name}"}:
                if callee in calls and callee not in names:
                    names.add(callee)
                    todo.append(callee)
        found[program] = names
    return found


class _Timeout(Exception):
    pass


def _alarm(number: int, frame: FrameType | None) -> None:
    raise _Timeout


def run(job: Job) -> list[Outcome]:
    """Label and lint the mutants of a job."""
    source = job.source
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        near = corpus.near(source)
        length = preamble_length(source.text)
        made = precompile(source.text, length, source.path, near.flags, Path(folder))
        codes = _accepted(source)
        text, flags, args = source.text, near.flags, source.flags.args
        if made is not None:
            ours, theirs = made
            headers = hashlib.sha256(source.text[:length]).hexdigest()
            flags = replace(flags, preamble=ours, headers=f"{flags.headers} {headers}")
            text = blank(source.text, length)
            args = (*args, "-include-pch", str(theirs))
            build, _ = _judge().judge(text, source.path.name, flags, ["no program"])
            if {name: code for name, code in build.codes if name in codes} != codes:
                text, flags, args = source.text, near.flags, source.flags.args
        functions, all_mutants = _mutants(source, text, args)
        reached = _reached(functions, codes)
        outcomes = []
        for number in job.numbers:
            outcome = Outcome(source.name, all_mutants[number])
            _one(source, outcome, text, flags, args, codes, reached)
            outcomes.append(outcome)
        return outcomes


def _one(
    source: Source, outcome: Outcome, text: bytes, flags: Flags, args: tuple[str, ...],
    codes: dict[str, str], reached: dict[str, set[str]],
) -> None:  # fmt: skip
    changed = outcome.mutant.apply(text)
    concerned = [program for program, names in reached.items() if outcome.mutant.function in names]
    build, verdicts = _judge().judge(changed, source.path.name, flags, concerned, codes)
    if build.error:
        outcome.skipped = f"not built: {build.error}"
        return
    if not verdicts:
        outcome.skipped = "same code"
        return
    labelled = [v for v in verdicts if v.verdict in ("accepted", "rejected")]
    if not labelled:
        outcome.skipped = f"not loaded: {verdicts[0].message}"
        return
    found: dict[str, list[Error]] = {}
    problem = ""
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LINT_SECONDS)
    try:
        found, _ = lint_text(source.path, changed, args, [v.program for v in labelled], load_builtin().newest)
    except _Timeout:
        problem = f"no answer within {LINT_SECONDS} s"
    except KfuncgenError as error:
        problem = str(error)
    except Exception:
        problem = traceback.format_exc()[-1500:]
    finally:
        signal.alarm(0)
    outcome.pairs = [Pair(v, tuple(found.get(v.program, ())), problem) for v in labelled]
    if not all(p.agrees for p in outcome.pairs):
        outcome.text = outcome.mutant.apply(source.text)


def plan(found: Sequence[tuple[Source, int]], limit: int, seed: int) -> list[Job]:
    """Which mutants are tried: all, or `limit` of them chosen by `seed` over all sources alike."""
    every = [(index, number) for index, (_, many) in enumerate(found) for number in range(many)]
    if limit and limit < len(every):
        every = sorted(random.Random(seed).sample(every, limit))
    chosen: dict[int, list[int]] = {}
    for index, number in every:
        chosen.setdefault(index, []).append(number)
    jobs = [Job(found[index][0], tuple(numbers)) for index, numbers in chosen.items()]
    return sorted(jobs, key=lambda job: (-len(job.numbers), job.source.name))


def measure(
    tree: Path | None, only: str = "*", limit: int = 0, seed: int = 1, jobs: int = 2
) -> Iterator[list[Outcome]]:
    """Outcomes, source by source as they are done."""
    every = sources(tree, only)
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=20) as pool:
        counted = pool.map(count, every, chunksize=4)
        found = [(source, many) for source, (_, many, _) in zip(every, counted, strict=True) if many]
        yield from pool.imap_unordered(run, plan(found, limit, seed))
