"""Markdown in small pieces: escaping, code, tables, fences, links between pages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kfuncgen.generate.ctext import join_type, split_prototype

SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
"""Characters that Markdown, or a table of it, takes for its own."""

NAMES = re.compile(
    r"(?P<call>\b\w+\(\))"
    r"|(?P<flag>-E[A-Z0-9]{2,}\b)"
    r"|(?P<typed>\b(?:struct|enum|union) \w+)"
    r"|(?P<option>(?<![\w-])--[a-z][\w-]*)"
    r'|(?P<section>\bSEC\("[^"]*"\))'
    r"|(?P<name>\b\w*_\w[\w.]*\w(?:->\w+)*\b|\b\w+->\w+\b|\b_\w+\b)"
)
"""What is code in the plain text of specs: calls, errors, types, options, sections, names with an underscore."""

NARROW = 76
"""Columns of a code block that narrow windows show, too."""

NAMED = re.compile(r"(?<![\[`])`([a-z_][\w-]*)(?:\(\))?`(?![\]`])")
"""A name in backticks, alone, which is no link yet."""

Linker = Callable[[str], str]
"""From a name to the address of its page, as seen from the page that is written; "" without a page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One generated page: its path below docs/, the name that navigation shows, and its Markdown."""

    path: str
    title: str
    text: str


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, within tables too."""
    return SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """`text` as code, within tables too."""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    # A backslash before the bar: the table parser takes it away, also within code.
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", r"\|")


def link(label: str, address: str) -> str:
    """A link, or only its label where there is no address."""
    return f"[{label}]({address})" if address else label


def prose(text: str, linker: Linker) -> str:
    """Plain text of a spec as Markdown: names of C become code, those of kfuncs links."""
    parts, end = [], 0
    for match in NAMES.finditer(text):
        word = match[0]
        parts += [escape(text[end : match.start()]), link(code(word), linker(word.removesuffix("()")))]
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def sentence(text: str, linker: Linker) -> str:
    """A sentence of kfuncgen.spec.telling, whose code is in backticks, with a capital, a full stop and links."""
    linked = re.sub(r"`(\w+)\(\)`", lambda match: link(match[0], linker(match[1])), text)
    return f"{linked[:1].upper()}{linked[1:]}."


def linked(text: str, linker: Linker) -> str:
    """A page on which names in backticks that have pages lead there, but in headings, code and links."""
    lines, closing = [], ""
    for line in text.strip("\n").split("\n"):
        opened = re.match(r"^`{3,}", line)
        if closing:
            closing = "" if line.strip() == closing else closing
        elif opened:
            closing = opened[0]
        elif not line.startswith(("#", "<")):
            line = NAMED.sub(lambda match: link(match[0], linker(match[1])), line)
        lines.append(line)
    return "\n".join([*lines, ""])


def fence(body: str, language: str = "c", marks: Sequence[int] = ()) -> list[str]:
    """A code block with highlighted lines."""
    lines = f' hl_lines="{" ".join(map(str, marks))}"' if marks else ""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", body))])
    return [f"{ticks}{language}{lines}", *body.rstrip("\n").split("\n"), ticks, ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; nothing when there are no rows. Cells are Markdown."""
    body = [f"| {' | '.join(cell.replace(chr(10), ' ') for cell in row)} |" for row in rows]
    if not body:
        return []
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body, ""]


def styled(name: str, lines: list[str]) -> list[str]:
    """A table of a kind that site.css knows: `types` (of C, in its second column), `halves` (two wide columns)."""
    return [f'<div class="{name}" markdown>', "", *lines, "</div>", ""] if lines else []


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Short facts, name and Markdown, as a list that is styled as a grid."""
    lines = [line for name, text in pairs for line in (name, f":   {text}", "")]
    return ['<div class="facts" markdown>', "", *lines, "</div>", ""]


def prototype(text: str) -> str:
    """A prototype: on one line where that is short, else a parameter a line."""
    result, name, params = split_prototype(text)
    head = join_type(result, name)
    short = f"{head}({', '.join(params) or 'void'});"
    if len(short) <= NARROW:
        return short
    return f"{head}(\n" + ",\n".join(f"\t{param}" for param in params) + "\n);"


def relative(target: str, page: str) -> str:
    """The path of one source page as seen from another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def anchor(heading: str) -> str:
    """The fragment that MkDocs gives a heading (`slugify` of Python-Markdown's toc)."""
    plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)
