"""`kfuncgen explain`: the pages of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded

if TYPE_CHECKING:
    from kfuncgen.lint.rule import Rule

FIX_OPTIONS = {"safe": "--fix", "unsafe": "--fix --unsafe-fixes"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("explain")(explain)


def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE", help="A rule's name, or a message of the kernel's verifier.")
    ] = None,
) -> int:
    """Print the page of a rule, or list all rules.

    Instead of a name it takes what the kernel said: kfuncgen explain "Unreleased reference id=2".
    """
    from kfuncgen.lint.rule import catalogue, classify_message

    rules = catalogue()
    if rule is None:
        emit(rule_list(rules))
        return 0
    name = rule if rule in rules else classify_message(rule)
    if name not in rules:
        options.one_of(rule, rules, "rule", "kfuncgen explain")
    page = rules[name].page
    emit(page if page.endswith("\n") else f"{page}\n")
    if rules[name].fixable:
        emit(f"\nFixed in many cases by: kfuncgen lint {FIX_OPTIONS[rules[name].fixable]}\n")
    return 0


def rule_list(rules: Mapping[str, Rule]) -> str:
    """All rules, one a line: severity, name, summary, options that fix what it finds."""
    width = max((len(name) for name in rules), default=0)
    lines = []
    for name, rule in sorted(rules.items()):
        fixes = f" [{FIX_OPTIONS[rule.fixable]}]" if rule.fixable else ""
        lines.append(f"{rule.severity!s:8} {name:{width}}  {rule.summary}{fixes}".rstrip())
    return folded(lines)
