"""Counts and notes that several formats share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfuncgen.diagnostic import Finding, Note, Report, Severity
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line

FLAGS_NOTE = "flags are those of "
"""How the linter's note on the origin of a source's compiler flags begins (kfuncgen/lint/check.py)."""


def kernel_ranges(some: Sequence[str], targeted: Sequence[str]) -> str:
    """`kernel 6.1`, `kernels 6.1 to 6.3 and 6.18`: kernels, those that follow each other among the targeted ones
    as a range. Both in the order of releases."""
    runs: list[list[str]] = []
    last = -2
    for position, kernel in enumerate(targeted):
        if kernel not in some:
            continue
        if position == last + 1:
            runs[-1].append(kernel)
        else:
            runs.append([kernel])
        last = position
    words: list[str] = []
    for run in runs:
        words += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else run
    text = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"{'kernel' if len(words) == 1 and ' ' not in text else 'kernels'} {text}"


def only_on(finding: Finding, targeted: Sequence[str]) -> str:
    """`on kernel 6.1` for a finding that does not concern all targeted kernels, "" for others."""
    if not finding.kernels or len(finding.kernels) >= len(targeted):
        return ""
    return f"on {kernel_ranges(finding.kernels, targeted)}"


BUILT = {"with": "kernels built by clang", "without": "kernels built by GCC before 16"}
"""Which kernels have type tags in their BTF, and which do not."""


def conditions(finding: Finding, targeted: Sequence[str]) -> Iterator[str]:
    """Where a finding holds when that is not everywhere: on which kernels, with which BTF."""
    if kernel := only_on(finding, targeted):
        yield f"{kernel}; not on the other targeted kernels"
    if finding.type_tags:
        yield f"only where the kernel's BTF is {finding.type_tags} type tags ({BUILT[finding.type_tags]})"


def facts(finding: Finding, targeted: Sequence[str]) -> Iterator[str]:
    """What is to be known of a finding beside its message, path and help: how it is reached, where it holds, what
    the kernel says. Every format for people to read has all of it, in these words."""
    if finding.program and finding.function != finding.program:
        section = f' (SEC("{finding.section}"))' if finding.section else ""
        yield f"in '{finding.function}', reached from program '{finding.program}'{section}"
    yield from conditions(finding, targeted)
    if finding.verifier:
        yield f'the kernel says "{finding.verifier}"'


def counts(report: Report) -> dict[Severity, int]:
    """Findings by severity, worst first, every severity present."""
    severities = [finding.severity for finding in report.findings]
    return {severity: severities.count(severity) for severity in sorted(Severity, reverse=True)}


def plural(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary_line(report: Report, failed: int = 0) -> str:
    """`2 errors, 1 warning in 1 file (3 programs)`; says when files failed or were not fully checked."""
    if failed and not report.files:
        return f"nothing was checked: {plural(failed, 'file')} could not be read or parsed"
    found = [plural(number, str(severity)) for severity, number in counts(report).items() if number]
    files = f"{report.files} of {report.files + failed} files" if failed else plural(report.files, "file")
    line = f"{', '.join(found) or 'no findings'} in {files} ({plural(report.programs, 'program')})"
    if report.silenced:
        line += f"; {plural(report.silenced, 'finding')} ignored by comments"
    if report.known:
        line += f"; {plural(report.known, 'finding')} known by the baseline"
    if failed:
        line += f"; {failed} could not be read or parsed"
    incomplete = sum(note.kind == "incomplete" for note in report.notes)
    if incomplete:
        line += f"; {plural(incomplete, 'note')} on what was not fully checked"
    return line


def shown_notes(outcome: Outcome) -> tuple[Note, ...]:
    """The notes that people see: all but the origin of the flags, unless they asked for it.

    Sources that do not compile say it with their error; nothing is left out of the JSON.
    """
    notes = outcome.report.notes
    if outcome.verbose:
        return notes
    return tuple(note for note in notes if note.kind != "info" or not note.message.startswith(FLAGS_NOTE))


def note_line(note: Note) -> str:
    """A note for people, without its place."""
    message = one_line(note.message)
    if note.function:
        message = f"in '{one_line(note.function)}': {message}"
    return f"not fully checked: {message}" if note.kind == "incomplete" else message
