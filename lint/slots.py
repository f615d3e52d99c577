"""Iterators and dynptrs: protocols of variables on the stack (CONTRACT 4.H, 4.I)."""

from __future__ import annotations

from dataclasses import replace

from kfuncgen.lint.machine import DYNPTR, ITERATOR, Dynptr, DynptrUse, Fault, Iterator
from kfuncgen.lint.memory import DYNPTR_SIZE
from kfuncgen.lint.state import Reference, Slot
from kfuncgen.lint.targets import RCU_CHECKED_AT_NEW
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import Pointer, Scalar, Trust, dead
from kfuncgen.spec.model import Param, Role


def iterator(call: Transfer) -> Outcome:
    """`new`, `next` and `destroy` of open-coded iterators."""
    key = call.memory(0)
    fact = call.fact(0)
    state = call.state
    if key is None or not isinstance(fact, Pointer):
        return [(state, call.any_result())]
    slot = state.slots.get(key)
    if slot is not None and slot.what != "iterator":
        slot = None
    kind = call.name.rsplit("_", 1)[0]
    if slot is not None and slot.kind != kind:
        slot = None
    life = Iterator.NONE if slot is None else Iterator.BROKEN if slot.broken else Iterator.ACTIVE
    fault = ITERATOR[life, call.effects.iterator]
    if fault is not None:
        subject = slot.reference if slot is not None else 0
        call.report(fault, {"var": fact.origin, "kind": kind}, subject)
        if slot is not None and life is Iterator.BROKEN:
            slot = state.slots[key] = replace(slot, broken=False, protected=False)
        if slot is not None and life is Iterator.ACTIVE:
            state.references.pop(slot.reference, None)
        elif slot is None:
            _forget_overwritten(call)
        if slot is None and call.effects.iterator == "next":
            # Say it once: from here on the variable counts as an iterator.
            slot = state.slots[key] = Slot("iterator", kind)
    if call.effects.iterator == "new":
        return _new(call, key, fact, kind)
    if call.effects.iterator == "destroy":
        if slot is not None:
            state.references.pop(slot.reference, None)
            del state.slots[key]
            call.invalidate(slot.reference)
        return [(state, call.any_result())]
    return _next(call, key, fact, slot)


def _forget_overwritten(call: Transfer) -> None:
    """Iterators whose variable was written over: the misuse is reported, their leak is the same mistake."""
    owned = {slot.reference for slot in call.state.slots.values()}
    for identifier, reference in list(call.state.references.items()):
        if reference.kind == "iterator" and identifier not in owned:
            del call.state.references[identifier]


def _new(call: Transfer, key: tuple[int, int], fact: Pointer, kind: str) -> Outcome:
    state = call.state
    broken = False
    if call.effects.rcu_protected and not call.run.in_rcu(state):
        if call.run.kernel >= RCU_CHECKED_AT_NEW:
            call.report(Fault.ITERATOR_RCU, {"var": fact.origin})
        else:
            broken = True
    reference = call.run.fresh()
    state.references[reference] = Reference(call.site, call.name, 0, "iterator")
    protected = call.effects.rcu_protected
    state.slots[key] = Slot("iterator", kind, reference, broken=broken, protected=protected)
    call.run.names[reference] = fact.origin or "iterator"
    state.step("acquire", call.call.span, f"iterator '{fact.origin}' created here", reference)
    return [(state, call.any_result())]


def _next(call: Transfer, key: tuple[int, int], fact: Pointer, slot: Slot | None) -> Outcome:
    """Two ways on: an element, or NULL and a drained iterator (CONTRACT 3.1 step 11)."""
    state = call.state
    if slot is None:
        return [(state, call.any_result())]
    drained = state.copy()
    drained.slots[key] = replace(slot, drained=True)
    drained.step("assume", call.call.span, f"iterator '{fact.origin}' has no more elements", slot.reference)
    if slot.drained:
        return [(drained, 0)]
    return [(state, call.run.new(state, _element(call, slot))), (drained, 0)]


def _element(call: Transfer, slot: Slot) -> Pointer | Scalar:
    result = call.contract.prototype.result
    if result.struct_name:
        trust: Trust = "rcu" if slot.protected else "trusted"
        return Pointer("kernel", call.struct_type(result), trust=trust, origin=call.name, site=call.site)
    size = result.pointee.size if result.pointee is not None else 0
    return Pointer(
        "memory", trust="trusted", size=size or None, readonly=True, parent=slot.reference,
        origin=call.name, site=call.site,
    )  # fmt: skip


