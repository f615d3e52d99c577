"""What `kfuncgen explain` says of rules: for people at a terminal, as Markdown, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from kfuncgen.render.escape import one_line
from kfuncgen.render.json import dump
from kfuncgen.render.text import Paint

if TYPE_CHECKING:
    from kfuncgen.lint.rule import Rule

VERSION = 1
FIX_OPTIONS = {"safe": "--fix", "unsafe": "--fix --unsafe-fixes"}
"""The options of lint that apply fixes of each kind."""

_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCKS = re.compile(r"^```[^\n]*\n.*?^```$|^[^\n]+(?:\n(?!```)[^\n]+)*", re.MULTILINE | re.DOTALL)
_BULLET = re.compile(r"^(?:[-*]|\d+\.) ")


def rules_json(rules: Sequence[Rule]) -> str:
    """`{"version", "rules": [{rule, severity, topic, summary, on_request, fix, verifier, page, bad, good}]}`."""
    return dump({"version": VERSION, "rules": [_row(rule) for rule in rules]})


def _row(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
        "severity": str(rule.severity),
        "topic": rule.topic,
        "summary": rule.summary,
        "on_request": rule.optional,
        "fix": rule.fixable or None,
        "verifier": list(rule.verifier),
        "page": rule.page,
        "bad": _examples(rule.page, "Bad"),
        "good": _examples(rule.page, "Good"),
    }


def _examples(page: str, heading: str) -> list[str]:
    """The C code of one section of a page."""
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if section is None:
        return []
    return [match["body"] for match in _FENCE.finditer(section[1]) if match["language"] == "c"]


def rule_markdown(rule: Rule) -> str:
    """The page as it is, and how what it finds is fixed."""
    page = rule.page if rule.page.endswith("\n") else f"{rule.page}\n"
    return page + (
        f"\nFixed in many cases by `kfuncgen lint {FIX_OPTIONS[rule.fixable]}`.\n" if rule.fixable else ""
    )


def rules_markdown(rules: Sequence[Rule]) -> str:
    """A table of rules for each topic."""
    topics: dict[str, list[Rule]] = {}
    for rule in rules:
        topics.setdefault(rule.topic, []).append(rule)
    parts = []
    for topic, some in topics.items():
        rows = [f"| `{rule.name}` | {rule.severity} | {_cell(rule.summary)} | {_fixed(rule)} |" for rule in some]
        head = ["| rule | severity | what it finds | fixed by |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {topic}", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fixed(rule: Rule) -> str:
    return f"`{FIX_OPTIONS[rule.fixable]}`" if rule.fixable else ""


def rule_text(rule: Rule, columns: int | None, colour: bool) -> str:
    """The page for reading: code indented, headings bold (underlined without colour), prose as wide as `columns`
    (None: as it is)."""
    paint = Paint(colour)
    asked = ", only where it is selected by name" if rule.optional else ""
    parts = [f"{paint('place', rule.name)} ({rule.severity}, {rule.topic}{asked})"]
    for block in _BLOCKS.findall(rule.page):
        if block.startswith("# "):
            continue
        parts.append("\n".join(_shown(block, columns, paint)))
    if rule.fixable:
        parts.append(f"Fixed in many cases by: kfuncgen lint {FIX_OPTIONS[rule.fixable]}")
    return "\n\n".join(parts) + "\n"


def _shown(block: str, columns: int | None, paint: Paint) -> Iterator[str]:
    """One block of Markdown as lines."""
    lines = [one_line(line.expandtabs(8)) for line in block.split("\n")]
    if block.startswith("```"):
        yield from (f"    {line}".rstrip() for line in lines[1:-1])
    elif block.startswith("#"):
        heading = lines[0].lstrip("# ")
        yield paint("place", heading)
        if not paint.colour:
            yield "-" * len(heading)
    elif columns is None or lines[0].startswith("|"):
        yield from lines
    else:
        yield from _wrapped(lines, columns)


def _wrapped(lines: Sequence[str], columns: int) -> Iterator[str]:
    """Prose and lists, each item in lines of at most `columns`."""
    items: list[str] = []
    for line in lines:
        if _BULLET.match(line) or not items:
            items.append(line)
        else:
            items[-1] += f" {line.strip()}"
    for item in items:
        indent = " " * len(match[0]) if (match := _BULLET.match(item)) else ""
        yield from wrap(item, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def rules_text(rules: Mapping[str, Rule]) -> Iterator[str]:
    """All rules, one a line: severity, name, summary, options that fix what it finds."""
    width = max((len(name) for name in rules), default=0)
    for name, rule in sorted(rules.items()):
        fixes = f" [{FIX_OPTIONS[rule.fixable]}]" if rule.fixable else ""
        yield f"{rule.severity!s:8} {name:{width}}  {rule.summary}{fixes}".rstrip()
