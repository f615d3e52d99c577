"""RCU, preemption, interrupts, locks: what they forbid, and that they balance (CONTRACT 4.F, 4.G, 4.A)."""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.exceptions import callback_names
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.returns import check_return
from kfuncgen.lint.run import Run
from kfuncgen.lint.stack import silence
from kfuncgen.lint.state import UNIT, Lock, LockKind, Slot, State
from kfuncgen.lint.targets import RCU_CHECKED_AT_NEW
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import Pointer, Scalar, dead
from kfuncgen.records import replace
from kfuncgen.spec.progtypes import return_range

RCU, PREEMPT, IRQ, LOCK = -1, -2, -3, -4
"""Subjects of paths that are about a region; values have positive ids."""

MAX_ERRNO = 4095

_UNDER_LOCK = frozenset(
    ("spin-unlock", "allowed-under-lock", "list-push", "list-pop", "list-peek", "rbtree-add", "rbtree-remove",
     "rbtree-first", "rbtree-peek", "refcount-acquire", "res-spin-lock", "res-spin-unlock",
     "res-spin-lock-irqsave", "res-spin-unlock-irqrestore")
)  # fmt: skip


_NOT_IN_LESS = frozenset(("spin-lock", "spin-unlock", "rbtree-remove", "rbtree-peek"))
"""What the `less` callback of bpf_rbtree_add() may not do although a lock is held (CONTRACT 4.E)."""


def may_be_called(call: Transfer) -> bool:
    """Whether the context allows the call at all: not under a lock, and sleeping calls in sleepable programs."""
    state = call.state
    if call.evaluator.less and call.special & _NOT_IN_LESS:
        call.report(Fault.RBTREE_CALLBACK)
        return False
    if state.locks and not call.special & _UNDER_LOCK:
        less = call.evaluator.less
        fault = Fault.RBTREE_CALLBACK if less else Fault.CALL_UNDER_LOCK
        call.report(fault, {"what": f"{call.name}()"}, 0 if less else LOCK)
        return True
    if call.effects.rcu_protected and not call.effects.iterator and not call.run.in_rcu(state):
        # Iterators are their constructor's business (iterators.py), which older kernels check at the first step.
        if call.run.kernel >= RCU_CHECKED_AT_NEW:
            call.report(Fault.ITERATOR_RCU, {"how": "call"})
        return True
    if not call.effects.sleepable:
        return True
    program = call.run.program
    if not call.run.sleepable and (program.info is not None or program.kind == "async"):
        call.report(Fault.SLEEPABLE_PROGRAM, {"section": program.section, "kind": program.kind})
        return False
    where, region = atomic_region(state)
    if where:
        call.report(Fault.SLEEPABLE_IN_ATOMIC, {"where": where}, region)
    return True


def atomic_region(state: State) -> tuple[str, int]:
    """The region that forbids sleeping, in words, and as subject of a path; ("", 0) outside of any."""
    if state.rcu:
        return "an RCU read lock is held", RCU
    if state.preempt:
        return "preemption is disabled", PREEMPT
    if state.irq:
        return "interrupts are disabled", IRQ
    return "", 0


def switch(call: Transfer) -> None:
    """Enter or leave a region."""
    for word, action in _SWITCHES.items():
        if word in call.special:
            action(call)


def _rcu_lock(call: Transfer) -> None:
    state = call.state
    if state.rcu:
        # Nesting is refused up to 6.18 (CONTRACT section 8).
        call.report(Fault.RCU_UNBALANCED, {"how": "nested"}, RCU)
    call.state.step("region", call.call.span, "RCU read lock taken here", RCU)
    state.rcu += 1


def _rcu_unlock(call: Transfer) -> None:
    state = call.state
    if not state.rcu:
        call.report(Fault.RCU_UNBALANCED, {"how": "unmatched"})
        return
    state.rcu -= 1
    if state.rcu:
        return
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.trust == "rcu" and not fact.reference:
            state.facts[identifier] = replace(fact, trust="untrusted", null=False)
    for key, slot in list(state.slots.items()):
        if slot.what == "iterator" and slot.protected:
            state.slots[key] = replace(slot, broken=True)


def _preempt_disable(call: Transfer) -> None:
    call.state.preempt += 1
    call.state.step("region", call.call.span, "preemption disabled here", PREEMPT)


