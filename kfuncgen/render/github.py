"""Workflow commands of GitHub Actions: each finding becomes an annotation of a pull request's lines."""

from __future__ import annotations

from collections.abc import Iterator

from kfuncgen.diagnostic import Finding, Severity
from kfuncgen.render import Outcome
from kfuncgen.render.escape import no_command, one_line
from kfuncgen.render.identity import relative
from kfuncgen.render.summary import facts, note_line, shown_notes, summary_line

WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def render(outcome: Outcome) -> str:
    """One command a finding and failed file; notes and the summary are ordinary lines of the log."""
    lines = [_finding(finding, outcome.kernels) for finding in outcome.report.findings]
    lines += [_command("error", {"file": relative(f.file)}, f.error) for f in outcome.failures]
    lines += _notes(outcome)
    lines.append(summary_line(outcome.report, len(outcome.failures)))
    return "\n".join(lines) + "\n"


def _finding(finding: Finding, kernels: tuple[str, ...]) -> str:
    span = finding.span
    place = {
        "title": f"kfuncgen ({finding.rule})",
        "file": relative(span.file),
        "line": str(span.line),
        "endLine": str(max(span.end_line, span.line)),
    }
    if span.end_line == span.line:  # columns of several lines are refused
        place |= {"col": str(span.column), "endColumn": str(span.end_column)}
    text = finding.message
    for number, event in enumerate(finding.path, 1):
        text += f"\n({number}) line {event.span.line}: {event.message}"
    if finding.help:
        text += f"\nhelp: {finding.help}"
    for fact in facts(finding, kernels):
        text += f"\nnote: {fact}"
    return _command(WORDS[finding.severity], place, text)


def _notes(outcome: Outcome) -> Iterator[str]:
    for note in shown_notes(outcome):
        yield no_command(f"{one_line(relative(note.file)) if note.file else 'kfuncgen'}: note: {note_line(note)}")


def _command(word: str, properties: dict[str, str], text: str) -> str:
    """`::word name=value,...::text`, its delimiters escaped as the runner reads them."""
    shown = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in properties.items())
    lines = "\n".join(one_line(line) for line in text.split("\n"))
    return f"::{word} {shown}::{_escaped(lines)}"


def _escaped(text: str, more: str = "") -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for char in more:
        text = text.replace(char, f"%{ord(char):02X}")
    return "".join(one_line(char) for char in text)
