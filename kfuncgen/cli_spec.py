"""`kfuncgen spec`: what the specs know, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kfuncgen import cli_facts
from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded
from kfuncgen.diagnostic import UsageError

if TYPE_CHECKING:
    from kfuncgen.spec.model import Contract, Kernel, OptionField, OptionsStruct, SpecSet

FORMATS = ("text", "json")

FormatOption = Annotated[
    str, typer.Option("--output-format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
]


def register(app: typer.Typer) -> None:
    """Add the group `spec` to `app`."""
    group = typer.Typer(help="Show what is known of kfuncs and helpers.", rich_markup_mode=None)
    group.command("list", cls=options.usage("[FAMILY...]"))(list_specs)
    group.command("show", cls=options.usage("NAME..."))(show_spec)
    cli_facts.register(group)
    app.add_typer(group, name="spec")


def list_specs(
    family: Annotated[list[str] | None, typer.Argument(metavar="FAMILY", help="Only these families.")] = None,
    kernel: options.ShownKernel = None,
    output_format: FormatOption = "text",
    output: options.OutputOption = None,
    spec: options.SpecOption = None,
) -> int:
    """List kfuncs: all, or with --kernel those the kernel has."""
    options.one_of(output_format, FORMATS, "output format")
    specs = options.load_specs(spec, kernel)
    names = [known.name for known in specs.families]
    for name in family or ():
        options.one_of(name, names, "family", "kfuncgen spec list")
    at = options.targets(kernel, specs)[-1]
    kfuncs = [
        function.at(at)
        for function in sorted(specs.functions.values(), key=lambda function: (function.family, function.name))
        if function.kind == "kfunc"
        and (not family or function.family in family)
        and (kernel is None or function.exists_at(at))
    ]
    if output_format == "json":
        from kfuncgen.render.json import dump

        emit(dump({"kfuncs": [entry(contract) for contract in kfuncs]}), output)
    else:
        emit(table(kfuncs), output)
    return 0


def show_spec(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Kfuncs or helpers.")],
    kernel: options.ShownKernel = None,
    output_format: FormatOption = "text",
    output: options.OutputOption = None,
    spec: options.SpecOption = None,
) -> int:
    """Show the contract of kfuncs and helpers.

    Prototype, flags, program types, kernels, parameters, options, errors.
    """
    options.one_of(output_format, FORMATS, "output format")
    specs = options.load_specs(spec, kernel)
    contracts = [find(specs, name, kernel) for name in names]
    if output_format == "json":
        from kfuncgen.render.json import dump

        emit(dump({"functions": [entry(contract) | details(contract) for contract in contracts]}), output)
    else:
        emit("\n".join(folded(page(contract), output) for contract in contracts), output)
    return 0


def find(specs: SpecSet, name: str, kernel: str | None) -> Contract:
    """The contract of `name` on the newest kernel asked for; UsageError when that kernel does not have it."""
    from kfuncgen.spec.telling import lifetime

    options.one_of(name, specs.functions, "kfunc or helper", "kfuncgen spec list")
    function = specs.functions[name]
    at = options.targets(kernel, specs)[-1]
    if kernel is not None and not function.exists_at(at):
        raise UsageError(f"kernel {at} has no '{name}' ({lifetime(function)})")
    return function.at(at)


def table(contracts: list[Contract]) -> str:
    """One line per kfunc under the name of its family."""
    from kfuncgen.spec.telling import lifetime

    lines: list[str] = []
    width = max((len(contract.name) for contract in contracts), default=0)
    family = ""
    for contract in contracts:
        if contract.function.family != family:
            family = contract.function.family
            lines += ["", family] if lines else [family]
        flags = " ".join(flag.removeprefix("KF_").lower() for flag in contract.flags)
        life = lifetime(contract.function)
        lines.append(f"  {contract.name:{width}}  {life:12}  {' '.join(contract.hooks)}  {flags}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def entry(contract: Contract) -> dict[str, Any]:
    """A kfunc as `spec list --output-format json` has it."""
    function = contract.function
    return {
        "name": contract.name,
        "family": function.family,
        "flags": list(contract.flags),
        "prototype": contract.prototype.text,
        "since": str(function.since),
        "until": version(function.until),
        "program_types": list(contract.hooks),
        "release": list(contract.release),
    }


def version(kernel: Kernel | None) -> str | None:
    """A kernel version for JSON, null where there is none."""
    return str(kernel) if kernel is not None else None


def details(contract: Contract) -> dict[str, Any]:
    """What `spec show --output-format json` adds to `entry`."""
    function = contract.function
    return {
        "kind": function.kind,
        "kernel": str(contract.kernel),
        "summary": function.summary,
        "notes": function.notes,
        "filter": function.filter,
        "config": list(function.config),
        "module": function.module,
        "parameters": [
            {
                "name": p.name,
                "type": str(p.ctype),
                "role": p.role.value,
                "nullable": p.nullable,
                "summary": p.summary,
            }
            for p in contract.params
        ],
        "errors": [{"error": error.error, "cause": error.cause} for error in function.errors],
        "changes": [
            {"kernel": str(change.since), "prototype": change.prototype.text if change.prototype else None}
            | {"flags": listed(change.flags), "program_types": listed(change.hooks)}
            for change in function.changes
        ],
        "options": [
            {
                "parameter": contract.params[index].name if index < len(contract.params) else "",
                "struct": struct.name,
                "size": struct.size,
                "size_constant": struct.size_constant,
                "sizes": list(struct.sizes_at(contract.kernel)),
                "fields": [field_entry(field) for field in struct.fields],
                "errors": [{"error": error.error, "cause": error.cause} for error in struct.errors],
            }
            for index, struct in function.options
        ],
    }


def listed(values: tuple[str, ...] | None) -> list[str] | None:
    """A tuple for JSON, null where nothing changed."""
    return list(values) if values is not None else None


def field_entry(field: OptionField) -> dict[str, Any]:
    """One field of an options struct for JSON."""
    return {
        "name": field.name,
        "type": field.ctype,
        "offset": field.offset,
        "size": field.size,
        "direction": field.direction,
        "required": field.required,
        "reserved": field.reserved,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "values": dict(field.values),
        "summary": field.summary,
    }


def page(contract: Contract) -> Iterator[str]:
    """The text of `spec show`, line by line."""
    from kfuncgen.spec.telling import lifetime

    function = contract.function
    yield f"{contract.prototype.text.rstrip(';')};"
    if function.summary:
        yield f"  {function.summary}"
    yield from fact("kind", f"{function.kind}, family {function.family}, shown as of {contract.kernel}")
    yield from fact("kernels", lifetime(function))
    yield from fact("flags", " ".join(contract.flags))
    yield from fact("programs", " ".join(contract.hooks) + (f" ({function.filter})" if function.filter else ""))
    yield from fact("release", " or ".join(contract.release))
    yield from fact("formerly", function.formerly)
    yield from fact("module", function.module)
    yield from fact("config", " ".join(function.config))
    for param in contract.params:
        role = param.role.value + (", may be NULL" if param.nullable else "")
        yield from fact(param.name, f"{role}{': ' + param.summary if param.summary else ''}")
    for change in function.changes:
        yield from fact(f"in {change.since}", change_text(change))
    for error in function.errors:
        yield from fact(f"-{error.error}", error.cause)
    for _, struct in function.options:
        yield from options_page(struct, contract)
    if function.notes:
        yield from fact("note", " ".join(function.notes.split()))


def fact(name: str, text: str) -> Iterator[str]:
    """`  name:  text`, nothing when there is no text."""
    if text:
        yield f"  {name + ':':15}  {text}"


def change_text(change: Any) -> str:
    """What became different, in one line."""
    parts = [change.prototype.text] if change.prototype is not None else []
    parts += [f"flags {' '.join(change.flags) or 'none'}"] if change.flags is not None else []
    parts += [f"programs {' '.join(change.hooks) or 'none'}"] if change.hooks is not None else []
    return "; ".join(parts)


def options_page(struct: OptionsStruct, contract: Contract) -> Iterator[str]:
    """The fields of an options struct."""
    sizes = " or ".join(str(size) for size in struct.sizes_at(contract.kernel)) or str(struct.size)
    constant = f" ({struct.size_constant})" if struct.size_constant else ""
    yield f"  struct {struct.name}: size {sizes}{constant}"
    for field in struct.fields:
        words: list[str] = [field.direction]
        words += ["required"] if field.required else []
        words += ["reserved, must be zero"] if field.reserved else []
        if field.minimum is not None or field.maximum is not None:
            words.append(f"{field.minimum}..{field.maximum}")
        if field.values:
            words.append(", ".join(f"{name} = {number}" for name, number in field.values.items()))
        text = "; ".join(words) + (f": {field.summary}" if field.summary else "")
        yield f"    {field.name + ':':13}  {text}"
    for error in struct.errors:
        yield f"    {'-' + error.error + ':':13}  {error.cause}"