def _preempt_enable(call: Transfer) -> None:
    if not call.state.preempt:
        call.report(Fault.PREEMPT_UNBALANCED, {"how": "unmatched"})
        return
    call.state.preempt -= 1


def _irq_save(call: Transfer) -> None:
    _save_flags(call, 0, "native")


def _irq_restore(call: Transfer) -> None:
    _restore_flags(call, 0, "native")


def _save_flags(call: Transfer, index: int, kind: str) -> None:
    """Interrupts are off from here on; the flags' variable says so (mark_stack_slot_irq_flag())."""
    state, key = call.state, _flag(call, index)
    if key is None:
        return
    slot = state.slots.get(key)
    if slot is not None and slot.kind == "lost":
        return
    if any(state.slots[k].what == "irq" for k in state.touched(*key, UNIT)):
        call.report(Fault.IRQ_UNBALANCED, {"how": "saved twice"}, IRQ)
        for touched in state.touched(*key, UNIT):
            silence(state, touched)
        return
    identity = call.run.fresh()
    fact = call.fact(index)
    state.fill(key[0], key[1], UNIT, "unknown", fact.size or UNIT if isinstance(fact, Pointer) else UNIT)
    state.slots[key] = Slot("irq", kind, identity=identity)
    state.irq = (*state.irq, identity)
    call.run.names[identity] = fact.origin if isinstance(fact, Pointer) else "flags"
    state.step("region", call.call.span, "interrupts disabled here", IRQ)


def _restore_flags(call: Transfer, index: int, kind: str) -> None:
    """Interrupts are as they were at the save of this variable, which must be the latest one
    (unmark_stack_slot_irq_flag(), release_irq_state())."""
    state, key = call.state, _flag(call, index)
    if key is None:
        return
    slot = state.slots.get(key)
    if slot is not None and slot.kind == "lost":
        return
    how = ""
    if slot is None or slot.what != "irq":
        how = "unmatched"
    elif slot.kind != kind:
        how = kind
    elif not state.irq or state.irq[-1] != slot.identity:
        how = "out of order"
    if how:
        call.report(Fault.IRQ_UNBALANCED, {"how": how}, IRQ)
        _forget_flags(state)
        return
    del state.slots[key]
    state.irq = state.irq[:-1]


def _forget_flags(state: State) -> None:
    """What was meant is not known: nothing more is said of saved flags on this path."""
    for key, flags in list(state.slots.items()):
        if flags.what == "irq":
            silence(state, key)
    state.irq = ()


def _flag(call: Transfer, index: int) -> tuple[int, int] | None:
    """Where the variable of saved flags is, None when the argument is none that flags can be saved in."""
    key, fact = call.memory(index), call.fact(index)
    if isinstance(fact, Pointer) and fact.kind not in ("stack", "opaque"):
        if f"flags {fact.origin}" not in call.run.refused:
            call.run.refused.add(f"flags {fact.origin}")
            call.report(Fault.IRQ_UNBALANCED, {"how": "place"})
        return None
    if isinstance(fact, Pointer) and fact.kind == "stack" and (key is None or key[1] % UNIT):
        call.report(Fault.IRQ_UNBALANCED, {"how": "alignment"})
        return None
    return key


def _spin_lock(call: Transfer) -> None:
    _take(call, "spin")


def _take(call: Transfer, kind: LockKind) -> None:
    call.state.locks = (*call.state.locks, Lock(call.argument(0), kind))
    call.state.step("region", call.call.span, "lock taken here", LOCK)


def _spin_unlock(call: Transfer) -> None:
    _release_lock(call, "spin", Fault.LOCK_UNBALANCED)


def _res_unlock(call: Transfer) -> None:
    _release_lock(call, "res", Fault.RES_LOCK)


def _res_unlock_irq(call: Transfer) -> None:
    if _release_lock(call, "res-irq", Fault.RES_LOCK):
        _restore_flags(call, 1, "lock")


