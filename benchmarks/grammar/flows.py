"""How values travel: structs on the stack, copies, loops that carry them, functions that pass them on."""

from __future__ import annotations

from benchmarks.grammar.maker import TYPES, Maker, Value, production
from benchmarks.grammar.objects import inner, use
from benchmarks.grammar.shapes import taken
from benchmarks.grammar.tree import Block, Function, If, Line, Loop, lines

_OWNED = {
    "task": ("bpf_task_from_pid(knob)", "bpf_task_release(<>);"),
    "cgrp": ("bpf_cgroup_from_id(1)", "bpf_cgroup_release(<>);"),
    "plain": ("bpf_obj_new(struct plain)", "bpf_obj_drop(<>);"),
    "key": ("bpf_lookup_system_key(0)", "bpf_key_put(<>);"),
}
"""What any program that may call the generic functions can take: the call, and what gives it back."""


def _main(m: Maker) -> bool:
    return m.function is m.tree.main


@production(3, "generic")
def in_a_struct(m: Maker) -> Block:
    """A struct with two references is handed to functions that use it and give back what is in it."""
    if not _main(m):
        return []
    box, name = m.local("struct holder", "box", "{}"), m.number(f"fini_{m.tree.name}_")
    function = Function(f"{m.pick(('static __noinline', 'static __always_inline'))} void {name}(struct holder *h)")
    function.body = [
        If("h->task", lines("bpf_task_release(h->task);"), []),
        If("h->cgrp", lines("bpf_cgroup_release(h->cgrp);"), []),
    ]
    m.tree.functions.insert(0, function)
    end = f"{name}(&{box});"
    made: Block = [Line(f"{box}.task = bpf_task_from_pid(knob);")]
    with m.holding(end):
        made += m.block(1)
        made += [Line(f"{box}.cgrp = bpf_cgroup_from_id(1);")]
        if m.chance(0.4):
            made += [If(f"!{box}.cgrp", m.leave(), [])]
        made += [
            If(f"{box}.task && {box}.cgrp", lines(f"{box}.n = bpf_task_under_cgroup({box}.task, {box}.cgrp);"), [])
        ]
        made += m.block(1) if m.chance(0.5) else []
    if m.chance(0.3):
        other = m.local("struct holder", "box", "{}")
        return [*made, Line(f"{other} = {box};"), Line(f"{name}(&{other});")]
    return [*made, Line(end)]


@production(3, "generic")
def carried(m: Maker) -> Block:
    """A loop keeps the last one that it found, and gives back the one before."""
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    last, fresh = m.variable(short), m.variable(short)
    index = m.local("int", "i", "0")
    head = m.pick(
        (f"bpf_for({index}, 0, 4)", f"for ({index} = 0; {index} < 3; {index}++)", f"bpf_for({index}, 0, knob)")
    )
    put = lines(end.replace("<>", last))
    if m.chance(0.5):
        body: Block = [If(last, put, []), Line(f"{last} = {call};")]
    else:
        test = If(f"!{fresh}", lines("continue;"), [])
        body = [Line(f"{fresh} = {call};"), test, If(last, list(put), []), Line(f"{last} = {fresh};")]
    after = If(last, [*use(m, Value(short, last, "owned")), *put], [])
    return [Loop(head, body), after]


@production(3, "generic")
def searched(m: Maker) -> Block:
    """A loop ends with what it looked for, or with nothing."""
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    name, index = m.variable(short), m.local("int", "i", "0")
    value = Value(short, name, "owned")
    drop = lines(end.replace("<>", name), f"{name} = NULL;")
    body: Block = [Line(f"{name} = {call};"), If(f"!{name}", lines("continue;"), [])]
    body += [If(m.condition(), lines("break;"), []), *drop]
    found = [*inner(m, value), *lines(end.replace("<>", name))]
    return [
        Loop(m.pick((f"bpf_for({index}, 0, 5)", f"for ({index} = 0; {index} < 4; {index}++)")), body),
        If(name, found, []),
    ]


@production(2, "generic")
def cleaned_up(m: Maker) -> Block:
    """A variable with the cleanup attribute gives back by itself."""
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    ctype, name = TYPES[short], m.number(f"auto_{m.tree.name}_")
    function = Function(f"static inline void {name}({ctype}*p)")
    function.body = [If("*p", lines(end.replace("<>", "*p")), [])]
    m.tree.functions.insert(0, function)
    variable = m.number(short)
    value = Value(short, variable, "owned")
    regions = [region for region in m.regions if region == "loop"]
    with m.holding(value=value):
        saved, m.loops = m.loops, [] if regions else m.loops
        inside = inner(m, value)
        m.loops = saved
    declared = Line(f"{ctype}{variable} __attribute__((cleanup({name}))) = {call};")
    test = [If(f"!{variable}", m.leave(), [])] if m.chance(0.5) else []
    return [Loop("", [declared, *test, *(inside if test else [If(variable, inside, [])])])]


@production(3, "generic")
def chosen(m: Maker) -> Block:
    """One of two ways to get it, chosen by a ternary or by a switch."""
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    condition = m.condition()
    other = {"task": "bpf_task_from_pid(1)", "cgrp": "bpf_cgroup_from_id(2)"}.get(short, "NULL")
    return taken(m, short, f"({condition}) ? {call} : {other}", (end,), lambda v: inner(m, v))


