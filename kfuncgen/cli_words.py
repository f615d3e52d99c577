"""Options as data: what the parser is told of them, and a reader of plain command lines that needs no parser.

Importing typer and building a command takes longer than linting a small source that is not new. So the options of
`kfuncgen lint` are a table. The parser is made from it (`kfuncgen.cli_options.command`), and decides about every
command line that is not plain: unknown options, joined short ones, values that look like options, mistakes, help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.diagnostic import UsageError
from kfuncgen.records import Struct

if TYPE_CHECKING:
    from kfuncgen.config import Configs

COMPLETION = "_KFUNCGEN_COMPLETE"
"""In the environment when a shell asks for completions: names the shell, one of kfuncgen.cli_complete.SHELLS."""

Value = str | int | bool | list[str] | None
"""What an option has: a list where it may be repeated, None where it was not given."""


class Option(Struct, frozen=True):
    """An option. Without `metavar` it is a flag. `many`: it may be repeated. `least`: its value is a number, and
    this the smallest."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    many: bool = False
    least: int | None = None

    @property
    def missing(self) -> Value:
        """Its value where it is not given."""
        return None if self.metavar else False


class CliState(Struct, frozen=True):
    """What `main` hands to commands beside the parsed options: the compiler arguments after `--`."""

    clang_args: tuple[str, ...] | None = None


def kernel_option(purpose: str) -> Option:
    """`--kernel`, with what the command takes the kernels for."""
    forms = (
        "6.12, '>=6.8', 6.6..6.18, a comma list of these, live (the running one), or a file kept by 'spec probe'"
    )
    return Option(("--kernel",), f"{purpose}: {forms}. Default: the newest that the specs know.", "SPEC")


SPEC = Option(
    ("--spec",),
    "Specs of your own kfuncs (a folder or file), or a file kept by 'spec probe', besides the built-in.",
    "PATH",
    many=True,
)
OUTPUT = Option(("--output", "-o"), "Write to FILE (at once, or not at all), not to stdout.", "FILE")
BUILD = Option(("-p", "--build"), "Folder with a compile_commands.json.", "BUILD")
CONFIG = Option(("--config",), "This kfuncgen.toml or pyproject.toml counts, not the nearest.", "FILE")
ISOLATED = Option(("--isolated",), "No kfuncgen.toml or pyproject.toml counts.")


def plain(words: Sequence[str], options: Mapping[str, Option], rest: str) -> dict[str, Value] | None:
    """The values of a plain command line, by the names of `options` and `rest` (the words that are no options).

    None when it is not plain: the parser shall read it, and tell what is wrong with it.
    """
    known = {name: key for key, option in options.items() for name in option.names}
    values: dict[str, Value] = {key: option.missing for key, option in options.items()}
    others: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        key = known.get(name, "")
        if not key:
            return None
        option = options[key]
        if not option.metavar:
            if equals:
                return None
            values[key] = True
            continue
        if not equals:
            value = next(waiting, "")
        if not value or value.startswith("-"):
            return None
        if option.least is not None:
            if not (value.isascii() and value.isdecimal() and len(value) < 10 and int(value) >= option.least):
                return None
            values[key] = int(value)
        elif option.many:
            before = values[key]
            values[key] = [*(before if isinstance(before, list) else ()), value]
        else:
            values[key] = value
    values[rest] = others or None
    return values


def build_folder(text: str | None) -> Path | None:
    """The value of `-p`, checked."""
    from kfuncgen.settings import as_path

    if text is None:
        return None
    folder = as_path(text, "-p")
    if not folder.is_dir():
        raise UsageError(f"no folder '{text}' (-p)")
    return folder


def configs(file: str | None, isolated: bool) -> Configs:
    """Where settings come from, as `--config` and `--isolated` say."""
    from kfuncgen.config import Configs
    from kfuncgen.settings import as_path

    if file is not None and isolated:
        raise UsageError("--isolated leaves no use for --config")
    return Configs(as_path(file, "--config") if file is not None else None, isolated)
