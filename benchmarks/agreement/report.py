"""Figures as text and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.agreement.classes import out_of_scope
from benchmarks.agreement.limits import LIMITS, explain
from benchmarks.agreement.mutants import Outcome, Pair
from benchmarks.agreement.mutate import KINDS
from benchmarks.agreement.selftests import Matrix


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    cells = [list(heads), *([str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    return [
        "  ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]


def percent(part: int, whole: int) -> str:
    """`part` of `whole`; "-" of nothing."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def selftests_text(figures: dict[str, Any], matrix: Matrix | None) -> list[str]:
    """The report over the kernel's own programs."""
    lines = [f"{figures['files']} files, {len(figures['files_not_built'])} not built or not loadable as a whole, "
             f"{len(figures['files_not_linted'])} not linted (the source does not parse), "
             f"{len(figures['crashes'])} crashes, {figures['lint_seconds']} s of linting"]  # fmt: skip
    if matrix is not None:
        rejected, accepted = matrix.found + matrix.missed, matrix.clean + matrix.false
        lines += [
            "",
            "Programs in scope of the reference",
            *table(
                ("", "rejected", "accepted"),
                [
                    ("linter finds an error", matrix.found, matrix.false),
                    ("linter finds none", matrix.missed, matrix.clean),
                    ("agreement", percent(matrix.found, rejected), percent(matrix.clean, accepted)),
                ],
            ),
            f"first error is of the right group: {matrix.right} of {matrix.found}",
            f"in the reference, not judged alike here: {matrix.absent}",
        ]
        lines += [f"  {d['what']}: {_disagreement(d)}" for d in matrix.disagreements]
        lines += [f"  other group ({d['rule']}): {_disagreement(d)}" for d in matrix.other_group]
    contracts, found = figures["rejected_for_contracts"], figures["rejected_for_contracts_found"]
    lines += [
        "",
        "All programs",
        f"accepted: {figures['accepted']}, of these with errors: {len(figures['accepted_with_errors'])}",
        *(f"  false: {_disagreement(d)}" for d in figures["accepted_with_errors"]),
        f"rejected: {figures['rejected']}, for contracts: {contracts}: found {found}, "
        f"told to be not fully checked {len(figures['rejected_for_contracts_told'])} "
        "(inline assembly and the like), "
        f"missed {len(figures['rejected_for_contracts_missed'])}",
        *(f"  missed: {_disagreement(d)}" for d in figures["rejected_for_contracts_missed"]),
        "rejected for other reasons (with errors):",
    ]
    with_errors = figures["rejected_for_other_reasons_with_errors"]
    others = figures["rejected_for_other_reasons"]
    lines += [f"  {count:5} {name} ({with_errors.get(name, 0)})" for name, count in others.items()]
    lines += [f"not loaded: {figures['not_loaded']}, of these with errors: {figures['not_loaded_with_errors']}"]
    lines += ["", "Functions not fully checked, by what is told of them"]
    lines += [f"  {count:5} {message}" for message, count in figures["functions_with_notes"].items()]
    lines += ["", "Slowest files"]
    lines += [f"  {row['seconds']:7.2f} s {row['file']}" for row in figures["slowest"]]
    lines += [f"crash: {crash}" for crash in figures["crashes"]]
    return lines


def _disagreement(told: dict[str, Any]) -> str:
    text = f"{told['file']}: {told['program']}"
    if told["kernel"]:
        text += f" | kernel: {told['kernel']}"
    if told["finding"]:
        text += f" | linter: {told['finding']}"
    return text


def matrix_json(matrix: Matrix | None) -> dict[str, Any] | None:
    """The matrix for JSON."""
    if matrix is None:
        return None
    return {name: getattr(matrix, name) for name in Matrix.__slots__}


