"""Loads and stores that meet special fields: kptrs are read and written whole, the others not at all.

Sources: check_map_access(), check_map_kptr_access(), map_kptr_match_type(), btf_ld_kptr_type() in
kernel/bpf/verifier.c and btf_struct_access() in kernel/bpf/btf.c, 6.12 and 6.18; CONTRACT 2.4, 4.D, 4.E.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mapdefs import inner_definition, map_number
from kfuncgen.lint.records import EMPTY, KPTRS, Record, SpecialField, records_of
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.types import Type, field_path
from kfuncgen.lint.values import ANY, Death, Fact, Pointer, Ref, Trust, Value, plain_name
from kfuncgen.records import replace
from kfuncgen.spec.trust import RCU_KPTRS, ROOTS

if TYPE_CHECKING:
    from kfuncgen.lint.memory import Location, Memory


def record_of(run: Run, fact: Fact) -> Record:
    """The special fields of what a pointer points to: a map's value, global data, or an object of the program."""
    if not isinstance(fact, Pointer) or fact.ctype is None:
        return EMPTY
    records = records_of(run.module)
    if fact.kind == "map-value" and fact.region is not None:
        var = run.module.globals.get(fact.origin)
        return records.variable(var) if var is not None and not var.extern else EMPTY
    if fact.kind == "map-value":
        return records.value(fact.ctype, map_type(run.module, fact.map))
    return records.object(fact.ctype) if fact.kind in ("alloc", "percpu") else EMPTY


def _met(memory: Memory, state: State, where: Location) -> tuple[Record, int]:
    """The record at a place, and the offset within it at which the place's own offsets begin."""
    run = memory.run
    if where.region is not None:
        var = run.variable_of(where.region)
        return (records_of(run.module).variable(var), 0) if var is not None and not var.extern else (EMPTY, 0)
    fact = state.fact(where.base)
    return record_of(run, fact), fact.base if isinstance(fact, Pointer) else 0


def load(memory: Memory, state: State, where: Location, place: ir.Place, ctype: Type, span: Span) -> Value | None:
    """The value of a special field that is read, None when it is none; what is no good is reported."""
    record, _ = _met(memory, state, where)
    if record.error and ctype.is_pointer and set(type_tags(place)) & KPTRS:
        # The kernel sees no kptr there, and so the load gives a number.
        gone = Death("undeclared", by=record.error, origin=f"kptr field {_name(place)}")
        return memory.run.new(state, replace(ANY, death=gone), _name(place))
    if not record.fields:
        return None
    field = reach(memory, state, where, ctype.size or 8, span)
    if field is None:
        return None
    key = (where.region, where.offset)
    if where.region is not None and where.offset is not None and not where.volatile:
        kept = state.read(where.region, where.offset, 8)
        if kept is not None:
            return kept
    elif isinstance(where.base, Ref) and where.offset is not None:
        key = (where.base.id, where.offset)
        if key in state.loads:
            return state.loads[key]
    value = memory.read_pointer(state, kptr(memory.run, state, field, _name(place)), _name(place), span)
    if where.region is not None and where.offset is not None:
        state.write(where.region, where.offset, 8, value)
    elif key[0] is not None and key[1] is not None:
        state.loads[key[0], key[1]] = value
    return value


def reach(
    memory: Memory,
    state: State,
    where: Location,
    size: int,
    span: Span,
    value: Value | None = None,
    how: str = "read",
) -> SpecialField | None:
    """Check an access of `size` bytes; the kptr that it reads, None when it reads none.

    `how`: read, write (of `value`, None when it is not one value), zero (memset), copy-read and copy (the two
    sides of a struct's assignment), helper.
    """
    record, base = _met(memory, state, where)
    if not record.fields:
        return None
    if where.offset is None:
        if where.extent is None or where.vague:
            return None
        low, high = where.extent[0] - base, where.extent[0] - base + where.extent[1]
    else:
        low, high = where.offset - base, where.offset - base + size
    fact = state.fact(where.base) if where.region is None else None
    local = isinstance(fact, Pointer) and fact.kind == "alloc"
    for field in record.touched(low, high):
        if not field.is_kptr or local:
            told = "helper" if how == "helper" else "object" if local else "value"
            _report(memory, state, Fault.SPECIAL_FIELD_ACCESS, where, field, span, told)
            return None
        wrong = _wrong(field, where, low, size, how)
        if wrong:
            _report(memory, state, Fault.KPTR_FIELD, where, field, span, wrong)
            return None
        if how == "write" and value is not None:
            _stored(memory, state, where, field, value, span)
        return field if how == "read" else None
    return None


