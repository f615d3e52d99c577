"""Open-coded iterators: `new`, `next`, `destroy` and the elements (CONTRACT 4.H).

Sources: process_iter_arg(), is_iter_reg_valid_uninit(), is_iter_reg_valid_init(), process_iter_next_call() in
kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint.machine import ITERATOR, Fault, Iterator, Life
from kfuncgen.lint.state import UNIT, Reference, Slot
from kfuncgen.lint.targets import RCU_CHECKED_AT_NEW
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import Pointer, Scalar, Trust
from kfuncgen.records import replace


def iterator(call: Transfer) -> Outcome:
    """`new`, `next` and `destroy` of open-coded iterators."""
    state = call.state
    if not _on_stack(call):
        return [(state, call.any_result())]
    key, fact = call.memory(0), call.fact(0)
    if not isinstance(fact, Pointer) or fact.kind != "stack":
        return [(state, call.any_result())]
    kind = call.name.rsplit("_", 1)[0]
    slot = _active(call, key, kind)
    if slot is not None and slot.kind == "lost":
        return [(state, call.any_result())]
    life = Iterator.NONE if slot is None else Iterator.BROKEN if slot.broken else Iterator.ACTIVE
    fault = ITERATOR[life, call.effects.iterator]
    if fault is None and call.effects.iterator == "new" and (key is None or _in_use(call, key)):
        fault = Fault.ITERATOR_DOUBLE_INIT
    if fault is not None:
        subject = slot.reference if slot is not None else 0
        held = state.references.get(subject)
        call.report(fault, {"var": fact.origin, "kind": kind}, subject, held.site if held is not None else 0)
        if fault is Fault.ITERATOR_DOUBLE_INIT and life is Iterator.NONE:
            return [(state, call.any_result())]
        if slot is not None and key is not None and life is Iterator.BROKEN:
            slot = state.slots[key] = replace(slot, broken=False, protected=False)
        if slot is not None and life is Iterator.ACTIVE:
            state.references.pop(slot.reference, None)
        elif slot is None:
            _forget_overwritten(call)
        if slot is None and key is not None and call.effects.iterator == "next":
            # Say it once: from here on the variable counts as an iterator.
            slot = state.slots[key] = Slot("iterator", kind)
    if key is None:
        return [(state, call.any_result())]
    if call.effects.iterator == "new":
        return _new(call, key, fact, kind)
    if call.effects.iterator == "destroy":
        if slot is not None:
            state.references.pop(slot.reference, None)
            del state.slots[key]
            call.invalidate(slot.reference, "released")
        return [(state, call.any_result())]
    return _next(call, key, fact, slot)


def _on_stack(call: Transfer) -> bool:
    """An iterator is a local variable: nothing else is taken for one; false after a fault."""
    value, fact = call.argument(0), call.fact(0)
    if isinstance(fact, Pointer):
        fine = fact.kind in ("stack", "opaque")
    else:
        life = call.evaluator.life(call.state, value)
        fine = life is Life.STOPPED or (life is Life.UNKNOWN and value != 0)
    if not fine:
        call.report(Fault.ITERATOR_NOT_STACK, {"var": call.name_of(0)})
    return fine


def _active(call: Transfer, key: tuple[int, int] | None, kind: str) -> Slot | None:
    slot = call.state.slots.get(key) if key is not None else None
    if slot is None or slot.what != "iterator" or slot.kind not in (kind, "lost"):
        return None
    return slot


def _in_use(call: Transfer, key: tuple[int, int]) -> bool:
    """Whether a new iterator cannot be here: not aligned, or where another one still is."""
    slots = call.state.slots
    touched = call.state.touched(*key, _size(call))
    return key[1] % UNIT != 0 or any(slots[other].what == "iterator" for other in touched)


def _size(call: Transfer) -> int:
    """Bytes of the iterator's struct, a unit of the stack when the source does not tell."""
    prototype = call.call.prototype
    target = prototype.params[0].target if prototype is not None and prototype.params else None
    return (target.size if target is not None else 0) or UNIT


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
    state.slots[key] = Slot("iterator", kind, reference, broken=broken, protected=protected, size=_size(call))
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
