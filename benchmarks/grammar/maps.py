"""Maps: lookups, kernel pointers in values, storage of objects, timers and work queues in values."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.objects import inner
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, Function, If, Line, lines


@production(5)
def lookup(m: Maker) -> Block:
    """A value is looked up."""
    key = m.local("u32", "at", "knob")
    name = m.pick(("counters", "tallies", "tallies", "percpu"))
    return taken(m, "counter", f"bpf_map_lookup_elem(&{name}, &{key})", (), lambda v: inner(m, v))


_KPTRS = {
    "task": ("task", "slots", "slot", "bpf_task_release(<>);"),
    "cgrp": ("cgrp", "slots", "slot", "bpf_cgroup_release(<>);"),
    "plain": ("plain", "slots", "slot", "bpf_obj_drop(<>);"),
    "mask": ("mask", "mslots", "mslot", "bpf_cpumask_release(<>);"),
    "crypto": ("crypto", "mslots", "mslot", "bpf_crypto_ctx_release(<>);"),
}
"""Short name of a type -> member, map, short name of the map's value, what gives it back."""
_NEEDED = {"task": "generic", "cgrp": "generic", "plain": "generic", "mask": "cpumask", "crypto": "syscall"}
_NEW = {
    "task": "bpf_task_from_pid(knob)",
    "cgrp": "bpf_cgroup_from_id(1)",
    "plain": "bpf_obj_new(struct plain)",
    "mask": "bpf_cpumask_create()",
}


def _slot(m: Maker, short: str) -> str:
    key = m.local("u32", "at", m.key())
    name = _KPTRS[short][1]
    return f"bpf_map_lookup_elem(&{m.pick((name, 'h' + name)) if name == 'slots' else name}, &{key})"


def _short(m: Maker) -> str:
    return m.pick([short for short, family in _NEEDED.items() if m.can(family)])


@production(5, "generic")
def taken_out(m: Maker) -> Block:
    """A pointer is taken out of a map."""
    short = _short(m)
    member, _, value, end = _KPTRS[short]

    def out(slot: Value) -> Block:
        return taken(m, short, f"bpf_kptr_xchg(&{slot.name}->{member}, NULL)", (end,), lambda v: inner(m, v))

    return taken(m, value, _slot(m, short), (), out)


@production(5, "generic")
def put_in(m: Maker) -> Block:
    """A reference is handed to a map; what was there comes back."""
    short = m.pick([word for word in _NEW if m.can(_NEEDED[word])])
    member, _, value, end = _KPTRS[short]
    fresh, old = m.variable(short), m.variable(short)

    def swap(slot: Value) -> Block:
        exchange = Line(f"{old} = bpf_kptr_xchg(&{slot.name}->{member}, {fresh});")
        return [exchange, If(old, lines(end.replace("<>", old)), [])]

    made: Block = [Line(f"{fresh} = {_NEW[short]};")]
    release = end.replace("<>", fresh)
    style = m.random.randrange(3)
    slot = Value(value, m.variable(value), "owned")
    look = Line(f"{slot.name} = {_slot(m, short)};")
    if style == 0:
        with m.holding(release):
            missing = m.leave()
        return [*made, If(f"!{fresh}", m.leave(), []), look, If(f"!{slot.name}", missing, []), *swap(slot)]
    if style == 1:
        return [look, *made, If(f"{fresh} && {slot.name}", swap(slot), [If(fresh, lines(release), [])])]
    return [look, If(slot.name, [*made, If(fresh, swap(slot), [])], [])]


@production(4, "generic")
def looked_at(m: Maker) -> Block:
    """A pointer in a map is used where it stands: RCU keeps it."""
    short = m.pick([word for word in ("task", "cgrp", "mask") if m.can(_NEEDED[word])])
    member, _, value, _ = _KPTRS[short]

    def look(slot: Value) -> Block:
        return taken(m, short, f"{slot.name}->{member}", (), lambda v: inner(m, v), "rcu")

    if m.in_rcu:
        return taken(m, value, _slot(m, short), (), look)
    if m.inside("callback"):
        return []
    with m.holding("bpf_rcu_read_unlock();", region="rcu"):
        made = taken(m, value, _slot(m, short), (), look)
    return [Line("bpf_rcu_read_lock();"), *made, Line("bpf_rcu_read_unlock();")]


@production(3, "tasks")
def storage(m: Maker) -> Block:
    """Storage that belongs to a task or a cgroup."""
    task, cgrp = m.find("task", "owned", "trusted", "rcu"), m.find("cgrp", "owned", "trusted", "rcu")
    flags = m.pick(("0", "BPF_LOCAL_STORAGE_GET_F_CREATE"))
    if cgrp is not None and m.chance(0.5):
        call = f"bpf_cgrp_storage_get(&of_cgrps, {cgrp.name}, NULL, {flags})"
    elif task is not None:
        call = f"bpf_task_storage_get(&of_tasks, {task.name}, NULL, {flags})"
    else:
        return []
    return taken(m, "counter", call, (), lambda v: inner(m, v))


@production(2, "special", outside="another")
def timer(m: Maker) -> Block:
    """A timer, and what it calls."""
    if m.function is not m.tree.main:
        return []
    name = m.number(f"expired_{m.tree.name}_")
    function = Function(f"static int {name}(void *map, u32 *key, struct timed *value)")
    m.tree.functions.insert(0, function)
    with m.another(function, "return 0;", "atomic", "async"):
        function.body = [*m.block(), Line("return 0;")]
    key = m.local("u32", "at", m.key())

    def start(value: Value) -> Block:
        timer = f"&{value.name}->timer"
        return lines(
            f"bpf_timer_init({timer}, &timers, 1);", f"bpf_timer_set_callback({timer}, {name});",
            f"bpf_timer_start({timer}, 1000, 0);",
        )  # fmt: skip

    return taken(m, "timed", f"bpf_map_lookup_elem(&timers, &{key})", (), start)


@production(2, "special", outside="another")
def work(m: Maker) -> Block:
    """Work for later, which may sleep."""
    if m.function is not m.tree.main:
        return []
    name = m.number(f"worked_{m.tree.name}_")
    function = Function(f"static int {name}(void *map, int *key, void *value)")
    m.tree.functions.insert(0, function)
    with m.another(function, "return 0;", "async", "deferred"):
        function.body = [*m.block(), Line("return 0;")]
    key = m.local("u32", "at", m.key())

    def start(value: Value) -> Block:
        work = f"&{value.name}->work"
        return lines(
            f"bpf_wq_init({work}, &works, 0);",
            f"bpf_wq_set_callback({work}, {name}, 0);",
            f"bpf_wq_start({work}, 0);",
        )

    return taken(m, "queued", f"bpf_map_lookup_elem(&works, &{key})", (), start)
