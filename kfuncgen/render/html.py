"""One HTML page of all findings: the source of each with its path drawn along it.

The page stands alone: no scripts, no requests, styles within. All text of sources, names and messages is escaped,
and what a reader could be misled by is shown as its escape (render.escape).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from kfuncgen.diagnostic import Event, Finding
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line
from kfuncgen.render.excerpt import TAB, Sources
from kfuncgen.render.identity import fingerprints, relative
from kfuncgen.render.summary import counts, facts, note_line, plural, shown_notes, summary_line

AROUND = 3
"""Lines shown before and behind those of a path."""
GAP = 8
"""Runs of more lines than this between two steps are folded away."""
MAX_COLUMNS = 200
ROW = 22
"""Height of a row in pixels: the drawing beside the source counts on it."""
LANE = 44
"""Width of the drawing."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = f"""
:root {{ color-scheme: light dark; --line: #8886; --soft: #8881;
  --error: #c62828; --warning: #a15c00; --hint: #1565c0; }}
@media (prefers-color-scheme: dark) {{ :root {{ --error: #ff8a80; --warning: #ffb74d; --hint: #82b1ff; }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1100px; padding: 1.5rem; }}
h1 {{ font-size: 1.4rem; margin: 0; }}
h2 {{ font-size: 1.05rem; margin: 0 0 .2rem; }}
nav ol {{ list-style: none; padding: 0; }}
nav a {{ text-decoration: none; color: inherit; }}
nav a:hover {{ text-decoration: underline; }}
section {{ border-top: 1px solid var(--line); padding: 1.2rem 0; }}
.error {{ color: var(--error); }} .warning {{ color: var(--warning); }} .hint {{ color: var(--hint); }}
.place, .facts {{ opacity: .75; }}
.source {{ position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: 6px;
  margin: .8rem 0; }}
.source svg {{ position: absolute; left: 0; top: 0; }}
.row {{ height: {ROW}px; line-height: {ROW}px; white-space: pre; padding-left: {LANE}px;
  font-family: ui-monospace, monospace; font-size: 13px; min-width: max-content; }}
.row i {{ display: inline-block; width: 4em; text-align: right; padding-right: 1em; font-style: normal;
  opacity: .5; }}
.row.at {{ background: var(--soft); }}
.row.step {{ font-family: system-ui, sans-serif; }}
.row.step b {{ display: inline-block; min-width: 1.6em; text-align: center; border-radius: 1em; color: #fff;
  background: #546e7a; margin: 0 .6em 0 4em; line-height: 1.5em; }}
.row.step.end b {{ background: var(--error); }}
.row.fold {{ opacity: .5; }}
mark {{ background: #ffd54f66; color: inherit; border-radius: 3px; }}
path {{ fill: none; stroke: #546e7a; stroke-width: 1.5; }}
circle {{ fill: #546e7a; }}
.rule pre {{ white-space: pre-wrap; background: var(--soft); padding: 1rem; border-radius: 6px;
  font-size: 13px; }}
"""


def render(outcome: Outcome) -> str:
    """The page: summary, a list of the findings, each of them, notes."""
    findings = outcome.report.findings
    sources = Sources(outcome.read)
    names = [f"f{digest[:12]}" for digest in fingerprints(findings, sources)]
    parts = [
        "<!DOCTYPE html>\n",
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f"<title>kfuncgen: {_text(_title(outcome))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n",
        f"<h1>kfuncgen</h1>\n<p>{_text(summary_line(outcome.report, len(outcome.failures)))}</p>\n",
        *_contents(findings, names),
    ]
    for finding, name in zip(findings, names, strict=True):
        parts += _finding(finding, name, sources, outcome)
    parts += _ending(outcome)
    parts += _rules(outcome)
    return "".join([*parts, "</body>\n</html>\n"])


def _title(outcome: Outcome) -> str:
    found = [plural(number, str(severity)) for severity, number in counts(outcome.report).items() if number]
    return ", ".join(found) or "no findings"


def _text(text: str) -> str:
    return escape(one_line(text))


def _contents(findings: Sequence[Finding], names: Sequence[str]) -> Iterator[str]:
    if not findings:
        return
    yield "<nav>\n<ol>\n"
    for finding, name in zip(findings, names, strict=True):
        place = f"{relative(finding.span.file)}:{finding.span.line}"
        yield (
            f'<li><a href="#{name}"><span class="{finding.severity}">{finding.severity}</span> '
            f"<code>{_text(place)}</code> {_text(finding.message)}</a></li>\n"
        )
    yield "</ol>\n</nav>\n"


def _finding(finding: Finding, name: str, sources: Sources, outcome: Outcome) -> Iterator[str]:
    span = finding.span
    yield f'<section id="{name}">\n<h2><span class="{finding.severity}">{finding.severity}:</span> '
    yield f"{_text(finding.message)}</h2>\n"
    yield f'<p class="place"><code>{_text(relative(span.file))}:{span.line}:{span.column}</code>'
    yield f" in <code>{_text(finding.function)}</code>" if finding.function else ""
    yield f"; {_text(finding.rule)}</p>\n"
    yield from _source(finding, sources)
    if finding.help:
        yield f"<p>{_text(finding.help)}</p>\n"
    told = [_text(fact) for fact in facts(finding, outcome.kernels)]
    if outcome.pages(finding.rule):
        told.append(f'<a href="#{_anchor(finding.rule)}">about {_text(finding.rule)}</a>')
    yield f'<p class="facts">{"<br>".join(told)}</p>\n' if told else ""
    yield "</section>\n"


def _anchor(rule: str) -> str:
    return f"rule-{_text(rule)}"


def _rules(outcome: Outcome) -> Iterator[str]:
    """The pages of the rules that found something, each once."""
    for rule in sorted({finding.rule for finding in outcome.report.findings}):
        if page := outcome.pages(rule):
            shown = "\n".join(one_line(line.expandtabs(TAB)) for line in page.splitlines())
            yield f'<section id="{_anchor(rule)}" class="rule">\n<pre>{escape(shown)}</pre>\n</section>\n'


def _source(finding: Finding, sources: Sources) -> Iterator[str]:
    """The lines of the finding's file that its path runs through; steps in other files are told in words."""
    file = finding.span.file
    events = finding.path or (Event(finding.span, finding.message),)
    here = [(number, event) for number, event in enumerate(events, 1) if event.span.file == file]
    lines = sorted({event.span.line for _, event in here} | {finding.span.line})
    if sources.line(file, finding.span.line) is None:
        yield from (
            f"<p>({number}) {_text(str(e.span.place))}: {_text(e.message)}</p>\n"
            for number, e in enumerate(events, 1)
        )
        return
    rows: list[str] = []
    at: dict[int, int] = {}
    for shown in _shown_lines(lines):
        if shown is None:
            rows.append('<div class="row fold"><i>⋮</i></div>')
            continue
        text = sources.line(file, shown)
        if text is None:
            continue
        steps = [(number, event) for number, event in here if event.span.line == shown]
        rows.append(_line(shown, text, steps[-1][1] if steps else None))
        for number, event in steps:
            at[number] = len(rows)
            end = " end" if number == len(events) else ""
            rows.append(f'<div class="row step{end}"><b>{number}</b>{_text(event.message)}</div>')
    others = [(number, event) for number, event in enumerate(events, 1) if event.span.file != file]
    for number, event in others:
        at[number] = len(rows)
        where = f"{relative(event.span.file)}:{event.span.line}: {event.message}"
        rows.append(f'<div class="row step"><b>{number}</b>{_text(where)}</div>')
    yield f'<div class="source">{_drawing([at[n] for n in sorted(at)], len(rows))}{"".join(rows)}</div>\n'


def _shown_lines(lines: Sequence[int]) -> Iterator[int | None]:
    """The numbers of the lines to show, None where some are left out."""
    last = max(lines[0] - AROUND, 1) - 1
    for line in lines:
        if line - last > GAP + 2 * AROUND:
            yield from range(last + 1, last + 1 + AROUND)
            yield None
            last = line - AROUND - 1
        yield from range(last + 1, line + 1)
        last = max(last, line)
    yield from range(last + 1, last + 1 + AROUND)


def _line(number: int, raw: bytes, event: Event | None) -> str:
    text = raw[: 4 * MAX_COLUMNS]
    if event is None:
        return f'<div class="row"><i>{number}</i>{_code(text)}</div>'
    start = max(event.span.column, 1) - 1
    stop = event.span.end_column - 1 if event.span.end_line == event.span.line else len(raw)
    stop = max(stop, start)
    marked = f"{_code(text[:start])}<mark>{_code(text[start:stop], text[:start])}</mark>"
    return f'<div class="row at"><i>{number}</i>{marked}{_code(text[stop:], text[:stop])}</div>'


def _code(raw: bytes, before: bytes = b"") -> str:
    """A piece of a line as HTML; tabs become blanks up to where they lead behind `before`."""
    head = before.decode("utf-8", "surrogateescape").expandtabs(TAB)
    text = raw.decode("utf-8", "surrogateescape")
    whole = (head + text).expandtabs(TAB)
    return escape(one_line(whole[len(head) :][:MAX_COLUMNS]))


def _drawing(rows: Sequence[int], height: int) -> str:
    """Steps as dots, joined in their order; a path that goes back up is drawn further out."""
    inner, outer = LANE - 12, 8
    shapes = []
    for one, other in pairwise(rows):
        y, z = one * ROW + ROW // 2, other * ROW + ROW // 2
        if other > one:
            shapes.append(f'<path d="M{inner} {y}V{z}" marker-end="url(#to)"/>')
        else:
            shapes.append(f'<path d="M{inner} {y}C{outer} {y} {outer} {z} {inner} {z}" marker-end="url(#to)"/>')
    shapes += [f'<circle cx="{inner}" cy="{row * ROW + ROW // 2}" r="3.5"/>' for row in rows]
    arrow = '<marker id="to" viewBox="0 0 8 8" refX="9" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    arrow += '<path d="M0 0L8 4L0 8z" style="fill:#546e7a;stroke:none"/></marker>'
    size = f'width="{LANE}" height="{height * ROW}"'
    return f'<svg {size} aria-hidden="true"><defs>{arrow}</defs>{"".join(shapes)}</svg>'


def _ending(outcome: Outcome) -> Iterator[str]:
    notes = [f"{note.file}: {note_line(note)}" if note.file else note_line(note) for note in shown_notes(outcome)]
    notes += [f"{failure.file}: not checked: {failure.error}" for failure in outcome.failures]
    if notes:
        yield "<section>\n<h2>Notes</h2>\n<ul>\n"
        yield from (f"<li>{_text(note)}</li>\n" for note in notes)
        yield "</ul>\n</section>\n"