def copied(memory: Memory, state: State, instruction: ir.Copy, target: Location, origin: Location) -> None:
    """A struct that is copied as a whole: what is read, and what is written.

    Of structs that stay in registers only the members that are used are read, and only what was set is written.
    """
    size, span = instruction.size, instruction.span
    if not size:
        return
    if not _in_registers(instruction.place):
        reach(memory, state, origin, size, span, how="copy-read")
    if origin.region is not None and _in_registers(instruction.source) and target.offset is not None:
        record, base = _met(memory, state, target)
        fill, cells = state.regions.get(origin.region, ("uninit", {}))
        for field in record.touched(target.offset - base, target.offset - base + size):
            at = field.offset + base - target.offset + (origin.offset or 0)
            if fill == "uninit" and not any(
                a < at + field.size and at < a + c[0] for a, c in cells.items() if a >= 0
            ):
                continue
            reach(memory, state, replace(target, offset=field.offset + base), field.size, span, how="copy")
            return
        return
    reach(memory, state, target, size, span, how="copy")


def _in_registers(place: ir.Place) -> bool:
    """Whether a struct is a local of which no address is taken."""
    root = ir.root_of(place)
    return isinstance(root, ir.Local) and not root.var.address_taken


def _wrong(field: SpecialField, where: Location, low: int, size: int, how: str) -> str:
    """What is wrong with an access to a kptr in a map's value or in global data, "" when nothing is."""
    if how == "helper":
        return "helper"
    if where.offset is None:
        return "variable"
    if how == "copy-read":
        return ""  # compilers copy structs in words, and those meet the field whole
    if how != "read" and field.kind != "kptr_untrusted":
        return "store"
    if how == "copy":
        return ""
    if low <= field.offset and low + size >= field.offset + 8 and how == "zero":
        return ""
    if low != field.offset:
        return "misaligned"
    return "size" if size != 8 else ""


def _stored(memory: Memory, state: State, where: Location, field: SpecialField, value: Value, span: Span) -> None:
    """A plain store to an unreferenced kptr: NULL, or any kernel pointer to the type (map_kptr_match_type)."""
    if value == 0:
        return
    fact, target = state.fact(value), field.target
    words = memory.describe(state, value)
    words |= {"want": f"struct {target.name}" if target is not None else "kptr", "have": "number"}
    site = 0
    if isinstance(fact, Pointer):
        if fact.kind == "opaque" or (fact.kind == "kernel" and fact.ctype is None) or target is None:
            return
        offset = value.offset if isinstance(value, Ref) else 0
        if fact.kind == "kernel" and offset is not None:
            chain = field_path(fact.ctype, offset - fact.base) if fact.ctype is not None else []
            if any(at == 0 and plain_name(t.name) == plain_name(target.name) for at, t in chain):
                return
            if fact.ctype is not None and not fact.ctype.fields and offset == 0 and fact.struct != target.name:
                return  # its members are not known: its first one may be of the type
        words["have"] = f"struct {fact.struct}" if fact.struct and not offset else fact.kind.replace("-", " ")
        site = fact.site
    elif fact.death is not None and fact.death.how == "stop":
        return
    subject = value.id if isinstance(value, Ref) else 0
    memory.run.report(state, Fault.KPTR_TYPE, span, memory.function.name, subject, site, words)


