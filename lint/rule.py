"""Rules: what a fault is called, how bad it is, how it is worded, and its page.

A rule is two files in rules/: `<name>.py` holds RULE, `<name>.md` its page, which is documentation and test at
once. The file's stem is the name, with hyphens. No registry: rules are found by looking into the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rulenames import rule_names
from kfuncgen.records import Struct, replace

if TYPE_CHECKING:
    from kfuncgen.lint.mending import Broken

Words = Mapping[str, str]
Template = str | Callable[[Words], str]
Topic = Literal[
    "references", "null", "options", "arguments", "memory", "sections", "iterators", "dynptrs", "objects",
    "programs", "kernels", "comments",
]  # fmt: skip

TOPICS: Mapping[Topic, str] = {
    "references": "References",
    "null": "NULL",
    "options": "Options structs",
    "arguments": "Arguments",
    "memory": "Memory",
    "sections": "RCU, preemption, interrupts, locks, sleep",
    "iterators": "Iterators",
    "dynptrs": "Dynptrs and their slices",
    "objects": "Lists, trees, kptrs, percpu objects",
    "programs": "Programs, callbacks, global functions",
    "kernels": "Kernels and loaders",
    "comments": "Comments to the linter",
}
"""What rules are about: titles, in the order in which catalogues show them."""


class Rule(Struct, frozen=True):
    """One rule. Templates are format strings over the words of a fault, or functions of them.

    `verifier`: beginnings of the kernel messages it pre-empts, `%d` and `%s` as the kernel prints them; none
    when the kernel says nothing. `last`: the last event of the path, at the finding's own place.
    """

    fault: Fault
    severity: Severity
    topic: Topic
    message: Template
    help: Template = ""
    last: Template = ""
    verifier: tuple[str, ...] = ()
    says: Template = ""
    """The message that the kernel prints in this very case, where `verifier` has several; "" = the first."""
    optional: bool = False
    """Only when it is selected by name: what it says is of use to those who ask."""
    fix: Callable[[Broken], Fix | None] | None = None
    """What mends a finding; None when it cannot tell."""
    fixable: Literal["", "safe", "unsafe"] = ""
    """What the best of its fixes are."""
    name: str = ""

    @property
    def page(self) -> str:
        """Its documentation, Markdown; "" when there is none."""
        return _page(self.name)

    @property
    def summary(self) -> str:
        """The page's first sentence."""
        for line in self.page.splitlines():
            if line.strip() and not line.startswith("#"):
                return line.strip()
        return ""

    def word(self, words: Words) -> str:
        """The message of a finding."""
        return _fill(self.message, words)

    def advise(self, words: Words) -> str:
        """What to do about it."""
        return _fill(self.help, words)

    def kernel_message(self, words: Words) -> str:
        """What the kernel says instead, its values left out; "" when it says nothing."""
        text = _fill(self.says, words) or (self.verifier[0] if self.verifier else "")
        return re.sub(r"%[a-z]", "…", text)

    def last_event(self, words: Words) -> str:
        """What the path's last event says."""
        return _fill(self.last, words)


def checkable(name: str) -> str:
    """A value's name as it may stand in a test, "pointer" when it has none that can be written down."""
    return name if re.fullmatch(r"[A-Za-z_][\w.]*(?:->[\w.]+|\[\w+\])*", name) else "pointer"


def by_how(table: Mapping[str, str]) -> Callable[[Words], str]:
    """A template that depends on how the fault came about (the word `how`)."""
    return lambda words: table.get(words["how"], "").format_map(words)


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _fill(template: Template, words: Words) -> str:
    if callable(template):
        return template(_Missing(words))
    return template.format_map(_Missing(words))


@cache
def rule_named(name: str) -> Rule:
    """The rule of that name; KeyError when there is none. No other is imported: all of them take a while."""
    if name not in rule_names():
        raise KeyError(name)
    rule: Rule = import_module(f"kfuncgen.lint.rules.{name.replace('-', '_')}").RULE
    return replace(rule, name=name)


def rule_of(fault: Fault) -> Rule | None:
    """The rule that claims a fault, which is called as it is; None when there is none."""
    return rule_named(fault.value) if fault.value in rule_names() else None


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Rule]:
    """All rules by name, sorted."""
    return {name: rule_named(name) for name in rule_names()}


@cache
def _page(name: str) -> str:
    page = Path(__file__).with_name("rules") / f"{name.replace('-', '_')}.md"
    return page.read_text(encoding="utf-8") if name and page.is_file() else ""


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    patterns = []
    for name, rule in catalogue().items():
        for message in rule.verifier:
            text = re.escape(message).replace("%d", r"-?\d+").replace("%s", r"\S+").replace("%u", r"\d+")
            patterns.append((re.compile(text), name, len(message)))
    return tuple(sorted(patterns, key=lambda p: (-p[2], p[1])))


def classify_message(message: str) -> str:
    """The rule that pre-empts a verifier message, "" when none does; the most specific message wins."""
    for pattern, name, _ in _patterns():
        if pattern.search(message):
            return name
    return ""
