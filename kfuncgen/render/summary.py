"""Counts and notes that several formats share."""

from __future__ import annotations

from collections.abc import Sequence

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
