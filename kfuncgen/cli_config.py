"""`kfuncgen config`: about kfuncgen.toml itself."""

from __future__ import annotations

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="About kfuncgen.toml.", rich_markup_mode=None)
    group.command("schema")(schema)
    app.add_typer(group, name="config")


def schema(output: options.OutputOption = None) -> int:
    """Print the JSON Schema of kfuncgen.toml, for completion and checking in editors.

    Editors with Taplo take it from a first line such as: #:schema ./kfuncgen.schema.json
    """
    from kfuncgen.config_schema import config_schema
    from kfuncgen.lint.rule import catalogue
    from kfuncgen.render.json import dump

    emit(dump(config_schema(catalogue())), output)
    return 0
