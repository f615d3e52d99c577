"""Functions that programs call: static ones, global ones, callbacks."""

from __future__ import annotations

from benchmarks.grammar.maker import TYPES, Maker, Value, production
from benchmarks.grammar.objects import inner
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, Function, If, Line, lines

_HOW = ("static __noinline", "static __always_inline", "static __noinline")


@production(4, outside="callback")
def static_function(m: Maker) -> Block:
    """A static function does part of the work with a value that it is given."""
    if m.function is not m.tree.main:
        return []
    values = [
        v for v in m.known if v.type in TYPES and v.type not in ("guard", "resguard", "slot", "mslot", "hits")
    ]
    value = m.pick(values) if values else None
    name = m.number(f"part_{m.tree.name}_")
    parameter = f"{TYPES[value.type]}{value.type}" if value is not None else "int n"
    function = Function(f"{m.pick(_HOW)} int {name}({parameter})")
    m.tree.functions.insert(0, function)
    regions = tuple(region for region in m.regions if region not in ("loop", "callback"))
    with m.another(function, "return 0;", *regions):
        given = Value(value.type, value.type, value.trust) if value is not None else None
        if given is not None:
            m.known.append(given)
        body = inner(m, given) if given is not None else m.block()
        function.body = [*body, Line(f"return {m.pick(('0', 'knob', '1'))};")]
    call = f"{name}({value.name if value is not None else 'knob'})"
    return m.pick(([Line(f"sink = {call};")], [Line(f"{call};")], [If(call, m.block(1), [])]))


@production(4, "generic", outside="callback")
def getter(m: Maker) -> Block:
    """A static function finds something, and returns it or puts it where it is told."""
    if m.function is not m.tree.main:
        return []
    short, call, end = m.pick((
        ("task", "bpf_task_from_pid(n)", "bpf_task_release(<>);"),
        ("cgrp", "bpf_cgroup_from_id(n)", "bpf_cgroup_release(<>);"),
        ("plain", "bpf_obj_new(struct plain)", "bpf_obj_drop(<>);"),
        ("key", "bpf_lookup_system_key(0)", "bpf_key_put(<>);"),
    ))  # fmt: skip
    name = m.number(f"get_{m.tree.name}_")
    ctype = TYPES[short]
    if m.chance(0.5):
        function = Function(f"{m.pick(_HOW)} {ctype}{name}(int n)")
        drop = lines(end.replace("<>", "p"), "return NULL;")
        test = If(m.pick(("p && n > 100", "p && knob")), drop, [])
        function.variables = [f"{ctype}p = {call};"]
        function.body = [*([test] if m.chance(0.5) else []), Line("return p;")]
        m.tree.functions.insert(0, function)
        return taken(m, short, f"{name}({m.integer()})", (end,), lambda v: inner(m, v))
    function = Function(f"{m.pick(_HOW)} int {name}(int n, {ctype}*out)")
    function.body = lines(f"*out = {call};", f"return *out ? 0 : {m.pick(('-1', '-22', '1'))};")
    m.tree.functions.insert(0, function)
    place = m.variable(short)
    value = Value(short, place, "owned")
    give = end.replace("<>", place)
    with m.holding(give, value=value):
        inside = [*inner(m, value), *lines(give)]
    if m.chance(0.5):
        return [If(f"{name}({m.integer()}, &{place})", m.leave(), []), *inside]
    error = m.local("int", "err", "0")
    return [Line(f"{error} = {name}(knob, &{place});"), If(f"!{error}", inside, [])]