def dynptrs(call: Transfer) -> None:
    """Initialise, use and release the dynptrs among the arguments."""
    for index, param in enumerate(call.contract.params):
        if param.role is Role.DYNPTR and index < len(call.args):
            _dynptr(call, index, param)
    if "packet-changing" in call.special:
        change_packet(call)
    if "dynptr-write" in call.special:
        slot = call.slot(0)
        if slot is not None and slot.kind == "dynptr-from-skb":
            change_packet(call)


def change_packet(call: Transfer) -> None:
    """The packet's memory may have moved: all slices of it are gone, the dynptrs stay (CONTRACT 4.I)."""
    for identifier, fact in list(call.state.facts.items()):
        if isinstance(fact, Pointer) and fact.packet:
            call.state.facts[identifier] = dead("stale", fact, call.name, call.site)


def _dynptr(call: Transfer, index: int, param: Param) -> None:
    key, fact, state = call.memory(index), call.fact(index), call.state
    if isinstance(fact, Pointer) and fact.kind not in ("stack", "opaque"):
        call.report(Fault.DYNPTR_NOT_STACK, {"var": call.name_of(index), "number": str(index + 1)})
        return
    if key is None or not isinstance(fact, Pointer) or fact.kind != "stack":
        return
    slot = state.slots.get(key)
    if slot is not None and slot.what != "dynptr":
        slot = None
    if slot is not None and slot.kind == "lost":
        return
    releasing = "dynptr-release-ringbuf" in call.special
    use = DynptrUse.INITIALISE if param.uninit else DynptrUse.RELEASE if releasing else DynptrUse.READ
    fault = DYNPTR[_life(slot), use]
    if fault is not None:
        subject = slot.reference if slot is not None else 0
        words = {"var": fact.origin, "number": str(index + 1), "by": slot.ended if slot is not None else ""}
        call.report(fault, words, subject)
        if slot is not None:
            state.references.pop(slot.reference, None)
            return
        if use is DynptrUse.READ:
            # Say it once: from here on the variable counts as a dynptr of unknown kind.
            state.slots[key] = Slot("dynptr", "unknown", identity=call.run.fresh())
    if use is DynptrUse.INITIALISE:
        _initialise(call, key, fact, slot)
    elif use is DynptrUse.RELEASE and slot is not None and slot.reference in state.references:
        del state.references[slot.reference]
        state.step("release", call.call.span, f"dynptr '{fact.origin}' released here", slot.reference)
        for other, clone in list(state.slots.items()):
            if clone.reference == slot.reference:
                state.slots[other] = replace(clone, ended=call.name)
                call.invalidate(clone.identity)


def _life(slot: Slot | None) -> Dynptr:
    if slot is None:
        return Dynptr.NONE
    if slot.ended:
        return Dynptr.RELEASED
    return Dynptr.HELD if slot.reference else Dynptr.BORROWED


def _initialise(call: Transfer, key: tuple[int, int], fact: Pointer, old: Slot | None) -> None:
    state = call.state
    if old is not None and old.kind not in ("dynptr-from-skb", "dynptr-from-xdp"):
        # Overwriting a local or ring buffer dynptr ends its slices; packet slices live on (CONTRACT 4.I).
        call.invalidate(old.identity)
    source = call.slot(0) if "dynptr-clone" in call.special else None
    state.fill(key[0], key[1], DYNPTR_SIZE, "unknown", fact.size or DYNPTR_SIZE)
    reference = 0
    if "dynptr-from-ringbuf" in call.special:
        reference = call.run.fresh()
        state.references[reference] = Reference(call.site, call.name, 0, "dynptr")
        call.run.names[reference] = fact.origin or "dynptr"
        state.step("acquire", call.call.span, f"dynptr '{fact.origin}' reserved here", reference)
    elif source is not None:
        reference = source.reference
    kind = next((s for s in sorted(call.special) if s.startswith("dynptr-from-")), "")
    if source is not None:
        kind = source.kind
    state.slots[key] = Slot("dynptr", kind, reference, identity=call.run.fresh())
