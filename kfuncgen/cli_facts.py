"""`kfuncgen spec probe|check|diff|import|schema`: the specs beside what kernels say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded
from kfuncgen.diagnostic import UsageError

if TYPE_CHECKING:
    from kfuncgen.spec.kernelfacts import KernelFacts
    from kfuncgen.spec.model import Contract, Kernel, SpecSet

FORMATS = ("text", "json")

FormatOption = Annotated[
    str, typer.Option("--output-format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
]
LiveOption = Annotated[bool, typer.Option("--live", help="The running kernel (needs root).")]
ProbeOption = Annotated[str | None, typer.Option("--probe", metavar="FILE", help="A file kept by 'spec probe'.")]
BtfOption = Annotated[
    str | None,
    typer.Option(
        "--btf", metavar="FILE", help="BTF, raw or in an ELF file: names and prototypes of tagged kfuncs."
    ),
]
BaseOption = Annotated[
    str | None, typer.Option("--base", metavar="FILE", help="The kernel's BTF, when --btf is a module's.")
]
HeaderOption = Annotated[
    str | None, typer.Option("--header", metavar="FILE", help="A C header that declares kfuncs: prototypes.")
]
LinuxOption = Annotated[
    str | None, typer.Option("--linux", metavar="DIR", help="A kernel's source tree, or the folder of a module.")
]
ReleaseOption = Annotated[
    str | None,
    typer.Option(
        "--kernel", metavar="VERSION", help="The kernel's version (or live), where the input does not tell it."
    ),
]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `spec`."""
    group.command("probe")(probe)
    group.command("check")(check)
    group.command("import", cls=options.usage("[NAME...]"))(import_specs)
    group.command("schema")(schema)
    group.command("diff", cls=options.usage("OLD NEW"))(diff)


def probe(output: options.OutputOption = None, spec: options.SpecOption = None) -> int:
    """Read what the running kernel says of its kfuncs.

    Their flags, program types and prototypes. Needs root, clang and libbpf. The JSON can be kept, and used with
    --kernel FILE or --spec FILE anywhere.
    """
    from kfuncgen.facts.origins import from_live
    from kfuncgen.render.json import dump
    from kfuncgen.spec.kernelfacts import to_json

    emit(dump(to_json(from_live(options.load_specs(spec)))), output)
    return 0


def check(
    live: LiveOption = False,
    probe: ProbeOption = None,
    btf: BtfOption = None,
    base: BaseOption = None,
    linux: LinuxOption = None,
    kernel: ReleaseOption = None,
    output_format: FormatOption = "text",
    output: options.OutputOption = None,
    spec: options.SpecOption = None,
) -> int:
    """Compare the specs with a kernel.

    Names, flags, hooks, filters and prototypes; of the running kernel when no other is given. Exit status 1 when
    there is a difference; what the kernel was built without is told, and is none.
    """
    from kfuncgen.facts.check import compare
    from kfuncgen.render import kernels as render

    options.one_of(output_format, FORMATS, "output format")
    specs = options.load_specs(spec)
    if not (probe or btf or linux):
        live = True
    comparison = compare(specs, facts_from(specs, live, probe, btf, base, linux, kernel))
    if output_format == "json":
        emit(render.check_json(comparison), output)
    else:
        emit(folded(render.check_text(comparison), output), output)
    return int(bool(comparison.differences))


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A kernel version, or a file kept by 'spec probe'.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another one.")],
    output_format: FormatOption = "text",
    output: options.OutputOption = None,
    spec: options.SpecOption = None,
) -> int:
    """Tell which kfuncs differ between two kernels.

    Those that came, went, or changed in flags, program types or prototype.
    """
    from kfuncgen.facts.check import between
    from kfuncgen.render import kernels as render

    options.one_of(output_format, FORMATS, "output format")
    sides = [contracts(text, spec) for text in (old, new)]
    changes = between(*sides)
    if output_format == "json":
        emit(render.diff_json(old, new, changes), output)
    else:
        emit(folded(render.diff_text(changes), output), output)
    return 0


def schema(output: options.OutputOption = None) -> int:
    """Print the JSON Schema of spec files."""
    from kfuncgen.render.json import dump
    from kfuncgen.spec.schema import json_schema

    emit(dump(json_schema()), output)
    return 0


