"""`kfuncgen explain`: the pages of the rules."""

from __future__ import annotations

from typing import Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import colour_wanted, columns_of, emit, folded

FORMATS = ("text", "json", "markdown")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("explain")(explain)


def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE", help="A rule's name, or a message of the kernel's verifier.")
    ] = None,
    output_format: Annotated[
        str, typer.Option("--output-format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    output: options.OutputOption = None,
) -> int:
    """Print the page of a rule, or list all rules.

    Instead of a name it takes what the kernel said: kfuncgen explain "Unreleased reference id=2".
    """
    from kfuncgen.lint.rule import catalogue, classify_message
    from kfuncgen.render import rules as shown

    options.one_of(output_format, FORMATS, "output format")
    rules = catalogue()
    if rule is None:
        chosen = [rules[name] for name in sorted(rules)]
        if output_format == "text":
            emit(folded(shown.rules_text(rules), output), output)
        else:
            emit((shown.rules_json if output_format == "json" else shown.rules_markdown)(chosen), output)
        return 0
    name = rule if rule in rules else classify_message(rule)
    if name not in rules:
        options.one_of(rule, rules, "rule", "kfuncgen explain")
    if output_format == "json":
        emit(shown.rules_json([rules[name]]), output)
    elif output_format == "markdown":
        emit(shown.rule_markdown(rules[name]), output)
    else:
        emit(shown.rule_text(rules[name], columns_of(output), colour_wanted(output)), output)
    return 0