def _release_lock(call: Transfer, kind: LockKind, fault: Fault) -> bool:
    """Identity of a lock is the value it was reached through (CONTRACT section 1; process_spin_lock()); false when
    nothing like it was taken."""
    state = call.state
    if not state.locks:
        call.report(fault, {"how": "unmatched"})
        return False
    known = True
    lock = Lock(call.argument(0), kind)
    if lock not in state.locks:
        how = "kind" if any(lock.value == held.value for held in state.locks) else "other"
        call.report(fault, {"how": how}, LOCK)
        known = False
        if how == "other":
            state.locks = state.locks[:-1]
        elif kind != "res-irq":
            _forget_flags(state)
    elif state.locks[-1] != lock:
        call.report(fault, {"how": "out of order"}, LOCK)
    state.locks = tuple(held for held in state.locks if held.value != lock.value)
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.non_owning:
            state.facts[identifier] = dead("unlocked", fact, call.name, call.site)
    return known


_SWITCHES = {
    "rcu-lock": _rcu_lock,
    "rcu-unlock": _rcu_unlock,
    "preempt-disable": _preempt_disable,
    "preempt-enable": _preempt_enable,
    "irq-save": _irq_save,
    "irq-restore": _irq_restore,
    "spin-lock": _spin_lock,
    "spin-unlock": _spin_unlock,
    "res-spin-unlock": _res_unlock,
    "res-spin-unlock-irqrestore": _res_unlock_irq,
}


def try_lock(call: Transfer) -> Outcome:
    """bpf_res_spin_lock() may fail: with 0 the lock is held, with an error it is not (CONTRACT 4.F)."""
    state = call.state
    failed = state.copy()
    irq = "res-spin-lock-irqsave" in call.special
    if any(lock.value == call.argument(0) and lock.kind != "spin" for lock in state.locks):
        call.report(Fault.RES_LOCK, {"how": "same"}, LOCK)
        return [(failed, call.run.new(failed, Scalar(-MAX_ERRNO, -1)))]
    _take(call, "res-irq" if irq else "res")
    if irq:
        _save_flags(call, 1, "lock")
    return [(state, 0), (failed, call.run.new(failed, Scalar(-MAX_ERRNO, -1)))]


def leave_for_good(call: Transfer) -> None:
    """bpf_throw() and bpf_tail_call(): nothing may be held when they are reached (CONTRACT 3.2)."""
    state = call.state
    what = ""
    site = subject = 0
    held = list(state.references.items())
    if held:
        identifier, reference = held[0]
        site, subject = reference.site, reference.holder or identifier
        what = f"'{call.run.called(subject) or 'a reference'}' from {reference.kfunc}() is held"
    elif state.locks:
        what, subject = "a bpf_spin_lock is held", LOCK
    else:
        what, subject = atomic_region(state)
    if what:
        call.report(Fault.THROW_WITH_RESOURCES, {"what": what}, subject, site)
        state.references.clear()
    elif "throw" in call.special:
        _check_cookie(call)


def _check_cookie(call: Transfer) -> None:
    """Without an exception callback the cookie is what the program returns (check_return_code())."""
    run = call.run
    info = run.program.info
    allowed = return_range(info) if info is not None and run.program.kind == "main" else None
    if allowed is not None and not callback_names(run.program.function):
        check_return(
            run, call.state, call.argument(0), allowed, "cookie", call.call.span, call.evaluator.function.name,
            call.name,
        )  # fmt: skip


def check_exit(run: Run, state: State, span: Span, function: str) -> None:
    """A program ends: references first, then locks and regions, as check_resource_leak() does."""
    for identifier, reference in sorted(state.references.items()):
        holder = reference.holder or identifier
        name = run.called(holder)
        words = {
            "kfunc": reference.kfunc, "var": name or "the result", "acquire": reference.kfunc,
            "kind": reference.kind,
        }  # fmt: skip
        if reference.release:
            words["release"] = reference.release
        run.report(state, Fault.LEAK, span, function, holder, reference.site, words)
    if state.references:
        return
    lock = "bpf_res_spin_lock" if state.locks and state.locks[-1].kind != "spin" else "bpf_spin_lock"
    for fault, held, subject in (
        (Fault.LOCK_UNBALANCED, state.locks, LOCK),
        (Fault.IRQ_UNBALANCED, state.irq, IRQ),
        (Fault.RCU_UNBALANCED, state.rcu, RCU),
        (Fault.PREEMPT_UNBALANCED, state.preempt, PREEMPT),
    ):
        if held:
            run.report(state, fault, span, function, subject, words={"how": "exit", "lock": lock})
            return