def contracts(text: str, spec: list[str] | None) -> dict[str, Contract]:
    """The kfuncs of the one kernel that `text` names."""
    specs = options.load_specs(spec, text)
    kernels = options.targets(text, specs)
    if len(kernels) != 1:
        raise UsageError(f"'{text}' names {len(kernels)} kernels, expected one")
    kfuncs = (function for function in specs.functions.values() if function.kind == "kfunc")
    return {function.name: function.at(kernels[0]) for function in kfuncs if function.exists_at(kernels[0])}


def import_specs(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Only these kfuncs.")] = None,
    live: LiveOption = False,
    probe: ProbeOption = None,
    btf: BtfOption = None,
    base: BaseOption = None,
    linux: LinuxOption = None,
    header: HeaderOption = None,
    kernel: ReleaseOption = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="PATH", help="The spec file or folder to bring up to date."),
    ] = None,
    new: Annotated[
        str | None, typer.Option("--new", metavar="FILE", help="The spec file for kfuncs that no spec has.")
    ] = None,
    family: Annotated[
        str, typer.Option("--family", metavar="NAME", help="Family of a new file. Default: the file's name.")
    ] = "",
    hooks: Annotated[
        list[str] | None,
        typer.Option("--hooks", metavar="HOOKS", help="Hooks of new kfuncs, where the input has none (XDP,TC)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print a diff and write nothing.")] = False,
) -> int:
    """Take flags, program types and prototypes from a kernel.

    Updates spec files in place: text, comments and order stay. Kfuncs that no spec has are written to the file of
    --new (or of --into, when that is a file), else printed as YAML to be put where they belong.
    """
    from kfuncgen.facts import importing, origins
    from kfuncgen.spec.words import HOOKS

    wanted = options.words(hooks)
    for hook in wanted:
        options.one_of(hook, HOOKS, "hook")
    given = {"--into": into, "--new": new}
    paths = [options.as_path(path, option) for option, path in given.items() if path is not None]
    if new is not None and paths[-1].is_dir():
        raise UsageError(f"'{new}' is a folder, expected a file (--new)")
    add_to = next((str(path) for path in reversed(paths) if not path.is_dir()), "")
    files = importing.read_files(paths)
    facts = facts_from(options.load_specs(), live, probe, btf, base, linux, kernel, header)
    plan = importing.Plan(add_to, family, wanted)
    result = importing.import_facts(files, origins.only(facts, names or ()), plan)
    if dry_run:
        emit(importing.as_diff(files, result))
        return 0
    for name, text in result.texts.items():
        emit(text, name)
    emit(folded(importing.report(result)))
    return 0


def facts_from(
    specs: SpecSet,
    live: bool,
    probe: str | None,
    btf: str | None,
    base: str | None,
    linux: str | None,
    kernel: str | None,
    header: str | None = None,
) -> KernelFacts:
    """What the one source that was named says; UsageError when it is none or several."""
    from kfuncgen.facts import origins

    sources = {"--live": live, "--probe": probe, "--btf": btf, "--linux": linux, "--header": header}
    given = [name for name, value in sources.items() if value]
    if len(given) != 1:
        expected = "one of --live, --probe FILE, --btf FILE and --linux DIR"
        raise UsageError(f"expected {expected}" + (f", not {' and '.join(given)}" if given else ""))
    if base and not btf:
        raise UsageError("--base goes with --btf")
    if kernel and (live or probe):
        raise UsageError(f"{given[0]} tells its kernel itself; --kernel goes with files")
    at = release(kernel)
    if btf:
        return origins.from_btf(Path(btf), at, Path(base) if base else None)
    if linux:
        return origins.from_source(Path(linux), at)
    if header:
        return origins.from_header(Path(header), at)
    return origins.from_probe(Path(probe)) if probe else origins.from_live(specs)


def release(text: str | None) -> Kernel | None:
    """`--kernel` where it names one version, or `live`."""
    from kfuncgen.spec.kernels import live_kernel
    from kfuncgen.spec.model import Kernel

    if text is None:
        return None
    if text == "live":
        return live_kernel()
    try:
        return Kernel.parse(text)
    except ValueError as error:
        raise UsageError(f"--kernel: {error}") from None
