"""Accesses through pointers: where programs may write, and how far objects and memory go.

Sources: check_mem_access(), check_ptr_to_btf_access() and check_mem_region_access() in kernel/bpf/verifier.c of
6.12 and 6.18; CONTRACT 4.C (kernel-write, rdonly-write, mem-bounds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfuncgen.diagnostic import Span
from kfuncgen.lint import fields, ir
from kfuncgen.lint.bounds import outside_of
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.spelling import pointer_of
from kfuncgen.lint.state import State
from kfuncgen.lint.values import Pointer, Ref, Value, plain_name

if TYPE_CHECKING:
    from kfuncgen.lint.memory import Location, Memory


def written(
    memory: Memory,
    state: State,
    where: Location,
    place: ir.Place,
    span: Span,
    size: int | None = None,
    value: Value | None = None,
    how: str = "write",
) -> None:
    """Writes through pointers: not to kernel objects, not to read-only memory, not beyond its end."""
    fact = state.fact(where.base)
    if not isinstance(fact, Pointer):
        return
    fault: Fault | None = None
    if (fact.kind == "kernel" and not _may_write(memory, fact, where)) or (
        fact.kind == "alloc" and fact.trust == "untrusted" and not fact.reference
    ):
        fault = Fault.KERNEL_WRITE
    elif fact.kind in ("memory", "map-key") and fact.readonly:
        fault = Fault.READONLY_WRITE
    if fault is not None:
        words = memory.describe(state, where.base, pointer_of(place))
        words["field"] = where.member.name if where.member is not None else ""
        subject = where.base.id if isinstance(where.base, Ref) else 0
        memory.run.report(state, fault, span, memory.function.name, subject, fact.site, words)
    else:
        bounds(memory, state, where, size or place.ctype.size, span)
        if how != "copy":
            fields.reach(memory, state, where, size or place.ctype.size, span, value, how)


def _may_write(memory: Memory, fact: Pointer, where: Location) -> bool:
    """The few fields of kernel objects that programs may write (btf_struct_access callbacks)."""
    info = memory.run.program.info
    if info is None or info.program_type in ("BPF_PROG_TYPE_STRUCT_OPS", "BPF_PROG_TYPE_EXT"):
        return True
    field = where.member.name if where.member is not None else ""
    return (plain_name(fact.struct).startswith("nf_conn") and field == "mark") or fact.ctype is None


def bounds(memory: Memory, state: State, where: Location, size: int, span: Span) -> None:
    """Offsets into objects, and into memory of known size (slices, ring buffer records, iterator elements)."""
    fact = state.fact(where.base)
    if not isinstance(fact, Pointer):
        return
    outside: dict[str, str] | None
    if where.offset is None and fact.kind in ("kernel", "alloc"):
        # check_ptr_to_btf_access(): objects are read at constant offsets only.
        outside = {"how": "variable"} if fact.ctype is not None and not where.vague else None
    else:
        outside = outside_of(fact, where.offset, size or 1)
    if outside is not None:
        words = {**memory.describe(state, where.base), **outside}
        subject = where.base.id if isinstance(where.base, Ref) else 0
        memory.run.report(state, Fault.MEMORY_BOUNDS, span, memory.function.name, subject, fact.site, words)
