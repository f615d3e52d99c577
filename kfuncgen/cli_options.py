"""Options that several commands share: their declarations and how their text becomes values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
import typer.core

from kfuncgen import cli_words
from kfuncgen.cli_words import CliState as CliState
from kfuncgen.cli_words import Option, Value
from kfuncgen.cli_words import build_folder as build_folder
from kfuncgen.cli_words import configs as configs
from kfuncgen.settings import as_path as as_path
from kfuncgen.settings import load_specs as load_specs
from kfuncgen.settings import one_of as one_of
from kfuncgen.settings import targets as targets
from kfuncgen.settings import words as words


def declared(option: Option) -> Any:
    """An option as the parser takes it."""
    return typer.Option(*option.names, metavar=option.metavar or None, min=option.least, help=option.help)


def kernel_option(purpose: str) -> Any:
    """`--kernel`, with what the command takes the kernels for."""
    return declared(cli_words.kernel_option(purpose))


WrittenKernel = Annotated[str | None, kernel_option("Kernel whose prototypes are written, the newest of")]
CalledKernels = Annotated[str | None, kernel_option("Kernels on which the kfuncs are called")]
ShownKernel = Annotated[str | None, kernel_option("Kernel to show, the newest of")]
SpecOption = Annotated[list[str] | None, declared(cli_words.SPEC)]
OutputOption = Annotated[str | None, declared(cli_words.OUTPUT)]
BuildOption = Annotated[str | None, declared(cli_words.BUILD)]
ConfigOption = Annotated[str | None, declared(cli_words.CONFIG)]
IsolatedOption = Annotated[bool, declared(cli_words.ISOLATED)]


def command(
    run: Callable[[Mapping[str, Any], CliState], int],
    rest: tuple[str, Any],
    options: Mapping[str, Option],
    about: str,
) -> Callable[..., int]:
    """A command of those options for the parser, which calls `run` with their values and what `main` hands over.

    `rest` is the name and the declaration of the words that are no options, `about` the help.
    """
    found: dict[str, tuple[Any, Value]] = {rest[0]: (Annotated[list[str] | None, rest[1]], None)}
    for name, option in options.items():
        kind: Any = str if option.least is None else int
        kind = (list[str] if option.many else kind) | None if option.metavar else bool
        found[name] = Annotated[kind, declared(option)], option.missing

    def answer(context: typer.Context, **values: Value) -> int:
        return run(values, context.obj)

    word = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # typer looks at the function's signature and annotations for what to parse.
    shown = [inspect.Parameter("context", word, annotation=typer.Context)]
    shown += [
        inspect.Parameter(name, word, default=missing, annotation=kind) for name, (kind, missing) in found.items()
    ]
    answer.__doc__ = about
    answer.__annotations__ = {"context": typer.Context, **{name: kind for name, (kind, _) in found.items()}}
    answer.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return answer


def usage(arguments: str) -> type[typer.core.TyperCommand]:
    """A command whose usage line ends with `arguments`: typer's own shows neither `...` nor what follows `--`."""

    class Command(typer.core.TyperCommand):
        def collect_usage_pieces(self, ctx: Any) -> list[str]:
            return [self.options_metavar or "", arguments]

    return Command
