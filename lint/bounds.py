"""Bounds of memory of known size: slices, ring buffer records, iterator elements, local objects.

Source: check_mem_region_access() in kernel/bpf/verifier.c of 6.12 and 6.18, which wants the smallest and the
largest offset that a pointer can have to be inside.
"""

from __future__ import annotations

from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.records import replace

MEMORY = ("memory", "map-key")
"""Kinds of pointers to memory of known size."""

_PLAIN = ("&", "cast", "*", "+", "-")
"""Operations whose bounds the verifier knows as well as they are followed here."""


def is_known_as_well(state: State, value: Value) -> bool:
    """Whether the verifier has no better bounds of a number: simple operations made it of numbers from outside."""
    fact = state.fact(value)
    if not isinstance(fact, Scalar) or not state.is_given(value):
        return False
    return fact.expr is None or (
        fact.expr[0].startswith(_PLAIN) and all(is_known_as_well(state, operand) for operand in fact.expr[1:])
    )


def moved(run: Run, state: State, pointer: Ref, step: Value, sign: int) -> Ref:
    """A pointer into memory after a number that is not constant was added: where it may point then."""
    fact, number = state.fact(pointer), state.fact(step)
    whole = isinstance(fact, Pointer) and fact.kind in MEMORY and fact.size is not None and not fact.null
    if not whole or not isinstance(fact, Pointer) or not isinstance(number, Scalar):
        return Ref(pointer.id, None)
    if pointer.offset is None and fact.reach is None:
        return Ref(pointer.id, None)
    if not is_known_as_well(state, step):
        return (
            Ref(pointer.id, None) if fact.reach is None else _new(run, state, replace(fact, reach=None), pointer)
        )
    low, high = fact.reach if pointer.offset is None and fact.reach is not None else (pointer.offset or 0,) * 2
    steps = (number.low, number.high) if sign > 0 else (-number.high, -number.low)
    return _new(run, state, replace(fact, reach=(low + steps[0], high + steps[1])), pointer)


def _new(run: Run, state: State, fact: Pointer, old: Ref) -> Ref:
    made = run.new(state, fact, run.names.get(old.id, ""))
    assert isinstance(made, Ref)
    return Ref(made.id, None)


def outside_of(fact: Pointer, offset: int | None, size: int) -> dict[str, str] | None:
    """Words about an access of `size` bytes that is, or may be, outside of what a pointer points to; None when it
    is inside. `offset` is that from the pointer's start, None for anywhere that it may reach."""
    whole = fact.size if fact.kind in MEMORY else None
    if fact.kind == "alloc" and fact.ctype is not None:
        whole = fact.ctype.size or None
    if offset is None:
        if fact.reach is None:
            return None
        low, high = fact.reach
    else:
        # Memory has no object in it: what a cast says of its type is no beginning.
        low = high = offset - (fact.base if fact.kind == "alloc" else 0)
    before = low < 0 and (whole is not None or fact.kind in MEMORY)
    if not before and (whole is None or high + size <= whole):
        return None
    return {
        "how": "range" if low != high else "before" if whole is None else "",
        "offset": str(low) if low == high else f"{low} to {high}",
        "size": str(size),
        "available": "" if whole is None else str(whole),
    }
