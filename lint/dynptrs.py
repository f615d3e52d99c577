"""Dynptrs and their slices (CONTRACT 4.I).

Sources: process_dynptr_func(), mark_stack_slots_dynptr(), unmark_stack_slots_dynptr(), clear_all_pkt_pointers(),
check_func_arg(), check_kfunc_call() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.machine import DYNPTR, Dynptr, DynptrUse, Fault, Life
from kfuncgen.lint.run import Run
from kfuncgen.lint.stack import Where, end_data, refuse_overwrite
from kfuncgen.lint.state import UNIT, Reference, Slot, State
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import Pointer, Ref, Value, dead
from kfuncgen.records import replace
from kfuncgen.spec.model import Param, Role
from kfuncgen.spec.trust import PACKET_WRITERS

DYNPTR_SIZE = 16
"""sizeof(struct bpf_dynptr)."""

PACKET_KINDS = ("dynptr-from-skb", "dynptr-from-skb-meta", "dynptr-from-xdp")
"""Dynptrs over packets: their slices die when the packet changes."""

_MOVED_BY_WRITE = ("dynptr-from-skb", "dynptr-from-skb-meta")
"""bpf_dynptr_write() to these may move the packet; XDP's writes in place."""


def dynptrs(call: Transfer) -> None:
    """Initialise, use and release the dynptrs among the arguments; what the call does to slices."""
    if "dynptr-from-mem" in call.special:
        _check_source(call)
    for index, param in enumerate(call.contract.params):
        if param.role is Role.DYNPTR and index < len(call.args):
            _dynptr(call, index, param)
    if "dynptr-slice-rdwr" in call.special:
        _check_writable(call)
    if "packet-changing" in call.special:
        change_packet(call.state, call.name, call.site)
    if "dynptr-write" in call.special:
        slot = call.slot(0)
        if slot is not None and slot.kind in _MOVED_BY_WRITE:
            change_packet(call.state, call.name, call.site)


def change_packet(state: State, by: str, site: int) -> None:
    """The packet's memory may have moved: all slices of it are gone, the dynptrs stay (CONTRACT 4.I)."""
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.packet:
            state.facts[identifier] = dead("stale", fact, by, site)


def _check_source(call: Transfer) -> None:
    """bpf_dynptr_from_mem() takes map values and global data."""
    fact = call.fact(0)
    if not isinstance(fact, Pointer) or fact.kind in ("opaque", "function") or fact.null:
        return
    if fact.kind != "map-value":
        words = {"var": call.name_of(0)}
        call.report(Fault.DYNPTR_SOURCE, words, site=fact.site)


def _check_writable(call: Transfer) -> None:
    info = call.run.program.info
    if info is None or info.program_type == "BPF_PROG_TYPE_EXT" or info.program_type in PACKET_WRITERS:
        return
    call.report(Fault.DYNPTR_WRITE_NOT_ALLOWED, {"section": info.section})


def _use(call: Transfer, param: Param) -> DynptrUse:
    if param.uninit:
        return DynptrUse.INITIALISE
    return DynptrUse.RELEASE if _released(call) else DynptrUse.READ


_HELD = {"dynptr-release-ringbuf": "dynptr-from-ringbuf", "dynptr-release-file": "dynptr-from-file"}
"""What releases a dynptr, and what it must be from (DYNPTR_TYPE_RINGBUF, DYNPTR_TYPE_FILE of 6.19)."""


def _released(call: Transfer) -> str:
    """The kind of dynptr that the call releases, "" when none."""
    return next((kind for word, kind in _HELD.items() if word in call.special), "")


def _dynptr(call: Transfer, index: int, param: Param) -> None:
    value, fact, state = call.argument(index), call.fact(index), call.state
    use = _use(call, param)
    words = {"var": call.name_of(index), "number": str(index + 1)}
    if not isinstance(fact, Pointer):
        if call.evaluator.life(state, value) is Life.NULL and not param.nullable:
            call.report(Fault.DYNPTR_NOT_STACK, {**words, "how": "elsewhere"})
        return
    if fact.kind == "opaque":
        return
    if fact.kind == "dynptr":
        how = constant_misuse(value, use)
        if how:
            call.report(Fault.DYNPTR_CONST, {**words, "how": how}, site=fact.site)
        return
    if fact.kind != "stack":
        call.report(Fault.DYNPTR_NOT_STACK, {**words, "how": "elsewhere"})
        return
    key = call.memory(index)
    words["var"] = fact.origin
    if key is None or key[1] % UNIT:
        how = "index" if key is None else "alignment"
        fault = Fault.DYNPTR_NOT_STACK if use is DynptrUse.INITIALISE else Fault.DYNPTR_UNINIT
        call.report(fault, {**words, "how": how})
        return
    slot = state.slots.get(key)
    if slot is not None and slot.what != "dynptr":
        slot = None
    if slot is not None and slot.kind == "lost":
        return
    if use is DynptrUse.INITIALISE:
        _initialise(call, key, fact, slot)
        return
    error = DYNPTR[_life(slot), use]
    if use is DynptrUse.RELEASE and error is None and slot is not None and slot.kind != _released(call):
        error = Fault.RELEASE_UNACQUIRED
    if error is not None:
        subject = slot.reference if slot is not None else 0
        call.report(error, {**words, "by": slot.ended if slot is not None else ""}, subject)
        # Say it once: from here on nothing is said of the variable.
        kept = replace(slot, reference=0, kind="lost") if slot is not None else Slot("dynptr", "lost")
        state.references.pop(subject, None)
        state.slots[key] = replace(kept, size=DYNPTR_SIZE, identity=kept.identity or call.run.fresh())
    elif use is DynptrUse.RELEASE and slot is not None:
        _release(call, fact, slot)


