"""RCU, preemption, interrupts, locks: what they forbid, and that they balance (CONTRACT 4.F, 4.G, 4.A)."""

from __future__ import annotations

from dataclasses import replace

from kfuncgen.diagnostic import Span
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import Pointer, Scalar, dead

RCU, PREEMPT, IRQ, LOCK = -1, -2, -3, -4
"""Subjects of paths that are about a region; values have positive ids."""

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
    if "throw" in call.special and (call.evaluator.callback or call.run.program.kind == "async"):
        call.report(Fault.THROW_IN_CALLBACK)
        return True
    if state.locks and not call.special & _UNDER_LOCK:
        less = call.evaluator.less
        fault = Fault.RBTREE_CALLBACK if less else Fault.CALL_UNDER_LOCK
        call.report(fault, {"what": f"{call.name}()"}, 0 if less else LOCK)
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
    key = _flag(call)
    if key is None:
        return
    if key in call.state.irq:
        call.report(Fault.IRQ_UNBALANCED, {"how": "saved twice"}, IRQ)
    call.state.irq = (*call.state.irq, key)
    call.state.step("region", call.call.span, "interrupts disabled here", IRQ)


def _irq_restore(call: Transfer) -> None:
    state, key = call.state, _flag(call)
    if key is None:
        return
    if key not in state.irq:
        call.report(Fault.IRQ_UNBALANCED, {"how": "unmatched"})
        return
    if state.irq[-1] != key:
        call.report(Fault.IRQ_UNBALANCED, {"how": "out of order"}, IRQ)
    last = len(state.irq) - 1 - state.irq[::-1].index(key)
    state.irq = state.irq[:last] + state.irq[last + 1 :]


def _flag(call: Transfer) -> int | None:
    """The saved flags' variable as a number, None when the argument is none on the stack."""
    key, fact = call.memory(0), call.fact(0)
    if isinstance(fact, Pointer) and fact.kind != "stack":
        if "irq-save" in call.special:
            call.report(Fault.IRQ_UNBALANCED, {"how": "place"})
        return None
    return key[0] * 4096 + key[1] if key is not None else None


def _spin_lock(call: Transfer) -> None:
    call.state.locks = (*call.state.locks, call.argument(0))
    call.state.step("region", call.call.span, "lock taken here", LOCK)


def _spin_unlock(call: Transfer) -> None:
    """Identity of a lock is the value it was reached through (CONTRACT section 1; process_spin_lock())."""
    state = call.state
    if not state.locks:
        call.report(Fault.LOCK_UNBALANCED, {"how": "unmatched"})
        return
    if state.locks[-1] != call.argument(0):
        call.report(Fault.LOCK_UNBALANCED, {"how": "other"}, LOCK)
    state.locks = state.locks[:-1]
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.non_owning:
            state.facts[identifier] = dead("unlocked", fact, call.name, call.site)


_SWITCHES = {
    "rcu-lock": _rcu_lock,
    "rcu-unlock": _rcu_unlock,
    "preempt-disable": _preempt_disable,
    "preempt-enable": _preempt_enable,
    "irq-save": _irq_save,
    "irq-restore": _irq_restore,
    "spin-lock": _spin_lock,
    "spin-unlock": _spin_unlock,
    "res-spin-unlock": _spin_unlock,
    "res-spin-unlock-irqrestore": _spin_unlock,
}


def try_lock(call: Transfer) -> Outcome:
    """bpf_res_spin_lock() may fail: with 0 the lock is held, with an error it is not (CONTRACT 4.F)."""
    failed = call.state.copy()
    _spin_lock(call)
    return [(call.state, 0), (failed, call.run.new(failed, Scalar(-4095, -1)))]


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
    for fault, held, subject in (
        (Fault.LOCK_UNBALANCED, state.locks, LOCK),
        (Fault.IRQ_UNBALANCED, state.irq, IRQ),
        (Fault.RCU_UNBALANCED, state.rcu, RCU),
        (Fault.PREEMPT_UNBALANCED, state.preempt, PREEMPT),
    ):
        if held:
            run.report(state, fault, span, function, subject, words={"how": "exit"})
            return
