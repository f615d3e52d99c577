"""Options structs: the C definition and what the YAML says of its members, made one.

In: a `RawOptions` of `shape`. Out: an `OptionsStruct` whose offsets and sizes come from the definition, by the C
rules for the BPF target; SpecError when the YAML contradicts the C.
"""

from __future__ import annotations

from kfuncgen.diagnostic import SpecError
from kfuncgen.spec.model import ErrorCause, OptionField, OptionSize, OptionsStruct
from kfuncgen.spec.prototype import Member, PrototypeError, StructLayout, parse_struct
from kfuncgen.spec.shape import RawField, RawOptions


def build_options(raw: RawOptions) -> OptionsStruct:
    """The options struct of one entry; every member must be described, and nothing else."""
    try:
        layout = parse_struct(raw.definition.text)
    except PrototypeError as error:
        raise SpecError(f"options struct '{raw.name}': {error}", raw.definition.place) from None
    if layout.name != raw.name:
        raise SpecError(f"the definition is that of '{layout.name}', expected '{raw.name}'", raw.definition.place)
    members = {m.name: m for m in layout.members}
    for name, field in raw.fields.items():
        if name not in members:
            known = ", ".join(members)
            raise SpecError(f"'{raw.name}' has no member '{name}', it has {known}", field.place)
    for name in members:
        if name not in raw.fields:
            raise SpecError(f"member '{name}' of '{raw.name}' is not described under 'fields'", raw.place)
    if raw.error_field is not None:
        _check_error_field(raw, members, raw.error_field.text)
    return OptionsStruct(
        name=raw.name,
        definition=raw.definition.text,
        size=layout.size,
        size_constant=raw.size_constant,
        sizes=_sizes(raw, layout),
        fields=tuple(_field(members[m.name], raw.fields[m.name], layout) for m in layout.members),
        error_field=raw.error_field.text if raw.error_field is not None else "",
        errors=tuple(ErrorCause(error, cause) for error, cause in raw.errors),
        summary=raw.summary,
        place=raw.place,
    )


def _check_error_field(raw: RawOptions, members: dict[str, Member], name: str) -> None:
    place = raw.error_field.place if raw.error_field is not None else raw.place
    if name not in members:
        raise SpecError(f"'{raw.name}' has no member '{name}', it has {', '.join(members)}", place)
    if raw.fields[name].direction == "in":
        raise SpecError(f"error field '{name}' has the direction 'in', expected 'out' or 'inout'", place)


def _sizes(raw: RawOptions, layout: StructLayout) -> tuple[OptionSize, ...]:
    """The accepted sizes; one of them must be that of the definition."""
    if not any(size.size == layout.size for size in raw.sizes):
        listed = ", ".join(str(size.size) for size in raw.sizes) or "none"
        raise SpecError(f"'{raw.name}' has {layout.size} bytes by its definition, 'sizes' has {listed}", raw.place)
    for size in raw.sizes:
        if size.since is not None and size.until is not None and size.until <= size.since:
            raise SpecError(f"size {size.size} ends in {size.until}, before it begins in {size.since}", size.place)
    return tuple(OptionSize(size.size, size.since, size.until) for size in raw.sizes)


def _field(member: Member, raw: RawField, layout: StructLayout) -> OptionField:
    name = f"field '{member.name}'"
    if raw.minimum is not None and raw.maximum is not None and raw.minimum > raw.maximum:
        raise SpecError(f"{name} has the minimum {raw.minimum} above the maximum {raw.maximum}", raw.place)
    ranged = raw.minimum is not None or raw.maximum is not None
    if raw.reserved and (raw.required or raw.values or ranged or raw.direction != "in"):
        raise SpecError(f"{name} is reserved: zero is its only value, nothing else can be said of it", raw.place)
    if raw.direction == "out" and (raw.required or raw.values or ranged):
        raise SpecError(f"{name} is written by the kernel alone, it has no valid values", raw.place)
    if not 0 <= raw.since_size <= layout.size:
        raise SpecError(f"{name} is read from size {raw.since_size} on, the struct has {layout.size}", raw.place)
    bits = 8 * member.size // member.count
    for value_name, value in raw.values.items():
        if bits <= 64 and not -(1 << (bits - 1)) <= value < 1 << bits:
            raise SpecError(f"value {value_name} = {value} does not fit into the {bits} bits of {name}", raw.place)
        if (raw.minimum is not None and value < raw.minimum) or (raw.maximum is not None and value > raw.maximum):
            raise SpecError(f"value {value_name} = {value} is outside the range of {name}", raw.place)
    return OptionField(
        name=member.name,
        ctype=member.ctype,
        offset=member.offset,
        size=member.size,
        count=member.count,
        direction=raw.direction,
        required=raw.required,
        reserved=raw.reserved,
        minimum=raw.minimum,
        maximum=raw.maximum,
        values=raw.values,
        since_size=raw.since_size,
        example=raw.example,
        summary=raw.summary,
        place=raw.place,
    )
