"""`kfuncgen new` and `kfuncgen gen`: projects, headers and callers from templates and specs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded
from kfuncgen.diagnostic import UsageError
from kfuncgen.render.escape import one_line

if TYPE_CHECKING:
    from kfuncgen.generate import Template, Written

ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that kfuncgen did not write.")]

FileOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE if it differs.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("new", cls=options.usage("TEMPLATE DIR"))(new)
    group = typer.Typer(help="Write pieces of code from the specs.", rich_markup_mode=None)
    group.command("header", cls=options.usage("KFUNC..."))(header)
    group.command("call", cls=options.usage("KFUNC"))(call)
    group.command("program", cls=options.usage("KFUNC"))(program)
    app.add_typer(group, name="gen")


def new(
    template: Annotated[
        str | None, typer.Argument(metavar="TEMPLATE", help="A template; --list shows them.")
    ] = None,
    folder: Annotated[str | None, typer.Argument(metavar="DIR", help="Where to write; made when missing.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A value of the template; repeatable.")
    ] = None,
    kernel: options.WrittenKernel = None,
    list_all: Annotated[bool, typer.Option("--list", help="List templates and their values.")] = False,
    force: ForceOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, write nothing.")] = False,
) -> int:
    """Write a complete project from a template.

    BPF program, loader, build files, tests, CI. Files are written only when they differ. Files that kfuncgen did
    not write are refused (exit 2), those you changed are kept, unless --force is given.
    """
    from kfuncgen.generate import render_project, templates, write_project

    if list_all:
        known = templates()
        chosen = [options.one_of(template, [t.name for t in known], "template")] if template is not None else None
        emit(template_list([t for t in known if chosen is None or t.name in chosen]))
        return 0
    if template is None or folder is None:
        missing = "TEMPLATE" if template is None else "DIR"
        raise UsageError(f"missing {missing}, expected 'kfuncgen new TEMPLATE DIR' (--list shows the templates)")
    destination = options.as_path(folder, "DIR")
    if destination.exists() and not destination.is_dir():
        raise UsageError(f"'{folder}' is a file, expected a folder to write to")
    specs = options.load_specs(kernel=kernel)
    target = options.targets(kernel, specs)[-1]
    files = render_project(template, key_values(settings or ()), specs, target)
    return told(write_project(files, destination, force=force, dry_run=dry_run), destination, dry_run)


def key_values(settings: Sequence[str]) -> dict[str, str]:
    """`K=V` words as a mapping; the last of a repeated key wins."""
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes NAME=VALUE, not '{setting}'")
        pairs[key] = value
    return pairs


def told(done: Sequence[Written], folder: Path, dry_run: bool) -> int:
    """Print what became of each file; 2 when some were refused."""
    words = {"written": "would write"} if dry_run else {}
    lines = [f"{words.get(item.action, item.action):11} {one_line(str(folder / item.path))}" for item in done]
    emit("".join(f"{line}\n" for line in lines))
    refused = sum(item.action == "refused" for item in done)
    if refused:
        what, them = ("1 file is", "it") if refused == 1 else (f"{refused} files are", "them")
        raise UsageError(f"{what} in the way that kfuncgen did not write; --force overwrites {them}")
    return 0


def template_list(known: Sequence[Template]) -> str:
    """Templates with their values, as text."""
    lines = []
    for template in known:
        lines.append(f"{template.name}: {template.description}")
        for value in template.values:
            default = f" (default {value.default})" if value.default else ""
            lines.append(f"  --set {value.name}=...  {value.description}: {value.expected}{default}")
    return folded(lines)


def header(
    kfuncs: Annotated[list[str], typer.Argument(metavar="KFUNC", help="The kfuncs to declare.")],
    kernel: options.WrittenKernel = None,
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
