"""The parser's command line: typer's application, its help, and what its errors are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from kfuncgen import __version__

PARSER_ERROR = typer.BadParameter.mro()[2]
"""ClickException, the root of the parser's own errors: typer exports it under no name of its own, and whether
it comes from click or from a copy inside typer depends on typer's version."""


def application(modules: Sequence[str]) -> typer.Typer:
    """The command line with the commands of these modules of the package."""
    app = typer.Typer(
        name="kfuncgen",
        help="Write and check callers of BPF kernel functions (kfuncs).",
        epilog="Exit status: 0 clean, 1 findings, 2 usage, config or spec error, 3 a source could not be parsed.",
        add_completion=False,
        # Plain help: the boxes of the rich one break in pipes and narrow terminals; importing rich takes 100 ms.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(root)
    for module in dict.fromkeys(modules):
        import_module(f"kfuncgen.{module}").register(app)
    return app


def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> int:
    """Write and check callers of BPF kernel functions (kfuncs)."""
    if version:
        typer.echo(f"kfuncgen {__version__}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
    return 0
