"""Mutants of accepted programs: the kernel's verdict on each against what the linter says.

They are compiled with -fno-delete-null-pointer-checks, so that the verifier sees what was broken.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import signal
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.agreement import corpus
from benchmarks.agreement.corpus import Source
from benchmarks.agreement.engine import Error, lint_text
from benchmarks.agreement.judge import Build, Flags, Judge, Verdict, warnings_of, whole_log
from benchmarks.agreement.limits import Circumstances
from benchmarks.agreement.mutate import Mutant, mutants
from benchmarks.agreement.preamble import blank, preamble_lengths, precompile_clang, precompile_libclang
from benchmarks.agreement.toolchain import workspace
from benchmarks.agreement.tree import reached, read_tree
from benchmarks.agreement.words import Words, words
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

LINT_SECONDS = 120
WITHOUT_KEYS = Kernel(6, 14)
"""The last kernel whose verifier does not look at the keys of lookups."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One program of a mutant: the verdict and the linter's errors."""

    verdict: Verdict
    errors: tuple[Error, ...]
    problem: str = ""
    """Why the linter has no answer: a crash, a source that it cannot parse, a run without end."""
    known: Circumstances = field(default_factory=Circumstances)
    """What may explain that they differ."""

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
    build, verdicts = _judge().judge(source.text, source.path.name, corpus.as_written(source).flags)
    return {v.program: v.code for v in verdicts if v.verdict == "accepted"} if not build.error else {}


def count(source: Source) -> int:
    """How many mutants a source has."""
    if not any(name.encode() in source.text for name in _words().known) or not _accepted(source):
        return 0
    return len(_mutants(source)[0])


@cache
def _makers() -> str:
    """A fingerprint of the code that makes mutants: what was kept is made anew after a change of it."""
    # Sorted: the order of a set is another one in every process.
    listed = [sorted(getattr(_words(), name)) for name in Words.__slots__]
    found = hashlib.sha256(repr(listed).encode())
    for name in ("mutate.py", "tree.py"):
        found.update(Path(__file__).with_name(name).read_bytes())
    return found.hexdigest()


def _mutants(source: Source) -> tuple[list[Mutant], dict[str, set[str]]]:
    """The mutants of a source, and the functions of the file that each accepted program reaches."""
    accepted = sorted(_accepted(source))

    def make() -> Any:
        try:
            functions = read_tree(source.path, source.text, [*source.flags.args, "-Wno-everything"])
        except ValueError:
            return {"mutants": [], "reached": {}}  # what libclang cannot parse has no mutants
        by_program = reached(functions, accepted)
        names = {name for names in by_program.values() for name in names}
        made = mutants(source.text, [f for f in functions if f.name in names], _words())
        return {
            "mutants": [
                [m.kind, m.function, m.line, m.what, [[a, b, new.decode()] for a, b, new in m.edits]] for m in made
            ],
            "reached": {program: sorted(functions) for program, functions in by_program.items()},
        }

    parts = (_makers(), str(source.path), source.flags.args, source.flags.headers, accepted)
    kept = _judge().kept("mutants", source.text, parts, make)
    made = [
        Mutant(kind, function, line, what, tuple((a, b, new.encode()) for a, b, new in edits))
        for kind, function, line, what, edits in kept["mutants"]
    ]
    return made, {program: set(names) for program, names in kept["reached"].items()}


