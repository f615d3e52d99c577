"""Variables on the stack that the verifier guards: iterators, dynptrs and saved interrupt flags.

Their bytes are neither to be read nor written but by the calls of their protocols (CONTRACT 4.G, 4.H, 4.I). The
verifier follows the stack in units of eight bytes: check_stack_write_fixed_off(), check_stack_range_initialized()
and destroy_if_dynptr_stack_slot() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import Slot, State
from kfuncgen.lint.values import Pointer, Ref, Value, dead
from kfuncgen.records import Struct, replace

_READ = {
    "iterator": Fault.ITERATOR_RAW_ACCESS,
    "dynptr": Fault.DYNPTR_RAW_ACCESS,
    "irq": Fault.IRQ_UNBALANCED,
}


class Where(Struct, frozen=True):
    """Who accesses the stack: the run, the place in the source, and the call when a call does it."""

    run: Run
    span: Span
    function: str
    kfunc: str = ""
    site: int = 0


def slot_name(run: Run, slot: Slot) -> str:
    """What the user calls the variable of a slot."""
    return run.names.get(slot.reference or slot.identity, "") or run.names.get(slot.identity, "the variable")


def check_read(where: Where, state: State, region: int, offset: int | None, size: int | None) -> bool:
    """Bytes of a guarded variable are read ("invalid read from stack"); false after a fault."""
    if offset is None or not size:
        return True
    for key in state.touched(region, offset, size):
        slot = state.slots[key]
        if slot.kind == "lost":
            continue
        words = {"var": slot_name(where.run, slot), "how": "read", "kfunc": where.kfunc}
        where.run.report(
            state, _READ[slot.what], where.span, where.function, slot.identity or slot.reference, words=words
        )
        silence(state, key)
        return False
    return True


def overwrite(
    where: Where, state: State, region: int, offset: int | None, size: int | None
) -> dict[tuple[int, int], Slot]:
    """Before a store: what it does to guarded variables beside ending them.

    A dynptr that must still be submitted or discarded may not be overwritten; memory that bpf_dynptr_data()
    gave goes with a local dynptr. The slots that are returned are to be put back after the store: variables of
    which nothing more is said.
    """
    lost: dict[tuple[int, int], Slot] = {}
    for key in state.touched(region, offset, size):
        slot = state.slots[key]
        if slot.what != "dynptr":
            continue
        if slot.reference in state.references:
            lost[key] = refuse_overwrite(where, state, slot, "store")
        else:
            end_data(state, slot, where.kfunc or "a store", where.site)
    return lost


def refuse_overwrite(where: Where, state: State, slot: Slot, how: str) -> Slot:
    """Report that a dynptr is written over; what stands in its place afterwards."""
    words = {"var": slot_name(where.run, slot), "how": how, "kfunc": where.kfunc}
    subject = slot.reference or slot.identity
    held = state.references.pop(slot.reference, None)
    site = held.site if held is not None else 0
    where.run.report(state, Fault.DYNPTR_OVERWRITE, where.span, where.function, subject, site, words)
    return replace(slot, reference=0, kind="lost")


def end_data(state: State, slot: Slot, by: str, site: int) -> None:
    """A dynptr variable is overwritten: of its slices those of bpf_dynptr_data() are gone.

    Slices that bpf_dynptr_slice() and bpf_dynptr_slice_rdwr() gave carry a type of their own and live on.
    """
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.parent == slot.identity and fact.origin == "bpf_dynptr_data":
            state.facts[identifier] = dead("stale", fact, by, site)


def lend(where: Where, state: State, value: Value, size: int | None, written: bool) -> bool:
    """Memory that is handed to a call; `written`: a helper fills it, the rest is read. False after a fault.

    Helpers that fill memory end iterators and flags in it, and may not touch dynptrs ("potential write to
    dynptr at off=%d disallowed"); kfuncs read what they write.
    """
    fact = state.fact(value)
    if not isinstance(fact, Pointer) or not isinstance(value, Ref):
        return True
    if fact.kind == "dynptr":
        words = {"how": "accessed", "var": where.run.name_of(value), "kfunc": where.kfunc}
        where.run.report(state, Fault.DYNPTR_CONST, where.span, where.function, site=fact.site, words=words)
        return False
    if fact.kind != "stack" or fact.region is None or value.offset is None or not size:
        return True
    if not written:
        return check_read(where, state, fact.region, value.offset, size)
    for key in state.touched(fact.region, value.offset, size):
        slot = state.slots[key]
        if slot.what == "dynptr":
            if slot.kind != "lost":
                state.slots[key] = refuse_overwrite(where, state, slot, "helper")
            return False
        del state.slots[key]
    return True


def silence(state: State, key: tuple[int, int]) -> None:
    """After a fault nothing more is said about a variable: one mistake, one report."""
    slot = state.slots[key]
    state.references.pop(slot.reference, None)
    state.irq = tuple(i for i in state.irq if i != slot.identity)
    state.slots[key] = replace(slot, reference=0, kind="lost")
