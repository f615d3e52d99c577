"""Allocated objects: owned alone, in lists and trees, with several owners, one for each CPU."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.objects import inner
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, If, Line, Loop, lines

_DROP = ("bpf_obj_drop(<>);",)


def _allocated(short: str) -> str:
    return f"bpf_obj_new(struct {short})"


@production(4, "generic")
def alone(m: Maker) -> Block:
    """An object that nobody else sees."""
    short = m.pick(("plain", "plain", "item", "leaf", "shared"))
    return taken(m, short, _allocated(short), _DROP, lambda v: inner(m, v))


@production(5, "graph")
def pushed(m: Maker) -> Block:
    """An object is put into a list under its lock."""
    short = m.pick(("item", "shared"))
    head = f"&{short}{'s' if short == 'item' else ''}_a"
    push = m.pick(("bpf_list_push_front", "bpf_list_push_back"))

    def into(value: Value) -> Block:
        made: Block = lines(f"{value.name}->key = knob;")
        made += [*lines("bpf_spin_lock(&lock_a);"), Line(f"{push}({head}, &{value.name}->node);")]
        with m.holding("bpf_spin_unlock(&lock_a);", region="lock"):
            if m.chance(0.4):
                made += lines(f"sink = {value.name}->key;")
            if m.chance(0.2):
                made += m.block(1)
        return [*made, *lines("bpf_spin_unlock(&lock_a);")]

    return taken(m, short, _allocated(short), (), into)


@production(5, "graph")
def popped(m: Maker) -> Block:
    """An object is taken out of a list."""
    short = m.pick(("item", "shared"))
    head = f"&{short}{'s' if short == 'item' else ''}_a"
    pop = m.pick(("bpf_list_pop_front", "bpf_list_pop_back"))
    node, name = m.variable("lnode"), m.variable(short)
    made = lines("bpf_spin_lock(&lock_a);", f"{node} = {pop}({head});", "bpf_spin_unlock(&lock_a);")
    get = Line(f"{name} = container_of({node}, struct {short}, node);")
    drop = f"bpf_obj_drop({name});"
    early = m.leave() if m.chance(0.4) else []
    with m.holding(drop, value=Value(short, name, "owned")):
        inside = [get, *inner(m, Value(short, name, "owned")), *lines(drop)]
    return [*made, If(f"!{node}", early, []), *inside] if early else [*made, If(node, inside, [])]


@production(5, "graph")
def added(m: Maker) -> Block:
    """An object is put into a tree under its lock."""
    short, root, member, less = m.pick(
        (("leaf", "leaves_b", "node", "leaf_less"), ("shared", "shared_b", "leaf", "shared_less"))
    )

    def into(value: Value) -> Block:
        made: Block = lines(f"{value.name}->key = knob;", "bpf_spin_lock(&lock_b);")
        made += lines(f"bpf_rbtree_add(&{root}, &{value.name}->{member}, {less});")
        if m.chance(0.4):
            made += lines(f"sink = {value.name}->key;")
        return [*made, *lines("bpf_spin_unlock(&lock_b);")]

    return taken(m, short, _allocated(short), (), into)


@production(5, "graph")
def removed(m: Maker) -> Block:
    """The first node of a tree is read, or taken out."""
    short, root, member = m.pick((("leaf", "leaves_b", "node"), ("shared", "shared_b", "leaf")))
    first, out, name = m.variable("rnode"), m.variable("rnode"), m.variable(short)
    peek = m.pick(("bpf_rbtree_first", "bpf_rbtree_root"))
    read = lines(f"sink = container_of({first}, struct {short}, {member})->key;") if m.chance(0.5) else []
    unlock = "bpf_spin_unlock(&lock_b);"
    begin: Block = [*lines("bpf_spin_lock(&lock_b);"), Line(f"{first} = {peek}(&{root});")]
    if m.chance(0.3):
        return [*begin, If(first, read, []), *lines(unlock)] if read else [*begin, *lines(unlock)]
    if m.chance(0.5):
        begin += [If(f"!{first}", [*lines(unlock), *m.leave()], []), *read]
        begin += lines(f"{out} = bpf_rbtree_remove(&{root}, {first});", unlock)
    else:
        begin += [If(first, [*read, Line(f"{out} = bpf_rbtree_remove(&{root}, {first});")], []), *lines(unlock)]
    drop = f"bpf_obj_drop({name});"
    with m.holding(drop, value=Value(short, name, "owned")):
        get = Line(f"{name} = container_of({out}, struct {short}, {member});")
        inside = [get, *inner(m, Value(short, name, "owned")), *lines(drop)]
    return [*begin, If(out, inside, [])]


@production(2, "graph")
def peeked(m: Maker) -> Block:
    """The first or last object of a list is read under the lock."""
    node = m.variable("lnode")
    peek = m.pick(("bpf_list_front", "bpf_list_back"))
    short, head = m.pick((("item", "&items_a"), ("shared", "&shared_a")))
    read = lines(f"sink = container_of({node}, struct {short}, node)->key;")
    return [*lines("bpf_spin_lock(&lock_a);", f"{node} = {peek}({head});"), If(node, read, []),
            *lines("bpf_spin_unlock(&lock_a);")]  # fmt: skip


@production(3, "graph")
def two_owners(m: Maker) -> Block:
    """An object with a count of owners: in a tree, and kept besides."""

    def owned(value: Value) -> Block:
        other = m.variable("shared")
        made: Block = lines(f"{other} = bpf_refcount_acquire({value.name});")
        into = lines(
            "bpf_spin_lock(&lock_b);", f"bpf_rbtree_add(&shared_b, &{value.name}->leaf, shared_less);",
            "bpf_spin_unlock(&lock_b);",
        )  # fmt: skip
        kept = lines(f"sink = {other}->key;", f"bpf_obj_drop({other});")
        return [*made, *into, *kept]

    return taken(m, "shared", _allocated("shared"), (), owned)


@production(2, "graph")
def in_a_map(m: Maker) -> Block:
    """A list in a map's value, under the value's own lock."""
    key = m.local("u32", "at", m.key())

    def with_guard(guard: Value) -> Block:
        name = m.variable("item")
        lock, head = f"{guard.name}->lock", f"{guard.name}->items"
        new = [Line(f"{name} = {_allocated('item')};")]
        push = lines(
            f"bpf_spin_lock(&{lock});",
            f"bpf_list_push_front(&{head}, &{name}->node);",
            f"bpf_spin_unlock(&{lock});",
        )
        return [*new, If(name, push, [])]

    return taken(m, "guard", f"bpf_map_lookup_elem(&{m.pick(('guards', 'hguards'))}, &{key})", (), with_guard)


@production(3, "generic")
def percpu(m: Maker) -> Block:
    """An object for each CPU: it is kept in a map, and reached there under RCU."""
    fresh, old, slot = m.variable("hits"), m.variable("hits"), Value("slot", m.variable("slot"), "owned")
    key = m.local("u32", "at", m.key())
    end = f"bpf_percpu_obj_drop({fresh});"

    def kept(value: Value) -> Block:
        exchange = Line(f"{old} = bpf_kptr_xchg(&{slot.name}->hits, {value.name});")
        return [exchange, If(old, lines(f"bpf_percpu_obj_drop({old});"), [])]

    look = Line(f"{slot.name} = bpf_map_lookup_elem(&{m.pick(('slots', 'hslots'))}, &{key});")
    if m.chance(0.3):
        return taken(
            m, "hits", "bpf_percpu_obj_new(struct counter)", ("bpf_percpu_obj_drop(<>);",), lambda v: m.block(1)
        )
    if m.chance(0.5) and m.in_rcu:
        here = m.variable("counter")
        reach = m.pick((f"bpf_this_cpu_ptr({fresh})", f"bpf_per_cpu_ptr({fresh}, 0)"))
        used: Block = [Line(f"{here} = {reach};"), If(here, lines(f"{here}->hits++;"), [])]
        return [look, If(slot.name, [Line(f"{fresh} = {slot.name}->hits;"), If(fresh, used, [])], [])]
    new = Line(f"{fresh} = bpf_percpu_obj_new(struct counter);")
    return [
        look,
        new,
        If(f"{slot.name} && {fresh}", kept(Value("hits", fresh, "owned")), [If(fresh, lines(end), [])]),
    ]


@production(2, "graph")
def drained(m: Maker) -> Block:
    """A list is emptied in a loop with a bound."""
    node, index = m.variable("lnode"), m.local("int", "i", "0")
    pop = lines("bpf_spin_lock(&lock_a);", f"{node} = bpf_list_pop_front(&items_a);", "bpf_spin_unlock(&lock_a);")
    drop = lines(f"bpf_obj_drop(container_of({node}, struct item, node));")
    body: Block = [*pop, If(f"!{node}", lines("break;"), []), *drop]
    return [Loop(m.pick((f"bpf_for({index}, 0, 8)", f"for ({index} = 0; {index} < 4; {index}++)")), body)]