def constant_misuse(value: Value, use: DynptrUse) -> str:
    """What is wrong with a use of the dynptr that a callback or global function was given; "" = nothing."""
    if not isinstance(value, Ref) or value.offset != 0:
        return "moved"
    return {DynptrUse.INITIALISE: "initialised", DynptrUse.RELEASE: "released", DynptrUse.READ: ""}[use]


def _life(slot: Slot | None) -> Dynptr:
    if slot is None:
        return Dynptr.NONE
    if slot.ended:
        return Dynptr.RELEASED
    return Dynptr.HELD if slot.reference else Dynptr.BORROWED


def _release(call: Transfer, fact: Pointer, slot: Slot) -> None:
    """Submit or discard: the record goes with all clones and with what bpf_dynptr_data() gave.

    Slices stay pointers for the verifier (they carry no reference): using them is no error, but wrong.
    """
    state = call.state
    state.references.pop(slot.reference, None)
    state.step("release", call.call.span, f"dynptr '{fact.origin}' released here", slot.reference)
    for other, clone in list(state.slots.items()):
        if clone.reference != slot.reference:
            continue
        state.slots[other] = replace(clone, ended=call.name)
        end_data(state, clone, call.name, call.site)
        for identifier, piece in list(state.facts.items()):
            if isinstance(piece, Pointer) and piece.parent == clone.identity and not piece.null:
                state.facts[identifier] = dead("submitted", piece, call.name, call.site)


def _initialise(call: Transfer, key: tuple[int, int], fact: Pointer, old: Slot | None) -> None:
    """A dynptr comes to be in a local variable; the ones that stood there are destroyed."""
    state = call.state
    cloning = "dynptr-clone" in call.special
    source, given = (call.slot(0), call.fact(0)) if cloning else (None, None)
    where = Where(call.run, call.call.span, call.evaluator.function.name, call.name, call.site)
    for other in state.touched(*key, DYNPTR_SIZE):
        slot = state.slots[other]
        if slot.what != "dynptr":
            continue
        if _life(slot) is Dynptr.HELD:
            state.slots[other] = refuse_overwrite(where, state, slot, "again" if slot is old else "overlap")
            return
        end_data(state, slot, call.name, call.site)
    state.fill(key[0], key[1], DYNPTR_SIZE, "unknown", fact.size or DYNPTR_SIZE)
    reference = 0
    kind = next((s for s in sorted(call.special) if s.startswith("dynptr-from-")), "")
    if kind in _HELD.values():
        reference = call.run.fresh()
        state.references[reference] = Reference(call.site, call.name, 0, "dynptr", call.evaluator.callback)
        call.run.names[reference] = fact.origin or "dynptr"
        how = "reserved" if kind == "dynptr-from-ringbuf" else "created"
        state.step("acquire", call.call.span, f"dynptr '{fact.origin}' {how} here", reference)
    elif source is not None:
        reference, kind = source.reference, source.kind
    elif isinstance(given, Pointer) and given.kind == "dynptr":
        kind = "dynptr-from-mem"
    identity = call.run.fresh()
    call.run.names.setdefault(identity, fact.origin or "dynptr")
    state.slots[key] = Slot("dynptr", kind, reference, identity=identity, size=DYNPTR_SIZE)


def check_lent(run: Run, state: State, call: ir.Call, function: str, value: Value, words: dict[str, str]) -> bool:
    """The argument of a global function's `struct bpf_dynptr *` parameter: an initialised dynptr at its start
    (btf_check_func_arg_match() and process_dynptr_func()); false after a fault."""
    fact = state.fact(value)
    fault: Fault | None = None
    if not isinstance(fact, Pointer):
        fault = Fault.DYNPTR_NOT_STACK if fact.known == 0 else None
    elif fact.kind == "dynptr":
        how = constant_misuse(value, DynptrUse.READ)
        fault, words = (Fault.DYNPTR_CONST if how else None), {**words, "how": how}
    elif fact.kind == "stack" and fact.region is not None and isinstance(value, Ref):
        slot = state.slots.get((fact.region, value.offset)) if value.offset is not None else None
        if slot is not None and slot.kind == "lost":
            return True
        if slot is None or slot.what != "dynptr" or slot.ended:
            fault = Fault.DYNPTR_UNINIT
            words = {**words, "by": slot.ended if slot is not None else ""}
    elif fact.kind != "opaque":
        fault = Fault.DYNPTR_NOT_STACK
    if fault is None:
        return True
    words = {"how": "elsewhere", "var": run.name_of(value), **words}
    if isinstance(fact, Pointer) and fact.kind == "stack":
        words["var"] = fact.origin
    run.report(state, fault, call.span, function, words=words)
    return False