@production(3, outside="callback lock")
def global_function(m: Maker) -> Block:
    """A global function: checked alone, by what its parameters promise."""
    if m.function is not m.tree.main:
        return []
    name = m.number(f"other_{m.tree.name}_")
    task = m.find("task", "owned", "trusted")
    how = m.random.randrange(4)
    given: Value | None = None
    before: Block = []
    if how == 0 and task is not None:
        parameter, argument = "struct task_struct *task __arg_trusted", task.name
        given = Value("task", "task", "trusted")
    elif how == 1 and task is not None:
        parameter, argument = "struct task_struct *task __arg_trusted __arg_nullable", m.pick((task.name, "NULL"))
    elif how == 2:
        room = m.local("u64", "mem", "0")
        parameter, argument = "u64 *mem", m.pick((f"&{room}", f"&{room}", "NULL"))
    else:
        parameter, argument = "int n", "knob"
    function = Function(f"__noinline int {name}({parameter})")
    m.tree.functions.insert(0, function)
    # It may not sleep where its caller may not.
    with m.another(function, "return 0;", *(() if m.sleeps else ("awake",))):
        if "nullable" in parameter:
            before = [If("!task", lines("return 0;"), []), *lines("sink = task->pid;")]
            given = Value("task", "task", "trusted")
        elif parameter.startswith("u64"):
            before = [If("!mem", lines("return 0;"), []), *lines("sink = *mem;")]
            given = Value("mem", "mem", "owned")
        elif given is not None:
            # Compilers do not pass what a function does not use.
            before = lines("sink = task->pid;")
        if given is not None:
            m.known.append(given)
        body = inner(m, given) if given is not None else m.block()
        function.body = [*before, *body, Line("return knob;")]
    return lines(f"sink = {name}({argument});")


@production(4, outside="callback lock")
def callback(m: Maker) -> Block:
    """bpf_loop() and its like: a function is called for each."""
    if m.function is not m.tree.main:
        return []
    name = m.number(f"each_{m.tree.name}_")
    how = m.random.randrange(3)
    if how == 0:
        function = Function(f"static int {name}(u32 index, void *data)")
        call = f"bpf_loop({m.pick(('1', '10', 'knob & 7'))}, {name}, NULL, 0)"
    elif how == 1:
        function = Function(
            f"static long {name}(struct bpf_map *map, u32 *key, struct counter *counter, void *data)"
        )
        call = f"bpf_for_each_map_elem(&{m.pick(('tallies', 'counters'))}, {name}, NULL, 0)"
    else:
        function = Function(f"static long {name}(struct bpf_dynptr *dyn, void *data)")
        call = f"bpf_user_ringbuf_drain(&commands, {name}, NULL, 0)"
    m.tree.functions.insert(0, function)
    regions = tuple(region for region in m.regions if region != "loop")
    with m.another(function, "return 0;", "callback", *regions):
        if how == 1:
            m.known.append(Value("counter", "counter", "owned"))
        uses = lines("sink = counter->hits;") if how == 1 else []
        if how == 2:
            uses = lines("sink = bpf_dynptr_size(dyn);")
        function.body = [*(uses if m.chance(0.5) else []), *m.block(), Line(f"return {m.pick(('0', '1', '0'))};")]
    return [Line(f"sink = {call};")]


@production(2, "generic", outside="callback lock")
def callback_with_context(m: Maker) -> Block:
    """bpf_loop() with what it works on: a struct with a reference that it may give back."""
    if m.function is not m.tree.main:
        return []
    name, box = m.number(f"with_{m.tree.name}_"), m.local("struct holder", "box", "{}")
    function = Function(f"static int {name}(u32 index, struct holder *box)")
    m.tree.functions.insert(0, function)
    call = Line(f"bpf_loop({m.pick(('1', '4', 'knob & 3'))}, {name}, &{box}, 0);")
    how = m.random.randrange(3)
    if how == 0:
        function.body = [
            If("box->task", lines("bpf_task_release(box->task);", "box->task = NULL;"), []),
            Line("return 0;"),
        ]
    elif how == 1:
        function.body = [If("box->task", lines("sink = box->task->pid;"), []), *lines("box->n++;", "return 0;")]
    else:
        function.body = [
            If("!box->task", lines("box->task = bpf_task_from_pid(index);"), []),
            *lines("box->n++;", "return 0;"),
        ]
    after = If(f"{box}.task", lines(f"bpf_task_release({box}.task);"), [])
    before = Line(f"{box}.task = bpf_task_from_pid(knob);")
    return [*([before] if how < 2 or m.chance(0.5) else []), call, after]
