"""`kfuncgen gen`: headers and callers from the specs, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded, say
from kfuncgen.diagnostic import UsageError

ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that kfuncgen did not write.")]

FileOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE if it differs.")
]


class _Group(typer.core.TyperGroup):
    """The group `gen`: `gen --check DIR` is another way to say `gen check DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] == "--check":
            args = ["check", *args[1:]]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Write pieces of code from the specs.", rich_markup_mode=None, cls=_Group)
    group.command("header", cls=options.usage("KFUNC..."))(header)
    group.command("call", cls=options.usage("KFUNC"))(call)
    group.command("program", cls=options.usage("KFUNC"))(program)
    group.command("check", cls=options.usage("[DIR]"))(check)
    app.add_typer(group, name="gen")


def check(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="Where to look; the current folder when absent.")
    ] = ".",
    update: Annotated[bool, typer.Option("--update", help="Remake what is stale or missing.")] = False,
) -> int:
    """Find generated files that are not what their command makes now.

    They say in their first lines which command that is; it is not run, only read. Files that are yours to edit are
    left alone. Exit status 1 when some are stale or missing (and --update is not given).
    """
    from kfuncgen.generate import check_generated, write_project

    place = options.as_path(folder, "DIR")
    if not place.is_dir():
        raise UsageError(f"there is no folder '{folder}'")
    found, remade = check_generated(place, options.load_specs())
    if update and remade:
        write_project(remade, place)
    words = {"stale": "remade", "missing": "remade"} if update else {}
    lines = []
    for item in found:
        reason = f": {item.reason}" if item.reason else ""
        if item.status in ("stale", "missing", "unknown"):
            lines.append(f"{words.get(item.status, item.status):8} {place / item.path}{reason}  ({item.command})")
    emit(folded(lines))
    stale = len(remade)
    if not update and stale:
        say(
            f"{stale} of {len(found)} generated files {'is' if stale == 1 else 'are'} stale; --update remakes them"
        )
    return 1 if stale and not update else 0


def header(
    kfuncs: Annotated[list[str], typer.Argument(metavar="KFUNC", help="The kfuncs to declare.")],
    kernel: options.CalledKernels = None,
    minimal: Annotated[
        bool, typer.Option("--minimal", help="Add the types that the kfuncs need, so that no vmlinux.h is needed.")
    ] = False,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="With --minimal: add a type, an enumerator, or members of a struct, such as "
            "'struct task_struct:pid,comm,mm.exe_file'; repeatable.",
        ),
    ] = None,
    output: FileOption = None,
    force: ForceOption = False,
    spec: options.SpecOption = None,
) -> int:
    """Write a C header for kfuncs.

    Prototypes, options initialisers, error decoding, scope-bound release. With --minimal, structs of which the
    kfuncs take or return only pointers have no members; --type adds those that the program reads, at the
    offsets of whatever kernel it runs on.
    """
    from kfuncgen.generate import render_header

    specs = options.load_specs(spec, kernel)
    targets = options.targets(kernel, specs)
    text = render_header(kfuncs, specs, targets, minimal=minimal, types=types or ())
    return written(text, output, force)


def written(text: str, output: str | None, force: bool) -> int:
    """Print a generated text, or write it to the file of -o."""
    from kfuncgen.generate import GeneratedFile, write_project

    if output is None:
        emit(text)
        return 0
    path = options.as_path(output, "-o")
    if not path.name or path.is_dir():
        raise UsageError(f"cannot write '{output}': it is a folder, expected a file name")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write '{output}': there is no folder '{path.parent}'")
    done = write_project({path.name: GeneratedFile(text, rewrite=True)}, path.parent, force=force)
    if any(item.action == "refused" for item in done):
        raise UsageError(f"'{output}' was not written by kfuncgen; --force overwrites it")
    return 0


KfuncArgument = Annotated[str, typer.Argument(metavar="KFUNC", help="The kfunc to call.")]
SectionOption = Annotated[
    str | None,
    typer.Option(
        "--section",
        metavar="SEC",
        help="Where the program is attached: xdp, tp_btf/task_newtask, iter ... Default: the first that will do.",
    ),
]
CallerKernels = Annotated[
    str | None,
    options.kernel_option(
        "Kernels that the code is for: what one of them lacks is guarded. Of several the newest counts"
    ),
]


def call(
    kfunc: KfuncArgument,
    section: SectionOption = None,
    kernel: CallerKernels = None,
    output: FileOption = None,
    force: ForceOption = False,
    spec: options.SpecOption = None,
) -> int:
    """Write a correct call of a kfunc, to paste into a program.

    Declarations, options with every documented field, NULL check, errors by their meaning, release on every path,
    and the region, lock, iterator or dynptr around it. What you supply is named as in the prototype.
    """
    from kfuncgen.generate import render_call

    specs = options.load_specs(spec, kernel)
    return written(render_call(kfunc, specs, options.targets(kernel, specs), section or ""), output, force)


def program(
    kfunc: KfuncArgument,
    section: SectionOption = None,
    kernel: CallerKernels = None,
    output: FileOption = None,
    force: ForceOption = False,
    spec: options.SpecOption = None,
) -> int:
    """Write the smallest complete program that calls a kfunc.

    It compiles, lints clean and loads as it is. Where the kfunc cannot be called from the section, the sections
    from which it can are named.
    """
    from kfuncgen.generate import render_program

    specs = options.load_specs(spec, kernel)
    return written(render_program(kfunc, specs, options.targets(kernel, specs), section or ""), output, force)
