"""`python -m benchmarks.differential`: random programs, and what the linter and the running kernel say of each.

Programs come from a grammar of callers of kernel functions (benchmarks/grammar), each made from its number
alone; most are changed at one to three places afterwards. They are compiled many to a file, with
-fno-delete-null-pointer-checks so that the verifier sees what was broken, linted, and loaded one by one. Both
agree when the linter has an error about a program that the kernel refuses, and none about one that it accepts.

Counted apart: programs that the linter says it did not check to the end, those that the kernel refuses for what
is no contract (ranges of numbers, loops without end: benchmarks/agreement/classes.py), and those that do not
compile or never reach the verifier. KFUNCGEN_LIBBPF names a libbpf to load with.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.agreement.classes import out_of_scope
from benchmarks.agreement.code import read_code
from benchmarks.agreement.engine import error_of
from benchmarks.agreement.judge import Verdict
from benchmarks.agreement.limits import LIMITS, Circumstances, explain
from benchmarks.agreement.toolchain import vmlinux_folder
from benchmarks.grammar import Made, made, source
from benchmarks.grammar.prelude import INCLUDES
from kfuncgen.diagnostic import FileFailure, Finding, KfuncgenError, Report, Severity, UsageError
from kfuncgen.lint import LintOptions
from kfuncgen.lint.batch import Checker
from kfuncgen.lint.rule import classify_message
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.toolchain.clang import find_clang
from kfuncgen.toolchain.headers import DATA
from kfuncgen.verify import ProgramVerdict, require_capability, verify_object

BATCH = 25
"""Programs in one file: what libbpf does for each load grows with it, what clang does for each file does not."""
COMPILE_SECONDS = 120

_RANGE = re.compile(r"^R\d+ (?:unbounded memory access|min value is negative)", re.MULTILINE)
"""Why a memory with its size was refused, on the line before: the number may be anything."""

AGREE, FALSE, MISSED = "agree", "false error", "missed"
UNDECIDED, OTHER, UNJUDGED, FAILED = "not fully checked", "no contract", "no verdict", "linter failed"
STATES = (AGREE, FALSE, MISSED, UNDECIDED, OTHER, UNJUDGED, FAILED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One program: what was done to it, the kernel's verdict, the linter's errors, how they compare."""

    number: int
    section: str
    mutations: tuple[str, ...]
    verdict: str
    message: str
    line: int
    rules: tuple[str, ...]
    told: tuple[str, ...]
    notes: tuple[str, ...]
    state: str
    limit: str = ""
    """The limit (benchmarks/agreement/limits.py) that explains a disagreement."""

    @property
    def same_reason(self) -> bool:
        """Whether one of the linter's errors is the rule that stands for the verifier's message."""
        return classify_message(self.message) in self.rules


class Judges:
    """The linter and the kernel, for files in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        require_capability()
        self.folder = folder
        include = ("-isystem", str(DATA / "include"), "-isystem", str(vmlinux_folder()))
        target = ("-target", "bpf", "-D__TARGET_ARCH_x86", *include)
        self.options = LintOptions((live_kernel(),), load_builtin(), clang_args=target)
        self.checker = Checker(self.options)
        self.command = [find_clang(), *target, "-O2", "-g", "-fno-delete-null-pointer-checks", "-w"]
        head = folder / "all.h"
        head.write_text(INCLUDES)
        self.pch = folder / "all.pch"
        self._clang("-x", "c-header", str(head), "-o", str(self.pch))

    def _clang(self, *arguments: str) -> str:
        """The compiler's errors, "" for none."""
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, check=False, timeout=COMPILE_SECONDS
        )
        errors = [line for line in done.stderr.splitlines() if "error:" in line]
        return errors[0] if errors else done.stderr[:300] if done.returncode else ""

    def outcomes(self, programs: Sequence[Made]) -> list[Outcome]:
        """What linter and kernel say of some programs, in order."""
        file = self.folder / f"b{programs[0].number}_{len(programs)}.bpf.c"
        text = source(list(programs))
        file.write_text(text)
        try:
            error, verdicts = self._verdicts(file, [program.name for program in programs])
            if error and len(programs) > 1:
                return self._without(_culprit(programs, text, error), programs)
            report = self.checker.check(file)
            found = [_outcome(program, error, verdicts.get(program.name), report) for program in programs]
            if any(outcome.state in (FALSE, MISSED) for outcome in found):
                found = _explained(found, file, verdicts, report)
        finally:
            file.unlink()
            file.with_suffix(".o").unlink(missing_ok=True)
        return found

    def _without(self, culprit: int, programs: Sequence[Made]) -> list[Outcome]:
        """The outcomes of programs of which one, or who knows which (-1), breaks the file for all."""
        if culprit < 0:
            return [outcome for program in programs for outcome in self.outcomes([program])]
        parts = (programs[:culprit], programs[culprit : culprit + 1], programs[culprit + 1 :])
        others = self.outcomes([*parts[0], *parts[2]])
        return [*others[:culprit], *self.outcomes(parts[1]), *others[culprit:]]

    def _verdicts(self, file: Path, names: Sequence[str]) -> tuple[str, dict[str, ProgramVerdict]]:
        """Why there are no verdicts, and the verdicts by program."""
        compiled = file.with_suffix(".o")
        error = self._clang("-include-pch", str(self.pch), "-c", str(file), "-o", str(compiled))
        if error:
            line = re.search(r"\.bpf\.c:(\d+):", error)
            return f"line {line[1] if line else 0}: does not compile: {re.sub('.*error: ', '', error)}", {}
        try:
            found = verify_object(compiled, source=file, only=names)
        except UsageError as problem:
            return problem.message, {}
        return "", {verdict.program: verdict for verdict in found}