def _report(
    memory: Memory, state: State, fault: Fault, where: Location, field: SpecialField, span: Span, how: str
) -> None:
    words = {"how": how, "what": field.kind, "want": f"struct {field.target.name}" if field.target else ""}
    if where.region is not None:
        var = memory.run.variable_of(where.region)
        words["var"] = var.name if var is not None else ""
    else:
        words |= memory.describe(state, where.base)
    words["field"] = field_name(_met_type(memory, state, where), field)
    subject = where.base.id if where.region is None and isinstance(where.base, Ref) else 0
    fact = state.fact(where.base) if where.region is None else None
    site = fact.site if isinstance(fact, Pointer) else 0
    memory.run.report(state, fault, span, memory.function.name, subject, site, words)


def lent_field(run: Run, value: Ref, fact: Pointer, size: int) -> SpecialField | None:
    """The special field in `size` bytes of a map's value or global data that a call is handed (ACCESS_HELPER)."""
    if fact.kind != "map-value" or value.offset is None:
        return None
    low = value.offset - fact.base
    return next(record_of(run, fact).touched(low, low + size), None)


def _met_type(memory: Memory, state: State, where: Location) -> Type | None:
    if where.region is not None:
        var = memory.run.variable_of(where.region)
        return var.ctype if var is not None else None
    fact = state.fact(where.base)
    return fact.ctype if isinstance(fact, Pointer) else None


def field_name(ctype: Type | None, field: SpecialField) -> str:
    """The members on the way to a field, as they are written in C."""
    names: list[str] = []
    offset = field.offset
    while ctype is not None and ctype.kind in ("struct", "array"):
        if ctype.kind == "array" and ctype.target is not None and ctype.target.size:
            names.append(f"[{offset // ctype.target.size}]")
            offset, ctype = offset % ctype.target.size, ctype.target
            continue
        if ctype.name == field.kind:
            break
        member = next((f for f in ctype.fields if f.offset <= offset < f.offset + max(f.ctype.size, 1)), None)
        if member is None:
            break
        names.append(f".{member.name}" if names and member.name else member.name)
        offset, ctype = offset - member.offset, member.ctype
    return "".join(names).lstrip(".")


# -- what loads give ---------------------------------------------------------------------------------------


def kptr(run: Run, state: State, field: SpecialField, name: str) -> Pointer:
    """What loading a kptr yields (btf_ld_kptr_type; CONTRACT 2.4). Never without NULL.

    A pointer to an object of the program that is not protected by RCU is to the verifier like one to a kernel
    object: it may be read, and that is all.
    """
    target = field.target
    origin = f"kptr field {name}" if name else "a kptr field"
    assert target is not None
    safe = field.kind == "percpu_kptr" or (
        field.kind == "kptr" and (not field.is_kernel or target.name in RCU_KPTRS)
    )
    trust: Trust = "rcu" if safe and run.in_rcu(state) else "untrusted"
    made = Pointer("kernel", target, null=True, trust=trust, origin=origin)
    if trust == "untrusted" or (field.is_kernel and field.kind == "kptr"):
        return made
    if field.kind == "percpu_kptr":
        return replace(made, kind="percpu")
    node = records_of(run.module).object(target).only(*ROOTS.values()) is not None
    return replace(made, kind="alloc", non_owning=node)


def map_type(module: ir.Module, name: str) -> int:
    """The number of a map's type, 0 when it is not known. `outer #N` is one of the maps in a map of maps."""
    outer, _, inner = name.partition(" #")
    var = module.globals.get(outer)
    definition = var.ctype if var is not None and var.section == ".maps" else None
    if definition is not None and inner:
        definition = inner_definition(definition)
    return map_number(definition, "type") if definition is not None else 0


def type_tags(place: ir.Place) -> tuple[str, ...]:
    """Type tags of the member or variable that a place is, or is an element of."""
    while isinstance(place, ir.Element):
        place = place.base
    if isinstance(place, ir.Member):
        return place.tags
    return place.var.tags if isinstance(place, ir.Global) else ()


def _name(place: ir.Place) -> str:
    while isinstance(place, ir.Element):
        place = place.base
    return place.var.name if isinstance(place, ir.Global | ir.Local) else getattr(place, "name", "")
