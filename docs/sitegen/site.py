"""The generated pages together, and their places in the navigation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sitegen import commands, family_pages, kfunc_pages, matrix, programs, rule_pages
from sitegen.include import Texts
from sitegen.model import Knowledge, family_page, kfunc_page, rule_page
from sitegen.terminal import browsable
from sitegen.text import Page

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "docs" / "src"
PICTURED = ROOT / "tests" / "readme" / "esp.bpf.c"


@dataclass(frozen=True, slots=True)
class Built:
    """What was generated: pages, and other files by path."""

    known: Knowledge
    pages: tuple[Page, ...]
    files: Mapping[str, str]


@cache
def build() -> Built:
    """All that is generated, once per process."""
    known = Knowledge.of_the_package()
    return Built(known, tuple(_pages(known)), {"assets/findings.html": browsable(PICTURED)})


@cache
def texts() -> Texts:
    """The repository's texts, and what of them is on which page."""
    return Texts(ROOT, SOURCE)


def _pages(known: Knowledge) -> Iterator[Page]:
    yield from rule_pages.pages(known)
    yield from family_pages.pages(known)
    yield from kfunc_pages.pages(known)
    yield commands.page()


def navigation(nav: Any) -> Any:
    """The navigation of mkdocs.yml, in which `rules` and `kfuncs` stand for all their pages."""
    known = build().known
    made = {"rules": list(_rules(known)), "kfuncs": list(_kfuncs(known))}
    return [
        {title: made.get(entry, entry) if isinstance(entry, str) else entry for title, entry in item.items()}
        if isinstance(item, dict)
        else item
        for item in nav
    ]


def _rules(known: Knowledge) -> Iterator[Any]:
    yield "rules/index.md"
    for title, rules in rule_pages.by_topic(known):
        yield {title: [rule_page(rule.name) for rule in rules]}


def _kfuncs(known: Knowledge) -> Iterator[Any]:
    yield from ("kfuncs/index.md", matrix.PAGE, programs.PAGE, family_pages.CHANGES)
    for family in known.families:
        yield {family.name: [family_page(family.name), *(kfunc_page(f.name) for f in known.kfuncs_of(family))]}