def _culprit(programs: Sequence[Made], text: str, error: str) -> int:
    """Which of the programs an error of the compiler is about, by its line; -1 when that is not known."""
    line = re.match(r"line (\d+): ", error)
    if not line or not int(line[1]):
        return -1
    starts = [text.count("\n", 0, text.index(program.text)) + 1 for program in programs]
    return sum(start <= int(line[1]) for start in starts) - 1


def _outcome(program: Made, error: str, verdict: ProgramVerdict | None, report: Report | FileFailure) -> Outcome:
    """Compare what was said of a program."""
    errors: list[Finding] = []
    notes: tuple[str, ...] = ()
    failed = ""
    if isinstance(report, FileFailure):
        failed = report.error
    else:
        errors = [
            f
            for f in report.findings
            if f.severity is Severity.ERROR and program.name in (f.programs or (f.function,))
        ]
        own = re.compile(rf"^p{program.number}$|_{program.number}_\d+$")
        notes = tuple(n.message for n in report.notes if n.kind == "incomplete" and own.search(n.function))
    said, message, line = (
        ("not-loaded", error, 0) if verdict is None else (verdict.verdict, verdict.message, verdict.line)
    )
    rejected = said == "rejected"
    if error:
        state = UNJUDGED
    elif failed:
        state = FAILED
    elif said == "not-loaded":
        state = UNJUDGED
    elif rejected == bool(errors):
        state = AGREE
    elif rejected and (out_of_scope(message) or (verdict is not None and _RANGE.search(verdict.log[-400:]))):
        state = OTHER
    elif rejected and notes:
        state = UNDECIDED
    else:
        state = MISSED if rejected else FALSE
    rules = tuple(sorted({f.rule for f in errors}))
    told = tuple(f"{f.span.line}: {f.rule}: {f.message}" for f in errors)
    notes = (*notes, failed) if failed else notes
    return Outcome(
        program.number, program.section, program.mutations, said, message, line, rules, told, notes, state
    )


def _explained(
    outcomes: Sequence[Outcome], file: Path, verdicts: Mapping[str, ProgramVerdict], report: Report | FileFailure
) -> list[Outcome]:
    """The outcomes, those that differ with the limit that explains it."""
    codes = read_code(file.with_suffix(".o"), file.name)
    findings = [f for f in report.findings if f.severity is Severity.ERROR] if isinstance(report, Report) else []
    told: list[Outcome] = []
    for outcome in outcomes:
        name = f"p{outcome.number}"
        if outcome.state in (FALSE, MISSED) and name in codes:
            loaded, code = verdicts[name], codes[name]
            said = Verdict(name, outcome.section, loaded.verdict, loaded.message, loaded.line, loaded.log,
                           externs=code.externs, places=code.places)  # fmt: skip
            errors = [error_of(f, file) for f in findings if name in f.programs]
            limit = explain(said, errors, Circumstances(frozenset(outcome.notes), log=loaded.log))
            # What is compiled here defines what lies behind NULL.
            outcome = replace(outcome, limit="" if limit == "undefined-behaviour" else limit)
        told.append(outcome)
    return told


def judged(numbers: Iterable[int], judges: Judges) -> Iterator[list[Outcome]]:
    """The outcomes of the programs of these numbers, file by file."""
    batch: list[Made] = []
    for number in numbers:
        batch.append(made(number))
        if len(batch) == BATCH:
            yield judges.outcomes(batch)
            batch = []
    if batch:
        yield judges.outcomes(batch)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.2f} %)" if whole else "0 of 0"


def _plain(message: str) -> str:
    """A verifier message without what differs from program to program."""
    message = re.sub(r"id=\d+", "id=…", message)
    return re.sub(r"\bR\d+\b", "R…", re.sub(r"(?<![\w#])-?\d+", "…", re.sub(r"#\d+", "#…", message)))


