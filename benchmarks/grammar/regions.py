"""Regions: RCU, preemption, interrupts, locks; what may sleep; leaving the program from the middle."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, If, Line, lines


def _region(m: Maker, begin: str, end: str, name: str) -> Block:
    with m.holding(end, region=name):
        made = m.block()
    return [*lines(begin), *made, *lines(end)]


@production(5, outside="rcu")
def rcu(m: Maker) -> Block:
    """Read-side critical section of RCU."""
    return _region(m, "bpf_rcu_read_lock();", "bpf_rcu_read_unlock();", "rcu")


@production(3)
def preempt(m: Maker) -> Block:
    """Without preemption; this nests."""
    return _region(m, "bpf_preempt_disable();", "bpf_preempt_enable();", "preempt")


@production(3)
def interrupts(m: Maker) -> Block:
    """Without interrupts."""
    flags = m.local("unsigned long", "flags")
    return _region(m, f"bpf_local_irq_save(&{flags});", f"bpf_local_irq_restore(&{flags});", "irq")


@production(4, "special")
def spin_lock(m: Maker) -> Block:
    """A spin lock in a map's value."""
    key = m.local("u32", "at", m.key())

    def locked(value: Value) -> Block:
        lock = f"&{value.name}->lock"
        with m.holding(f"bpf_spin_unlock({lock});", region="lock"):
            made = [*lines(m.pick((f"{value.name}->n++;", f"sink = {value.name}->n;"))), *m.block(1)]
        return [*lines(f"bpf_spin_lock({lock});"), *made, *lines(f"bpf_spin_unlock({lock});")]

    return taken(m, "guard", f"bpf_map_lookup_elem(&{m.pick(('guards', 'hguards'))}, &{key})", (), locked)


@production(2, "special")
def global_lock(m: Maker) -> Block:
    """A spin lock in a section of globals."""
    lock = m.pick(("&lock_a", "&lock_b"))
    with m.holding(f"bpf_spin_unlock({lock});", region="lock"):
        made = m.block()
    return [*lines(f"bpf_spin_lock({lock});"), *made, *lines(f"bpf_spin_unlock({lock});")]


@production(3, "special")
def res_lock(m: Maker) -> Block:
    """A lock that may be refused."""
    key = m.local("u32", "at", m.key())
    flags = m.local("unsigned long", "flags") if m.chance(0.4) else ""
    more, suffix = (f", &{flags}", "_irqsave") if flags else ("", "")

    def locked(value: Value) -> Block:
        lock = f"&{value.name}->lock{more}"
        end = f"bpf_res_spin_unlock{'_irqrestore' if flags else ''}({lock});"
        call = f"bpf_res_spin_lock{suffix}({lock})"
        style = m.random.randrange(3)
        leaving = m.leave() if style == 0 else []
        with m.holding(end, region="lock"):
            made = [*lines(f"{value.name}->n++;"), *m.block(1), *lines(end)]
        if style == 0:
            return [If(call, leaving, []), *made]
        if style == 1:
            return [If(f"!{call}", made, [])]
        error = m.local("int", "err", "0")
        return [Line(f"{error} = {call};"), If(m.pick((f"{error} == 0", f"!{error}")), made, [])]

    return taken(m, "resguard", f"bpf_map_lookup_elem(&resguards, &{key})", (), locked)


@production(3)
def sleeping(m: Maker) -> Block:
    """A call that may sleep."""
    if not m.sleeps:
        return []
    room = m.local("char", "text")
    m.function.variables[-1] = f"char {room}[16];"
    texts = (
        f"sink = bpf_copy_from_user_str({room}, sizeof({room}), (void *)(long)knob, 0);",
        f"sink = bpf_copy_from_user({room}, sizeof({room}), (void *)(long)knob);",
        "sink = bpf_copy_from_user_str(bytes, sizeof(bytes), (void *)(long)knob, 0);",
    )
    return lines(m.pick(texts))


@production(1, "generic", outside="callback")
def throw(m: Maker) -> Block:
    """An exception, where nothing is held."""
    if m.held or m.regions or m.function is not m.tree.main:
        return []
    return [If(m.condition(), lines("bpf_throw(0);"), [])]


@production(1, "packet", outside="callback")
def tail_call(m: Maker) -> Block:
    """A tail call, where nothing is held."""
    if m.held or m.inside("rcu", "preempt", "irq", "lock") or m.function is not m.tree.main:
        return []
    return lines("bpf_tail_call(ctx, &others, knob);")
