"""Counts and notes that several formats share."""

from __future__ import annotations

from kfuncgen.diagnostic import Note, Report, Severity
from kfuncgen.render.escape import one_line


def counts(report: Report) -> dict[Severity, int]:
    """Findings by severity, worst first, every severity present."""
    severities = [finding.severity for finding in report.findings]
    return {severity: severities.count(severity) for severity in sorted(Severity, reverse=True)}


def plural(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary_line(report: Report, failed: int = 0) -> str:
    """`2 errors, 1 warning in 1 file (3 programs)`; says when files failed or were not fully checked."""
    found = [plural(number, str(severity)) for severity, number in counts(report).items() if number]
    line = f"{', '.join(found) or 'no findings'} in {plural(report.files, 'file')}"
    line += f" ({plural(report.programs, 'program')})"
    if failed:
        line += f"; {plural(failed, 'file')} could not be parsed"
    incomplete = sum(note.kind == "incomplete" for note in report.notes)
    if incomplete:
        line += f"; {plural(incomplete, 'note')} on what was not fully checked"
    return line


def note_line(note: Note) -> str:
    """A note for people, without its place."""
    message = one_line(note.message)
    if note.function:
        message = f"in '{one_line(note.function)}': {message}"
    return f"not fully checked: {message}" if note.kind == "incomplete" else message
