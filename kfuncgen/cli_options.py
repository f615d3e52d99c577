"""Options that several commands share: their declarations and how their text becomes values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from kfuncgen.config import Configs
from kfuncgen.diagnostic import UsageError
from kfuncgen.records import dataclass
from kfuncgen.settings import as_path as as_path
from kfuncgen.settings import load_specs as load_specs
from kfuncgen.settings import one_of as one_of
from kfuncgen.settings import targets as targets
from kfuncgen.settings import words as words


def kernel_option(purpose: str) -> Any:
    """`--kernel`, with what the command takes the kernels for."""
    forms = (
        "6.12, '>=6.8', 6.6..6.18, a comma list of these, live (the running one), or a file kept by 'spec probe'"
    )
    default = "Default: the newest that the specs know."
    return typer.Option("--kernel", metavar="SPEC", help=f"{purpose}: {forms}. {default}")


CheckedKernels = Annotated[str | None, kernel_option("Kernels to check for")]
WrittenKernel = Annotated[str | None, kernel_option("Kernel whose prototypes are written, the newest of")]
CalledKernels = Annotated[str | None, kernel_option("Kernels on which the kfuncs are called")]
ShownKernel = Annotated[str | None, kernel_option("Kernel to show, the newest of")]
SpecOption = Annotated[
    list[str] | None,
    typer.Option(
        "--spec",
        metavar="PATH",
        help="Specs of your own kfuncs (a folder or file), or a file kept by 'spec probe', besides the built-in.",
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE (at once, or not at all), not to stdout."),
]
BuildOption = Annotated[
    str | None, typer.Option("-p", "--build", metavar="BUILD", help="Folder with a compile_commands.json.")
]
ConfigOption = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="This kfuncgen.toml or pyproject.toml counts, not the nearest."),
]
IsolatedOption = Annotated[bool, typer.Option("--isolated", help="No kfuncgen.toml or pyproject.toml counts.")]


@dataclass(frozen=True, slots=True)
class CliState:
    """What `main` hands to commands beside the parsed options: the compiler arguments after `--`."""

    clang_args: tuple[str, ...] | None = None


def usage(arguments: str) -> type[typer.core.TyperCommand]:
    """A command whose usage line ends with `arguments`: typer's own shows neither `...` nor what follows `--`."""

    class Command(typer.core.TyperCommand):
        def collect_usage_pieces(self, ctx: Any) -> list[str]:
            return [self.options_metavar or "", arguments]

    return Command


def build_folder(text: str | None) -> Path | None:
    """The value of `-p`, checked."""
    if text is None:
        return None
    folder = as_path(text, "-p")
    if not folder.is_dir():
        raise UsageError(f"no folder '{text}' (-p)")
    return folder


def configs(file: str | None, isolated: bool) -> Configs:
    """Where settings come from, as `--config` and `--isolated` say."""
    if file is not None and isolated:
        raise UsageError("--isolated leaves no use for --config")
    return Configs(as_path(file, "--config") if file is not None else None, isolated)