class _Base:
    """A source as its mutants are compiled and parsed: with its preamble precompiled where that changes nothing.

    clang's header is made when a label is missing, libclang's when something is linted.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.codes = _accepted(source)
        self.whole = corpus.as_written(source)
        self.length = 0
        parts = (self.whole.flags.args, source.flags.headers, preamble_lengths(source.text))
        self.length = _judge().kept("length", source.text, parts, self._find_length)

    def _flags(self) -> Flags:
        """Flags for the blanked text."""
        digest = hashlib.sha256(self.source.text[: self.length]).hexdigest()
        flags = self.whole.flags
        return replace(flags, preamble=self.folder / "clang.pch", headers=f"{flags.headers} {digest}")

    def _find_length(self) -> int:
        """How much of the preamble both compilers take so that all programs come out the same; 0 for nothing."""
        for length in preamble_lengths(self.source.text):
            self.length = length
            if self._make_clang() and self._make_libclang():
                text = blank(self.source.text, length)
                programs = sorted(self.codes)
                build, _ = _judge().judge(text, self.source.path.name, self._flags(), programs, self.codes)
                if {name: code for name, code in build.codes if name in self.codes} == self.codes:
                    return length
        return 0

    def _make_clang(self) -> bool:
        flags = self.whole.flags
        return precompile_clang(
            self.source.text[: self.length], self.source.path, flags, self.folder / "clang.pch"
        )

    def _make_libclang(self) -> bool:
        args = self.source.flags.args
        return precompile_libclang(
            self.source.text[: self.length], self.source.path, args, self.folder / "libclang.pch"
        )

    def judge(self, mutant: Mutant, programs: list[str]) -> tuple[Build, list[Verdict]]:
        """The kernel's verdicts on the programs of a mutant that it changes."""
        name = self.source.path.name
        if not self.length:
            return _judge().judge(mutant.apply(self.source.text), name, self.whole.flags, programs, self.codes)
        flags = self._flags()
        text = mutant.apply(blank(self.source.text, self.length))
        if (
            not _judge().knows(text, name, flags, programs, self.codes)
            and not (self.folder / "clang.pch").exists()
        ):
            self._make_clang()
        return _judge().judge(text, name, flags, programs, self.codes)

    def lint(
        self, mutant: Mutant, programs: list[str], kernel: Kernel | None = None
    ) -> tuple[dict[str, list[Error]], set[str]]:
        """The linter's errors about programs of a mutant, and its notes; for the newest kernel or another."""
        text, args = self.source.text, self.source.flags.args
        if self.length:
            header = self.folder / "libclang.pch"
            if header.exists() or self._make_libclang():
                text, args = blank(text, self.length), (*args, "-include-pch", str(header))
        return lint_text(self.source.path, mutant.apply(text), args, programs, kernel or load_builtin().newest)

    def circumstances(self, mutant: Mutant, odd: list[Verdict], notes: set[str]) -> Circumstances:
        """What may explain that linter and kernel differ about these programs of a mutant."""
        name, flags = self.source.path.name, self.whole.flags
        text = mutant.apply(self.source.text)
        before, after = warnings_of(self.source.text, name, flags), warnings_of(text, name, flags)
        errors, _ = self.lint(mutant, [v.program for v in odd], WITHOUT_KEYS)
        missed = next((v.program for v in odd if v.verdict == "rejected"), "")
        log = whole_log(text, name, flags, missed) if missed else ""
        every = tuple(error for found in errors.values() for error in found)
        return Circumstances(frozenset(notes), bool(after - before), every, log)


class _Timeout(Exception):
    pass


def _alarm(number: int, frame: FrameType | None) -> None:
    raise _Timeout


def run(job: Job) -> list[Outcome]:
    """Label and lint the mutants of a job."""
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        base = _Base(job.source, Path(folder))
        every, by_program = _mutants(job.source)
        outcomes = []
        for number in job.numbers:
            mutant = every[number]
            programs = [program for program, names in by_program.items() if mutant.function in names]
            outcomes.append(_one(base, mutant, programs))
        return outcomes


def _one(base: _Base, mutant: Mutant, programs: list[str]) -> Outcome:
    outcome = Outcome(base.source.name, mutant)
    build, verdicts = base.judge(mutant, programs)
    if build.error:
        outcome.skipped = f"not built: {build.error}"
        return outcome
    if not verdicts:
        outcome.skipped = "same code"
        return outcome
    labelled = [v for v in verdicts if v.verdict in ("accepted", "rejected")]
    if not labelled:
        outcome.skipped = f"not loaded: {verdicts[0].message}"
        return outcome
    found: dict[str, list[Error]] = {}
    notes: set[str] = set()
    known = Circumstances()
    problem = ""
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LINT_SECONDS)
    try:
        found, notes = base.lint(mutant, [v.program for v in labelled])
        odd = [v for v in labelled if not Pair(v, tuple(found[v.program])).agrees]
        if odd:
            known = base.circumstances(mutant, odd, notes)
    except _Timeout:
        problem = f"no answer within {LINT_SECONDS} s"
    except KfuncgenError as error:
        problem = str(error)
    except Exception:
        problem = traceback.format_exc()[-1500:]
    finally:
        signal.alarm(0)
    outcome.pairs = [Pair(v, tuple(found.get(v.program, ())), problem, known) for v in labelled]
    if not all(p.agrees for p in outcome.pairs):
        outcome.text = mutant.apply(base.source.text)
    return outcome


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


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is tried: `chosen` of `possible` mutants of `sources` sources; outcomes come source by source."""

    sources: int
    possible: int
    chosen: int
    outcomes: Iterator[list[Outcome]]


@contextmanager
def measure(
    tree: Path | None, only: str = "*", limit: int = 0, seed: int = 1, jobs: int = 2
) -> Iterator[Measurement]:
    """Label and lint mutants in `jobs` processes."""
    every = sources(tree, only)
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=20) as pool:
        counted = pool.map(count, every, chunksize=4)
        found = [(source, many) for source, many in zip(every, counted, strict=True) if many]
        planned = plan(found, limit, seed)
        chosen = sum(len(job.numbers) for job in planned)
        yield Measurement(len(found), sum(counted), chosen, pool.imap_unordered(run, planned))
