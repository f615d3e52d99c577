"""Options that several commands share: their declarations and how their text becomes values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from kfuncgen.diagnostic import UsageError

if TYPE_CHECKING:
    from kfuncgen.spec.model import Kernel, SpecSet


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


def as_path(text: str | Path, what: str) -> Path:
    """`text` as a path; UsageError when it is empty: an unset shell variable must not mean the current folder."""
    if not str(text) or "\0" in str(text):
        raise UsageError(f"{what} is {'no file name' if str(text) else 'empty'}")
    return Path(text)


def build_folder(text: str | None) -> Path | None:
    """The value of `-p`, checked."""
    if text is None:
        return None
    folder = as_path(text, "-p")
    if not folder.is_dir():
        raise UsageError(f"no folder '{text}' (-p)")
    return folder


def words(values: Iterable[str] | None) -> tuple[str, ...]:
    """The words of a repeatable option that takes comma lists: `--ignore a,b --ignore c`."""
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


def one_of(value: str, valid: Iterable[str], what: str, listed_by: str = "") -> str:
    """`value` if it is valid; UsageError naming the nearest valid words, or all of them when none is near.

    `listed_by` is the command that lists the valid words where they are too many for one line.
    """
    known = list(valid)
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, 3)
    near = near or [word for word in known if len(value) > 2 and value in word][:3]
    if near:
        hint = f"did you mean {' or '.join(repr(word) for word in near)}?"
    elif len(known) <= 12:
        hint = f"expected one of {', '.join(known)}"
    else:
        hint = f"'{listed_by}' lists them" if listed_by else "none has a similar name"
    raise UsageError(f"unknown {what} '{value}'; {hint}")


def load_specs(extra: Iterable[str | Path] | None = (), kernel: str | None = None) -> SpecSet:
    """The built-in specs and those in `extra`: folders of spec files, and files kept by `kfuncgen spec probe`.

    Probe files among the kernels of `kernel` count too: there they say what that kernel has.
    """
    from kfuncgen.spec import cached

    paths = tuple(as_path(path, "--spec") for path in extra or ())
    folders = tuple(path for path in paths if path.suffix != ".json")
    for folder in folders:
        if not folder.is_dir() and not (folder.suffix in (".yaml", ".yml") and folder.is_file()):
            raise UsageError(f"no folder '{folder}' with specs")
    specs = cached.load_specs(folders)
    probes = [path for path in paths if path.suffix == ".json"]
    if kernel is not None:
        from kfuncgen.spec.kernels import probe_files

        probes += probe_files(kernel)
    if not probes:
        return specs
    from kfuncgen.spec.kernelfacts import read_facts
    from kfuncgen.spec.overlay import with_facts

    return with_facts(specs, [read_facts(probe) for probe in probes])


def targets(text: str | None, specs: SpecSet) -> tuple[Kernel, ...]:
    """The kernels that `--kernel` names, oldest first; the newest in the specs when it is not given."""
    if text is None:
        return (specs.newest,)
    from kfuncgen.spec.kernels import parse_targets

    return tuple(parse_targets(text, specs))


def not_available(what: str) -> int:
    """For commands of the interface that this version does not have."""
    raise UsageError(f"{what} is not available yet in this version")
