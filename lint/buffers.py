"""Memory that a call is lent: its size, whether it may be written, and the sizes passed with it.

Sources: check_mem_size_reg(), check_helper_mem_access(), check_mem_reg(), btf_struct_walk() (kernel/bpf/verifier.c
and btf.c, 6.12 and 6.18); CONTRACT 4.C (arg-mem, arg-mem-size).
"""

from __future__ import annotations

from kfuncgen.lint.argument import Arguments
from kfuncgen.lint.fields import field_name, lent_field
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.types import Type, field_path
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, Value

MAX_SIZE = 1 << 29
"""BPF_MAX_VAR_SIZ: sizes must be known to be smaller."""

_WHOLE = frozenset(
    [(ANY.low, ANY.high)]
    + [(0, (1 << bits) - 1) for bits in (8, 16, 32, 64)]
    + [(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (8, 16, 32, 64)]
)
"""Ranges of integer types."""


def is_unbounded(size: Scalar) -> bool:
    """Whether nothing at all was learnt of a number: whatever the verifier follows, it knows no more.

    Numbers that were computed or compared are left alone: compilers rewrite both, and what the verifier makes of
    the result is not for a source checker to say.
    """
    return size.expr is None and not size.excluded and (size.low, size.high) in _WHOLE


def check_size(a: Arguments, index: int, size: Scalar, may_be_zero: bool) -> bool:
    """A size argument (check_mem_size_reg): not negative, not 0 unless it may be, below 512 MB."""
    value = a.args[index]
    known = size.known
    if known is not None:
        # The register is unsigned: a negative constant is a number beyond all bounds, or negative.
        if known < 0 or known >= MAX_SIZE:
            return a.fault(Fault.BUFFER_SIZE, index, value, how="negative" if known < 0 else "unbounded")
        if known == 0 and not may_be_zero:
            return a.fault(Fault.BUFFER_SIZE, index, value, how="zero")
        return True
    if not is_unbounded(size):
        return True
    if size.high >= MAX_SIZE:
        return a.fault(Fault.BUFFER_SIZE, index, value, how="unbounded")
    if size.low < 0:
        return a.fault(Fault.BUFFER_SIZE, index, value, how="negative")
    return may_be_zero or a.fault(Fault.BUFFER_SIZE, index, value, how="zero")


def most(size: Scalar | None) -> int | None:
    """How many bytes a size argument makes the verifier look at, None when that is not decided here."""
    if size is None:
        return None
    if size.known is not None:
        return size.known if 0 <= size.known < MAX_SIZE else None
    return size.high if is_unbounded(size) and size.high < MAX_SIZE else None


def check_room(a: Arguments, index: int, value: Value, fact: Pointer, needed: int | None) -> bool:
    """`needed` bytes behind a pointer to memory of known size; a kernel object's members are memory each."""
    if needed is None or not isinstance(value, Ref) or value.offset is None or not needed:
        return True
    special = lent_field(a.run, value, fact, needed)
    if special is not None:
        fault = Fault.KPTR_FIELD if special.is_kptr else Fault.SPECIAL_FIELD_ACCESS
        path = field_name(fact.ctype, special)
        return a.fault(fault, index, value, how="helper", what=special.kind, field=path)
    if fact.kind == "kernel":
        room = member_room(fact.ctype, value.offset - fact.base)
    elif fact.size is None:
        return True
    else:
        room = fact.size - value.offset
        if room < 0:
            return True
    if room is None or needed <= room:
        return True
    return a.fault(Fault.BUFFER_SIZE, index, value, how="", size=str(needed), available=str(room))


def member_room(ctype: Type | None, offset: int) -> int | None:
    """Bytes from `offset` of a kernel object to the end of the member there, None when that is not known.

    btf_struct_walk(): an access may not go beyond the end of the member; arrays count as a whole.
    """
    if ctype is None or not ctype.fields or offset < 0:
        return None
    for at, inner in field_path(ctype, offset)[1:]:
        if inner.kind in ("array", "int", "bool", "enum", "pointer"):
            return inner.size - at if inner.size else None
    return None
