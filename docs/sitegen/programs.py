"""Program types × kfuncs: from which sections each kfunc may be called on the newest compared kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape

from kfuncgen.spec.model import Contract, Kernel
from kfuncgen.spec.progtypes import allows, section_info, section_names
from sitegen.model import Knowledge, family_page
from sitegen.text import Page, code, table

PAGE = "kfuncs/programs.md"
NEVER_SLEEPS = ("tp_btf", "tp", "tracepoint", "raw_tp", "raw_tracepoint")
"""Attachments whose `.s` libbpf knows and 6.18 refuses to load."""
LEFT_OUT = ("freplace",)
"""May call what the program may that it replaces a function of."""


@dataclass(frozen=True, slots=True)
class Column:
    """Sections that may call the same kfuncs, and for each kfunc `yes`, `s` (sleepable only) or nothing."""

    sections: tuple[str, ...]
    allowed: Mapping[str, str]


def page(known: Knowledge) -> Page:
    """The table, and what its columns stand for."""
    return Page(PAGE, "Programs × kfuncs", "\n".join(_page(known)))


@cache
def columns(known: Knowledge) -> tuple[Column, ...]:
    """The columns, in the order in which libbpf's sections are named first."""
    kernel = known.specs.newest
    contracts = [function.at(kernel) for function in known.kfuncs if function.exists_at(kernel)]
    found: dict[tuple[str, ...], list[str]] = {}
    for section in section_names():
        if section.endswith(".s") or section in LEFT_OUT:
            continue
        column = tuple(_may(section, contract, kernel) for contract in contracts)
        found.setdefault(column, []).append(section)
    names = [contract.name for contract in contracts]
    return tuple(
        Column(tuple(sections), {name: word for name, word in zip(names, column, strict=True) if word})
        for column, sections in found.items()
    )


def _may(section: str, contract: Contract, kernel: Kernel) -> str:
    plain, sleepable = section_info(section), section_info(f"{section}.s")
    if (
        plain is not None
        and allows(contract, plain, kernel)
        and (plain.sleepable or not contract.effects.sleepable)
    ):
        return "yes"
    if sleepable is not None and section not in NEVER_SLEEPS and allows(contract, sleepable, kernel):
        return "s"
    return ""


def _page(known: Knowledge) -> Iterator[str]:
    newest, shown = known.specs.newest, columns(known)
    yield "---\ntitle: Programs × kfuncs\nhide: [navigation, toc]\nsearch:\n  exclude: true\n---\n"
    yield "# Programs × kfuncs\n"
    yield (
        f"From which programs a kfunc may be called on Linux {newest}. A section that is not shown may call "
        "what the one beside it may ([below](#columns)). Some kfuncs have filters of their own within a "
        "program type; their pages say so.\n"
    )
    yield '<div class="wide" markdown="0">'
    yield (
        '<form class="filters" data-for="programs" hidden>'
        "<label>Name or family <input type=search name=text autocomplete=off></label>"
        "<label>May be called from <select name=column><option value=''>anywhere</option>"
        + "".join(f"<option value={n}>{escape(_short(column))}</option>" for n, column in enumerate(shown))
        + "</select></label><output aria-live=polite></output></form>"
    )
    yield (
        '<p class="legend"><span class="cell has">●</span> may call it '
        '<span class="cell has sleepable">s</span> sleepable programs only (<code>lsm.s</code>)</p>'
    )
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Programs and kfuncs">'
    yield '<table class="matrix programs" data-filtered="programs">'
    yield "<thead><tr><th scope=col>kfunc</th>"
    for column in shown:
        title = escape(", ".join(column.sections), quote=True)
        yield f'<th scope=col title="{title}"><span>{escape(_short(column))}</span></th>'
    yield "</tr></thead>"
    for family in known.families:
        rows = [_row(f.name, shown) for f in known.kfuncs_of(family) if f.exists_at(newest)]
        if rows:
            address = family_page(family.name).rpartition("/")[2].removesuffix(".md") + ".html"
            yield f'<tbody data-family="{family.name}"><tr class="family"><th scope=rowgroup>'
            yield f'<a href="{address}">{family.name}</a></th><td colspan={len(shown)}></td></tr>'
            yield from rows
            yield "</tbody>"
    yield "</table></div></div>\n"
    yield "## Columns\n"
    yield from table(
        ("Column", "Sections"), [(code(_short(c)), " ".join(code(name) for name in c.sections)) for c in shown]
    )


def _short(column: Column) -> str:
    return ", ".join(column.sections[:2]) + (" …" if len(column.sections) > 2 else "")


def _row(name: str, shown: tuple[Column, ...]) -> str:
    allowed = " ".join(str(n) for n, column in enumerate(shown) if name in column.allowed)
    cells = [
        f'<tr data-name="{name}" data-columns="{allowed}"><th scope=row><a href="{name}.html">{name}</a></th>'
    ]
    for column in shown:
        word = column.allowed.get(name, "")
        if word == "yes":
            cells.append('<td class="has">●<span class="unseen"> yes</span></td>')
        elif word:
            cells.append('<td class="has sleepable">s<span class="unseen">leepable only</span></td>')
        else:
            cells.append("<td></td>")
    return "".join([*cells, "</tr>"])