class Tally:
    """Counts outcomes of mutants as they come. `keep`: a folder for the sources of disagreements."""

    def __init__(self, keep: Path | None = None) -> None:
        self.mutants = self.agreeing_mutants = 0
        self.skipped: Counter[str] = Counter()
        self.kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self.files: dict[str, Counter[str]] = defaultdict(Counter)
        self.limits: Counter[str] = Counter()
        self.classes: dict[str, Counter[str]] = defaultdict(Counter)
        self.open: list[dict[str, Any]] = []
        self.explained: list[dict[str, Any]] = []
        self.keep = keep
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)

    def add(self, outcome: Outcome) -> None:
        """Count one mutant."""
        if outcome.skipped:
            self.skipped[outcome.skipped.split(":")[0]] += 1
            return
        self.mutants += 1
        judged = [(pair, self._pair(outcome, pair)) for pair in outcome.pairs]
        self.agreeing_mutants += all(what not in ("missed", "false", "problem") for _, what in judged)
        for pair, what in judged:
            self.kinds[outcome.mutant.kind][what] += 1
            self.files[outcome.source][what] += 1
            if what in ("missed", "false", "problem"):
                self.open.append(self._told(outcome, pair, what))

    def _pair(self, outcome: Outcome, pair: Pair) -> str:
        """What a pair counts as."""
        if pair.problem:
            return "problem"
        apart = out_of_scope(pair.verdict.message) if pair.verdict.verdict == "rejected" else ""
        if apart:
            self.classes[apart]["with errors" if pair.errors else "without"] += 1
            return "other reasons"
        if pair.agrees:
            return "rejected, found" if pair.errors else "accepted, clean"
        limit = explain(pair.verdict, pair.errors, pair.known)
        what = "missed" if pair.verdict.verdict == "rejected" else "false"
        if limit:
            self.limits[limit] += 1
            self.explained.append({"limit": limit, **self._told(outcome, pair, what)})
            return "named limit"
        return what

    def _told(self, outcome: Outcome, pair: Pair, what: str) -> dict[str, Any]:
        mutant, verdict = outcome.mutant, pair.verdict
        kept = ""
        if self.keep is not None and outcome.text:
            base = outcome.source.rsplit("/", 1)[-1].removesuffix(".c").removesuffix(".bpf")
            kept = f"{base}-{mutant.line}-{mutant.kind}-{mutant.key}.c"
            (self.keep / kept).write_bytes(outcome.text)
        return {
            "what": what, "source": outcome.source, "kind": mutant.kind, "function": mutant.function,
            "line": mutant.line, "done": mutant.what, "program": verdict.program, "section": verdict.section,
            "kernel": verdict.message, "kernel_line": verdict.line, "log": verdict.log[-600:],
            "errors": [[e.rule, e.line, e.message, e.function] for e in pair.errors],
            "problem": pair.problem, "kept": kept,
        }  # fmt: skip

    def counts(self) -> Counter[str]:
        """Pairs by what they count as."""
        total: Counter[str] = Counter()
        for counted in self.kinds.values():
            total.update(counted)
        return total

    def json(self) -> dict[str, Any]:
        """All figures and all disagreements."""
        return {
            "mutants": self.mutants,
            "mutants_agreeing": self.agreeing_mutants,
            "pairs": dict(self.counts()),
            "kinds": {k: dict(self.kinds[k]) for k in KINDS if k in self.kinds},
            "files": {k: dict(v) for k, v in sorted(self.files.items())},
            "skipped": dict(self.skipped),
            "limits": dict(self.limits),
            "other_reasons": {k: dict(v) for k, v in sorted(self.classes.items())},
            "open": sorted(self.open, key=_order),
            "explained": sorted(self.explained, key=_order),
        }

    def text(self) -> list[str]:
        """The report."""
        total = self.counts()
        lines = [f"{self.mutants} labelled mutants, {sum(total.values())} (mutant, program) pairs"]
        lines += [f"  no label: {count} {why}" for why, count in self.skipped.most_common()]
        lines += ["", *table(("kind", *_COLUMNS), [(k, *_row(self.kinds[k])) for k in KINDS if k in self.kinds])]
        lines += [*table(("all", *_COLUMNS), [("all", *_row(total))])[1:], ""]
        lines += ["agreement: of verdicts for contracts; with limits: named limits are no disagreements"]
        lines += [f"mutants without an open disagreement: {percent(self.agreeing_mutants, self.mutants)}"]
        lines += ["", "Refusals for other reasons (linter: without, with errors)"]
        lines += [
            f"  {name}: {counted['without']}, {counted['with errors']}"
            for name, counted in sorted(self.classes.items())
        ]
        lines += ["", "Named limits"]
        lines += [f"  {self.limits[limit.name]:5} {limit.name}: {limit.reason}" for limit in LIMITS]
        bad = [(name, c) for name, c in sorted(self.files.items()) if c["missed"] + c["false"] + c["problem"]]
        lines += ["", f"Files with open disagreements: {len(bad)} of {len(self.files)}"]
        lines += table(("file", *_COLUMNS), [(name, *_row(c)) for name, c in bad]) if bad else []
        lines += ["", "Open disagreements"]
        for d in sorted(self.open, key=_order):
            said = d["problem"].strip().splitlines()[-1] if d["problem"] else d["kernel"]
            if d["errors"]:
                said = f"{d['errors'][0][1]}: {d['errors'][0][0]}: {d['errors'][0][2]}"
            lines.append(f"  {d['what']}: {d['source']}:{d['line']}: {d['done']}: {d['program']} | {said}")
        return lines


_COLUMNS = (
    "rejected, found", "accepted, clean", "missed", "false", "problem", "named limit", "other reasons",
    "agreement", "with limits",
)  # fmt: skip


def _row(counted: Counter[str]) -> list[object]:
    """Counts, then agreement: first with named limits as disagreements, then without them."""
    right = counted["rejected, found"] + counted["accepted, clean"]
    wrong = counted["missed"] + counted["false"] + counted["problem"]
    whole = right + wrong + counted["named limit"]
    return [*(counted[c] for c in _COLUMNS[:-2]), percent(right, whole), percent(whole - wrong, whole)]


def _order(told: dict[str, Any]) -> tuple[Any, ...]:
    return (told["source"], told["line"], told["kind"], told["done"], told["program"])