@production(2, "generic")
def both(m: Maker) -> Block:
    """Two references at once, tested together."""
    first, second = m.pick(list(_OWNED)), m.pick(list(_OWNED))
    a, b = m.variable(first), m.variable(second)
    ends = [_OWNED[first][1].replace("<>", a), _OWNED[second][1].replace("<>", b)]
    made: Block = [Line(f"{a} = {_OWNED[first][0]};"), Line(f"{b} = {_OWNED[second][0]};")]
    with m.holding(*ends, value=Value(first, a, "owned")), m.holding(value=Value(second, b, "owned")):
        inside = m.block()
    rest: Block = [If(a, lines(ends[0]), []), If(b, lines(ends[1]), [])]
    style = m.random.randrange(4)
    if style == 0:
        return [*made, If(f"{a} && {b}", inside, []), *rest]
    if style == 1:
        return [*made, If(f"!{a} || !{b}", [*rest, *m.leave()], []), *inside, *lines(*ends)]
    if style == 2:
        return [
            *made,
            If(a, [If(b, [*inside, *lines(ends[1])], []), *lines(ends[0])], [If(b, lines(ends[1]), [])]),
        ]
    label = m.number("out")
    first_test = If(f"!{a}", lines(f"goto {label};"), [])
    return [*made, first_test, If(f"!{b}", lines(f"goto {label};"), []), *inside, Line(f"{label}:;"), *rest]


@production(3, "generic")
def nested_functions(m: Maker) -> Block:
    """A function that takes over a reference calls another one, which may refuse it."""
    if not _main(m):
        return []
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    low, high = m.number(f"low_{m.tree.name}_"), m.number(f"high_{m.tree.name}_")
    how = m.pick(("static __noinline", "static __always_inline"))
    ctype = TYPES[short]
    give = lines(end.replace("<>", "p"))
    if m.chance(0.5):
        # The lower one gives it back, and says so.
        inside = Function(f"{how} int {low}({ctype}p, int n)")
        inside.body = [If("n > 3", [*give, Line("return 1;")], []), Line("return 0;")]
        outer = Function(f"{how} void {high}({ctype}p)")
        outer.body = [If(f"!{low}(p, knob)", give, [])]
    else:
        inside = Function(f"{how} int {low}({ctype}p)")
        inside.body = [*use(m, Value(short, "p", "owned")), Line("return knob;")]
        outer = Function(f"{how} void {high}({ctype}p)")
        outer.body = [If(f"{low}(p)", lines("sink = 1;"), []), *give]
    m.tree.functions[:0] = [inside, outer]
    name = m.variable(short)
    return [Line(f"{name} = {call};"), If(name, lines(f"{high}({name});"), [])]


@production(2)
def packet(m: Maker) -> Block:
    """Bytes of the packet, read directly."""
    if not _main(m) or not (m.can("xdp") or m.can("tc")):
        return []
    data, end = m.local("void *", "data", "NULL"), m.local("void *", "end", "NULL")
    made = lines(f"{data} = (void *)(long)ctx->data;", f"{end} = (void *)(long)ctx->data_end;")
    return [*made, If(f"{data} + 16 <= {end}", lines(f"sink = *(u8 *)({data} + {m.random.randrange(15)});"), [])]


@production(2, "generic")
def state_machine(m: Maker) -> Block:
    """A number says in a loop what is held."""
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    name, state, index = m.variable(short), m.local("int", "c", "0"), m.local("int", "i", "0")
    give = lines(end.replace("<>", name), f"{state} = 0;")
    get: Block = [Line(f"{name} = {call};"), If(name, lines(f"{state} = 1;"), [])]
    body: Block = [If(f"{state} == 0", get, list(give))]
    return [
        Loop(f"for ({index} = 0; {index} < 3; {index}++)", body),
        If(state, lines(end.replace("<>", name)), []),
    ]


@production(4, "generic")
def classified(m: Maker) -> Block:
    """A function that only computes says what a number is; its caller asks it, or tests the number again.

    All in 64 bits: what is narrower the verifier follows only at some places on the stack.
    """
    if not _main(m):
        return []
    short = m.pick(list(_OWNED))
    call, end = _OWNED[short]
    name, number, class_ = m.variable(short), m.local("u64", "n", "0"), m.local("u64", "class", "0")
    value, give = Value(short, name, "owned"), end.replace("<>", name)
    test = m.pick(("<> > 100", "(<> & 8) == 8", "<> == 3", "!<>", "<> > knob"))
    called = m.number(f"class_{m.tree.name}_")
    function = Function(
        f"{m.pick(('static __noinline', 'static __always_inline'))} void {called}(u64 n, u64 *out)"
    )
    function.body = [If(test.replace("<>", "n"), lines("*out = 1;"), lines(m.pick(("*out = 2;", "*out = knob;"))))]
    m.tree.functions.insert(0, function)
    again = m.pick((test.replace("<>", number), f"{class_} == 1", f"{class_} != 2"))
    made: Block = [Line(f"{number} = {m.integer()};")]
    asked = Line(f"{called}({number}, &{class_});")
    if m.chance(0.3):
        get: Block = [Line(f"{name} = {call};")]
        return [*made, If(test.replace("<>", number), get, []), asked, If(again, [If(name, lines(give), [])], [])]
    with m.holding(give, value=value):
        inside = [asked, If(again, m.leave(), []), *inner(m, value)]
    return [*made, Line(f"{name} = {call};"), If(f"!{name}", m.leave(), []), *inside, Line(give)]
