"""Memory that a call is lent: its size, whether it may be written, and the sizes passed with it.

Sources: check_mem_size_reg(), check_helper_mem_access(), check_mem_reg(), btf_struct_walk() (kernel/bpf/verifier.c
and btf.c, 6.12 and 6.18); CONTRACT 4.C (arg-mem, arg-mem-size).
"""

from __future__ import annotations

from kfuncgen.lint.argument import Arguments
from kfuncgen.lint.bounds import is_known_as_well
from kfuncgen.lint.fields import field_name, lent_field
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.types import Type, field_path
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value

MAX_SIZE = 1 << 29
"""BPF_MAX_VAR_SIZ: sizes must be known to be smaller."""


def check_size(a: Arguments, index: int, may_be_zero: bool) -> bool:
    """A size argument (check_mem_size_reg): not negative, not 0 unless it may be, below 512 MB.

    Numbers of which the verifier may know more than is followed here are left alone.
    """
    value = a.args[index]
    size = a.state.fact(value)
    if not isinstance(size, Scalar) or not _is_decided(a, value, size):
        return True
    how = ""
    if size.low < 0 and size.high < MAX_SIZE:
        how = "negative"
    elif size.low < 0 or size.high >= MAX_SIZE:
        how = "unbounded"
    elif size.low == 0 and not may_be_zero:
        how = "zero"
    return not how or a.fault(Fault.BUFFER_SIZE, index, value, how=how)


def most(a: Arguments, index: int | None) -> int | None:
    """How many bytes a size argument makes the verifier look at, None when that is not decided here."""
    if index is None or index >= len(a.args):
        return None
    size = a.state.fact(a.args[index])
    if not isinstance(size, Scalar) or not _is_decided(a, a.args[index], size):
        return None
    return size.high if size.low >= 0 and size.high < MAX_SIZE else None


def _is_decided(a: Arguments, value: Value, size: Scalar) -> bool:
    return size.known is not None or (size.expr is None and is_known_as_well(a.state, value))


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