def report(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The figures, and whatever is not agreement."""
    states = Counter(outcome.state for outcome in outcomes)
    compared = states[AGREE] + states[FALSE] + states[MISSED]
    refused = [o for o in outcomes if o.verdict == "rejected" and o.rules]
    by_rule = Counter(rule for o in outcomes if o.state == AGREE for rule in o.rules)
    by_message = Counter(_plain(o.message) for o in outcomes if o.verdict == "rejected")
    odd = [o for o in outcomes if o.state in (FALSE, MISSED, FAILED)]
    return {
        "programs": len(outcomes),
        "states": {state: states[state] for state in STATES},
        "compared": compared,
        "agreement": round(states[AGREE] / compared, 5) if compared else None,
        "refused_by_both": len(refused),
        "same_reason": sum(o.same_reason for o in refused),
        "accepted": sum(o.verdict == "accepted" for o in outcomes),
        "rejected": sum(o.verdict == "rejected" for o in outcomes),
        "changed": sum(bool(o.mutations) for o in outcomes),
        "rules": dict(by_rule.most_common()),
        "messages": dict(by_message.most_common()),
        "sections": dict(Counter(o.section for o in outcomes).most_common()),
        "apart": dict(
            Counter(f"{o.state}: {_reason(o)}" for o in outcomes if o.state in (UNDECIDED, OTHER, UNJUDGED))
        ),
        "limits": dict(Counter(o.limit for o in odd if o.limit)),
        "disagreements": [asdict(o) for o in odd],
    }


def _reason(outcome: Outcome) -> str:
    if outcome.state == UNDECIDED:
        return outcome.notes[0]
    return out_of_scope(outcome.message) or _plain(outcome.message)


def show(outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print the figures as a table, and each disagreement."""
    states = Counter(outcome.state for outcome in outcomes)
    refused = [o for o in outcomes if o.verdict == "rejected" and o.rules]
    compared = states[AGREE] + states[FALSE] + states[MISSED]
    for o in outcomes:
        if o.state in (FALSE, MISSED, FAILED):
            what = "; ".join(o.told[:2] or o.notes[:1]) if o.state != MISSED else f"{o.line}: {o.message}"
            why = f" [{o.limit}]" if o.limit else ""
            print(f"{o.state}: {o.number} ({o.section}; {', '.join(o.mutations) or 'unchanged'}): {what}{why}")
    accepted, rejected = (sum(o.verdict == verdict for o in outcomes) for verdict in ("accepted", "rejected"))
    changed = sum(bool(o.mutations) for o in outcomes)
    print(
        f"{len(outcomes)} programs in {seconds:.0f} s: {accepted} accepted, {rejected} refused; {changed} changed"
    )
    print(f"agreement: {_share(states[AGREE], compared)}, false errors {states[FALSE]}, missed {states[MISSED]}")
    limits = Counter(o.limit for o in outcomes if o.limit)
    for limit in LIMITS:
        if limits[limit.name]:
            print(f"  {limits[limit.name]:5} of these: {limit.name}: {limit.reason}")
    print(f"refused for the same reason: {_share(sum(o.same_reason for o in refused), len(refused))}")
    for state in (UNDECIDED, OTHER, UNJUDGED, FAILED):
        if states[state]:
            reasons = Counter(_reason(o) for o in outcomes if o.state == state)
            print(f"{state}: {states[state]}")
            for reason, count in reasons.most_common(8):
                print(f"  {count:5} {reason}")
    print("rules of the linter's errors")
    for rule, count in Counter(r for o in outcomes if o.state == AGREE for r in o.rules).most_common():
        print(f"  {count:5} {rule}")
    print("what the verifier says")
    for message, count in Counter(_plain(o.message) for o in outcomes if o.verdict == "rejected").most_common(60):
        print(f"  {count:5} {message[:110]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 0 when both agree on all programs, 1 when not, 2 when it cannot be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.differential", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first program (0)")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="how many programs (300)")
    parser.add_argument("--show", type=int, metavar="N", help="print the source of this program, and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and every disagreement")
    chosen = parser.parse_args(arguments)
    if chosen.show is not None:
        print(made(chosen.show).source, end="")
        return 0
    began, outcomes = time.monotonic(), []
    numbers = range(chosen.first, chosen.first + chosen.count)
    try:
        with tempfile.TemporaryDirectory(prefix="kfuncgen-differential-") as folder:
            for found in judged(numbers, Judges(Path(folder))):
                outcomes += found
                if sys.stderr.isatty():
                    print(f"\r{len(outcomes)} of {chosen.count}", end="", file=sys.stderr, flush=True)
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    show(outcomes, time.monotonic() - began)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(report(outcomes), indent=1) + "\n")
    return int(any(o.state in (FALSE, MISSED, FAILED) for o in outcomes))


if __name__ == "__main__":
    sys.exit(main())
