"""Protocols that cross functions and objects: iterators, dynptrs, saved flags, locks handed on; trees."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.objects import inner, use
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, Function, If, Line, Loop, lines

_HOW = ("static __noinline", "static __always_inline")


def _function(m: Maker, word: str, head: str, body: Block) -> str:
    """A new function before all others; its name. `<>` stands for it in the head."""
    name = m.number(f"{word}_{m.tree.name}_")
    m.tree.functions.insert(0, Function(head.replace("<>", name), body))
    return name


def _main(m: Maker) -> bool:
    return m.function is m.tree.main


@production(3, outside="callback")
def iterator_in_functions(m: Maker) -> Block:
    """One function begins an iterator, another one steps, a third one ends it."""
    if not _main(m):
        return []
    how, it, total = m.pick(_HOW), m.local("struct bpf_iter_num", "it"), m.local("int", "c", "0")
    step = f"{how} int <>(struct bpf_iter_num *it, int *total)"
    body: Block = [If("!n", lines("return 0;"), []), *lines("*total += *n;", "return 1;")]
    next_ = _function(m, "step", step, [Line("int *n = bpf_iter_num_next(it);"), *body])
    end = f"bpf_iter_num_destroy(&{it});"
    if m.chance(0.4):
        head = f"{how} void <>(struct bpf_iter_num *it)"
        end = f"{_function(m, 'stop', head, lines('bpf_iter_num_destroy(it);'))}(&{it});"
    begin = f"bpf_iter_num_new(&{it}, 0, {m.pick(('3', 'knob'))});"
    if m.chance(0.4):
        head = f"{how} int <>(struct bpf_iter_num *it, int n)"
        begin = f"{_function(m, 'start', head, lines('return bpf_iter_num_new(it, 0, n);'))}(&{it}, knob);"
    with m.holding(end), m.looping():
        inside = m.block(1)
    return [Line(begin), Loop(f"while ({next_}(&{it}, &{total}))", inside), Line(end), Line(f"sink = {total};")]


@production(3, outside="callback")
def dynptr_in_functions(m: Maker) -> Block:
    """A static or global function is handed a dynptr."""
    if not _main(m):
        return []
    dynptr = m.local("struct bpf_dynptr", "dyn")
    inside: Block = [Line("u64 room = 0, *mem = NULL;")]
    inside += lines(m.pick((
        "sink = bpf_dynptr_size(dyn);", "sink = bpf_dynptr_read(&room, sizeof(room), dyn, 0, 0);",
        "sink = bpf_dynptr_write(dyn, 0, &room, sizeof(room), 0);",
    )))  # fmt: skip
    inside += [Line("mem = bpf_dynptr_slice(dyn, 0, &room, sizeof(room));"), If("mem", lines("sink = *mem;"), [])]
    if m.chance(0.3):
        head = "__noinline int <>(struct bpf_dynptr *dyn)"
        inside[1] = Line("sink = bpf_dynptr_size(dyn);")
    else:
        head = f"{m.pick(_HOW)} int <>(struct bpf_dynptr *dyn)"
    name = _function(m, "look", head, [*inside, Line("return knob;")])
    call = Line(f"sink = {name}(&{dynptr});")
    how = m.random.randrange(3)
    if how == 0:
        return [Line(f"bpf_dynptr_from_mem(bytes, sizeof(bytes), 0, &{dynptr});"), call]
    if how == 1 and (m.can("xdp") or m.can("skb")):
        kind = "xdp" if m.can("xdp") else "skb"
        return [If(f"bpf_dynptr_from_{kind}(ctx, 0, &{dynptr})", m.leave(), []), call]
    head = f"{m.pick(_HOW)} void <>(struct bpf_dynptr *dyn)"
    end = f"{_function(m, 'send', head, lines('bpf_ringbuf_submit_dynptr(dyn, 0);'))}(&{dynptr});"
    with m.holding(end):
        inner_block = m.block(1)
    return [Line(f"bpf_ringbuf_reserve_dynptr(&ring, 16, 0, &{dynptr});"), call, *inner_block, Line(end)]


@production(2, outside="callback")
def flags_in_functions(m: Maker) -> Block:
    """Static functions save and restore, lock and unlock."""
    if not _main(m):
        return []
    how = m.pick(_HOW)
    if m.chance(0.5):
        flags = m.local("unsigned long", "flags")
        save = _function(m, "save", f"{how} void <>(unsigned long *flags)", lines("bpf_local_irq_save(flags);"))
        back = _function(m, "back", f"{how} void <>(unsigned long *flags)", lines("bpf_local_irq_restore(flags);"))
        begin, end, region = f"{save}(&{flags});", f"{back}(&{flags});", "irq"
    elif not m.inside("rcu"):
        enter = _function(m, "enter", f"{how} void <>(void)", lines("bpf_rcu_read_lock();"))
        exit_ = _function(m, "exit", f"{how} void <>(void)", lines("bpf_rcu_read_unlock();"))
        begin, end, region = f"{enter}();", f"{exit_}();", "rcu"
    else:
        return []
    with m.holding(end, region=region):
        inside = m.block()
    return [Line(begin), *inside, Line(end)]


@production(3, "special", outside="callback")
def lock_in_functions(m: Maker) -> Block:
    """A static function works under a lock that its caller holds, or takes it itself."""
    if not _main(m):
        return []
    head = f"{m.pick(_HOW)} void <>(struct guarded *guard)"
    key = m.local("u32", "at", m.key())
    count = lines("guard->n++;", "sink = guard->n;")
    if m.chance(0.5):
        name = _function(m, "count", head, count)
        before, after = lines("bpf_spin_lock(&<>->lock);"), lines("bpf_spin_unlock(&<>->lock);")
    else:
        locked = [*lines("bpf_spin_lock(&guard->lock);"), *count, *lines("bpf_spin_unlock(&guard->lock);")]
        name, before, after = _function(m, "count", head, locked), [], []

    def called(value: Value) -> Block:
        made = [*before, Line(f"{name}({value.name});"), *after]
        return [Line(line.text.replace("<>", value.name)) if isinstance(line, Line) else line for line in made]

    return taken(m, "guard", f"bpf_map_lookup_elem(&{m.pick(('guards', 'hguards'))}, &{key})", (), called)


@production(3, "graph")
def walked_tree(m: Maker) -> Block:
    """A tree is searched under its lock, and what is found is taken out."""
    node, out, name = m.variable("rnode"), m.variable("rnode"), m.variable("leaf")
    index = m.local("int", "i", "0")
    compare = If(f"container_of({node}, struct leaf, node)->key == 3", [
        Line(f"{out} = bpf_rbtree_remove(&leaves_b, {node});"), Line("break;"),
    ], [])  # fmt: skip
    side = m.pick(("bpf_rbtree_left", "bpf_rbtree_right"))
    body: Block = [If(f"!{node}", lines("break;"), []), compare, Line(f"{node} = {side}(&leaves_b, {node});")]
    walk = Loop(f"for ({index} = 0; {index} < {m.pick((2, 3, 4))}; {index}++)", body)
    drop = lines(
        f"{name} = container_of({out}, struct leaf, node);", f"sink = {name}->key;", f"bpf_obj_drop({name});"
    )
    return [
        *lines("bpf_spin_lock(&lock_b);", f"{node} = bpf_rbtree_root(&leaves_b);"), walk,
        *lines("bpf_spin_unlock(&lock_b);"), If(out, drop, []),
    ]  # fmt: skip


@production(3, "graph")
def moved_between(m: Maker) -> Block:
    """An object goes from a list into a tree: it is owned in between."""
    node, name = m.variable("lnode"), m.variable("shared")
    take = lines(
        "bpf_spin_lock(&lock_a);", f"{node} = bpf_list_pop_front(&shared_a);", "bpf_spin_unlock(&lock_a);"
    )
    put = lines(
        "bpf_spin_lock(&lock_b);",
        f"bpf_rbtree_add(&shared_b, &{name}->leaf, shared_less);",
        "bpf_spin_unlock(&lock_b);",
    )
    get = Line(f"{name} = container_of({node}, struct shared, node);")
    end = f"bpf_obj_drop({name});"
    with m.holding(end, value=Value("shared", name, "owned")):
        middle = m.block(1) if m.chance(0.5) else []
    return [*take, If(f"!{node}", m.leave(), []), get, *middle, *put]


@production(3, "graph")
def kept_in_both(m: Maker) -> Block:
    """A second owner is taken while the node is only lent by the tree."""
    node, name, other = m.variable("rnode"), m.variable("shared"), m.variable("shared")
    look = lines(
        f"{name} = container_of({node}, struct shared, leaf);", f"{other} = bpf_refcount_acquire({name});"
    )
    under: Block = [
        *lines("bpf_spin_lock(&lock_b);", f"{node} = bpf_rbtree_first(&shared_b);"),
        If(node, look, []),
    ]
    value = Value("shared", other, "owned")
    with m.holding(f"bpf_obj_drop({other});", value=value):
        inside = [*use(m, value), *lines(f"bpf_obj_drop({other});")]
    return [*under, *lines("bpf_spin_unlock(&lock_b);"), If(other, inside, [])]


@production(3, "tasks")
def walked_task(m: Maker) -> Block:
    """Fields of a task: what RCU protects, what nothing protects, what may be missing."""
    known = m.find("task", "owned", "trusted")
    if known is None:
        return []
    how = m.random.randrange(4)
    if how == 0 and m.in_rcu and m.can("generic"):
        call = f"{known.name}->cgroups->dfl_cgrp"
        return taken(m, "cgrp", call, (), lambda v: inner(m, v), "rcu")
    if how == 1 and m.in_rcu:
        return lines(f"sink = {known.name}->real_parent->group_leader->pid;")
    if how == 2:
        return lines(f"sink = {known.name}->last_wakee->pid;")
    return lines(f"sink = {known.name}->signal->nr_threads;")


@production(2, "packet", outside="callback")
def moved_packet(m: Maker) -> Block:
    """A slice, then a function that may move the packet, then a slice anew."""
    if not _main(m) or not (m.can("xdp") or m.can("tc")):
        return []
    kind = "xdp" if m.can("xdp") else "skb"
    struct = "struct xdp_md" if kind == "xdp" else "struct __sk_buff"
    change = "bpf_xdp_adjust_head(ctx, 0)" if kind == "xdp" else "bpf_skb_pull_data(ctx, 0)"
    how = m.pick(("static __noinline", "__noinline"))
    name = _function(m, "grow", f"{how} int <>({struct} *ctx)", lines(f"return {change};"))
    dynptr, eth = m.local("struct bpf_dynptr", "dyn"), m.variable("eth")
    room = m.local("struct ethhdr", "room", "{}")
    slice_ = Line(f"{eth} = bpf_dynptr_slice(&{dynptr}, 0, &{room}, sizeof({room}));")
    read: Block = [If(eth, lines(f"sink = {eth}->h_proto;"), [])]
    made: Block = [If(f"bpf_dynptr_from_{kind}(ctx, 0, &{dynptr})", m.leave(), []), slice_, *read]
    made += [Line(f"{name}(ctx);")]
    if m.chance(0.8):
        made += [Line(slice_.text)]
    return [*made, *[If(eth, lines(f"sink = {eth}->h_proto;"), [])]]


@production(2, "generic", outside="callback")
def exception(m: Maker) -> Block:
    """An exception out of a static function."""
    if not _main(m) or m.held or m.inside("rcu", "preempt", "irq", "lock"):
        return []
    body: Block = [If(m.pick(("n > 3", "!n")), lines("bpf_throw(0);"), []), Line("return n;")]
    name = _function(m, "check", f"{m.pick((*_HOW, '__noinline'))} int <>(int n)", body)
    return lines(f"sink = {name}(knob);")


@production(2, "tasks", outside="callback")
def written_out(m: Maker) -> Block:
    """What an iterator's program prints."""
    if not _main(m) or not m.can("iter_task"):
        return []
    seq, room = m.variable("seq"), m.local("u64", "room", "1")
    return lines(f"{seq} = ctx->meta->seq;", f"sink = bpf_seq_write({seq}, &{room}, sizeof({room}));")


@production(2, "cpumask")
def of_two_masks(m: Maker) -> Block:
    """Two sets of CPUs, and what both have."""
    first = m.find("mask", "owned")
    if first is None:
        return []

    def together(value: Value) -> Block:
        cast = "(const struct cpumask *)"
        return lines(f"sink = bpf_cpumask_and({value.name}, {cast}{first.name}, {cast}{value.name});")

    return taken(m, "mask", "bpf_cpumask_create()", ("bpf_cpumask_release(<>);",), together)
