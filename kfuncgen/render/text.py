"""The report for people: each finding with its source, its numbered path, help and the kernel's words.

The layout follows GCC's (`file:line:column: error: message [rule]`, so that editors jump to it) with rustc's
`help:` and `note:`. Everything that comes from sources is escaped (render/escape.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kfuncgen.diagnostic import Event, Finding, Note, Place
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line
from kfuncgen.render.excerpt import Excerpt, Sources, excerpt
from kfuncgen.render.summary import facts, note_line, shown_notes, summary_line

SGR = {
    "error": "1;31",
    "warning": "1;35",
    "hint": "1;36",
    "note": "1;36",
    "help": "1;32",
    "place": "1",
}
"""Terminal colours (ECMA-48 SGR parameters), those of GCC and clang where they have the same part."""


class Paint:
    """Wraps words in colours, or leaves them alone."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, part: str, text: str) -> str:
        return f"\x1b[{SGR[part]}m{text}\x1b[0m" if self.colour and text else text


def render(outcome: Outcome) -> str:
    """The whole report, findings first, then notes, then the summary line."""
    paint = Paint(outcome.colour)
    sources = Sources(outcome.read)
    blocks = ["\n".join(_finding(finding, sources, paint, outcome.kernels)) for finding in outcome.report.findings]
    notes = list(_notes(shown_notes(outcome), paint))
    if notes:
        blocks.append("\n".join(notes))
    blocks.append(summary_line(outcome.report, len(outcome.failures)))
    return "\n\n".join(blocks) + "\n"


def _finding(finding: Finding, sources: Sources, paint: Paint, kernels: tuple[str, ...]) -> Iterator[str]:
    severity = str(finding.severity)
    place = paint("place", f"{one_line(str(finding.span.place))}:")
    yield f"{place} {paint(severity, f'{severity}:')} {one_line(finding.message)} [{finding.rule}]"
    shown = excerpt(sources, finding.span)
    if shown is not None:
        yield from _excerpt(shown, paint, severity)
    for number, event in enumerate(finding.path, 1):
        yield from _event(number, event, sources)
    if finding.help:
        yield f"  {paint('help', 'help:')} {one_line(finding.help)}"
    told = list(facts(finding, kernels))
    more = f"see 'kfuncgen explain {finding.rule}'"
    for fact in [*told[:-1], f"{told[-1]}; {more}"] if finding.verifier else [*told, more]:
        yield f"  {paint('note', 'note:')} {one_line(fact)}"


def _excerpt(shown: Excerpt, paint: Paint, part: str) -> Iterator[str]:
    yield f"{shown.line:5} | {shown.text}"
    if shown.marker:
        marker = shown.marker.lstrip(" ")
        yield f"      | {' ' * (len(shown.marker) - len(marker))}{paint(part, marker)}"


def _event(number: int, event: Event, sources: Sources) -> Iterator[str]:
    """One step: its place and message, and under it the source line without its indentation."""
    yield f"  ({number}) {one_line(str(event.span.place))}: {one_line(event.message)}"
    shown = excerpt(sources, event.span)
    if shown is not None and shown.text.strip():
        yield f"{shown.line:9} | {shown.text.strip()}"


def _notes(notes: tuple[Note, ...], paint: Paint) -> Iterator[str]:
    """Notes in their order; a fact that holds for several files is told once."""
    facts = Counter(note_line(note) for note in notes if note.kind != "incomplete")
    word = paint("note", "note:")
    for note in notes:
        line = note_line(note)
        place = one_line(str(Place(note.file, note.line, note.column)))
        if note.kind == "incomplete" or facts[line] == 1:
            yield f"{place}: {word} {line}" if place else f"{word} {line}"
        elif facts[line] > 1:
            yield f"{word} {line} ({facts[line]} files)"
            facts[line] = 0
