"""Shapes of control flow: how a result is tested, how what was taken is given back, branches, loops, functions."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.grammar.maker import TYPES, Maker, Value, production
from benchmarks.grammar.tree import Block, Function, If, Line, Loop, Switch, lines


def taken(
    m: Maker,
    short: str,
    call: str,
    ends: tuple[str, ...],
    inner: Callable[[Value], Block],
    trust: str = "owned",
    nullable: bool = True,
) -> Block:
    """Something is taken by a call, used, and given back by `ends` (`<>` stands for it), in one of many shapes."""
    value = Value(short, m.variable(short), trust)
    name = value.name
    end = tuple(text.replace("<>", name) for text in ends)

    def held() -> Block:
        with m.holding(*end, value=value):
            made = inner(value)
        return [*made, *lines(*end)]

    if not nullable:
        return [Line(f"{name} = {call};"), *held()]
    choices = [_positive, _negative, _early, _goto, _assigned, _once, _late, _flagged, _joined]
    if end:
        choices += [_alias, _holder, _by_function]
    return m.pick(choices)(m, value, call, end, held)


Held = Callable[[], Block]


def _test(m: Maker, name: str, positive: bool) -> str:
    """A NULL test in one of its spellings."""
    if positive:
        return m.pick(
            (name, name, f"{name} != NULL", f"!!{name}", f"NULL != {name}", f"__builtin_expect(!!{name}, 1)")
        )
    return m.pick((f"!{name}", f"!{name}", f"{name} == NULL", f"NULL == {name}", f"__builtin_expect(!{name}, 0)"))


def _positive(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    otherwise = m.block(1) if m.chance(0.2) else []
    return [Line(f"{value.name} = {call};"), If(_test(m, value.name, True), held(), otherwise)]


def _negative(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    return [Line(f"{value.name} = {call};"), If(_test(m, value.name, False), m.block(1), held())]


def _early(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    return [Line(f"{value.name} = {call};"), If(_test(m, value.name, False), m.leave(), []), *held()]


def _goto(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    label = m.number("out")
    inside = held()
    if ends and m.chance(0.5):
        # The usual ladder: what follows the test may jump to where it is given back.
        end = m.number("put")
        position = m.random.randrange(len(inside) - len(ends) + 1)
        inside.insert(position, If(m.condition(), [Line(f"goto {end};")], []))
        inside.insert(len(inside) - len(ends), Line(f"{end}:;"))
    test = If(_test(m, value.name, False), [Line(f"goto {label};")], [])
    return [Line(f"{value.name} = {call};"), test, *inside, Line(f"{label}:;")]


def _assigned(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    if m.chance(0.5):
        return [If(f"({value.name} = {call})", held(), [])]
    return [If(f"!({value.name} = {call})", m.leave(), []), *held()]


def _once(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    with m.looping():
        test = If(_test(m, value.name, False), [Line("break;")], [])
        inside = [Line(f"{value.name} = {call};"), test, *held()]
    return [Loop("do", inside, " while (0);")]


def _late(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """Other things come first, then what is there is used."""
    made: Block = [Line(f"{value.name} = {call};")]
    if not ends:
        return [*made, *m.block(1), If(_test(m, value.name, True), held(), [])]
    condition = m.condition()
    again: Block = [If(value.name, lines(*ends), [])]
    made.append(If(f"{value.name} && {condition}", held(), again))
    if m.chance(0.3):
        made[-1] = If(f"!{value.name} || {condition}", again, held())
    return made


def _flagged(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """A number remembers whether it is there."""
    flag = m.local("int", "got", "0")
    made: Block = [Line(f"{value.name} = {call};")]
    if m.chance(0.5):
        made += [If(value.name, [Line(f"{flag} = 1;")], []), Line("sink = knob;"), If(flag, held(), [])]
    else:
        made += [Line(f"{flag} = {value.name} ? 0 : -2;"), If(f"{flag} == 0", held(), [])]
    return made


def _joined(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """It is taken on one of two branches, and used where they meet."""
    then: Block = [Line(f"{value.name} = {call};")]
    otherwise = [Line(f"{value.name} = {call};")] if m.chance(0.5) else []
    return [If(m.condition(), then, list(otherwise)), If(value.name, held(), [])]


def _alias(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """Another variable is tested, or gives it back."""
    other = m.variable(value.type)
    made = [Line(f"{value.name} = {call};"), Line(f"{other} = {value.name};")]
    inside = held()
    for number in range(len(inside) - len(ends), len(inside)):
        line = inside[number]
        assert isinstance(line, Line)
        inside[number] = Line(line.text.replace(value.name, other))
    return [*made, If(_test(m, m.pick((other, value.name)), True), inside, [])]


def _holder(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """It is kept in a struct or an array on the stack meanwhile."""
    ctype = TYPES[value.type]
    if m.chance(0.5):
        place = m.local(f"struct {{ long n; {ctype}kept; }}", "box", "{}") + ".kept"
    else:
        place = m.number("row") + f"[{m.pick((0, 1))}]"
        m.declare(f"{ctype}{place.split('[')[0]}[2] = {{}};")
    inside: Block = [Line(f"{value.name} = {place};"), *held()]
    return [Line(f"{place} = {call};"), If(place, inside, [])]


def _by_function(m: Maker, value: Value, call: str, ends: tuple[str, ...], held: Held) -> Block:
    """A static function gives it back."""
    how = m.pick(("static __noinline", "static __always_inline", "static __attribute__((unused))"))
    name = m.number(f"put_{m.tree.name}_")
    ctype = TYPES[value.type]
    texts = [text.replace(value.name, "p") for text in ends]
    if any(word in text for text in texts for word in ("lock", "&", "ctx", "slot")):
        return _positive(m, value, call, ends, held)
    function = Function(f"{how} void {name}({ctype}p)", [If("p", lines(*texts), [])])
    if m.chance(0.5):
        function.body = lines(*texts)
    m.tree.functions.insert(0, function)
    inside = held()
    inside[len(inside) - len(ends) :] = [Line(f"{name}({value.name});")]
    return [Line(f"{value.name} = {call};"), If(_test(m, value.name, True), inside, [])]


@production(6, in_lock=True)
def branch(m: Maker) -> Block:
    """An if, with or without else."""
    return [If(m.condition(), m.block(), m.block() if m.chance(0.5) else [])]


@production(2, in_lock=True)
def early_exit(m: Maker) -> Block:
    """Leave early."""
    return m.cut(m.condition())


@production(2, in_lock=True)
def remembered(m: Maker) -> Block:
    """A number of which several tests follow: conditions that correlate."""
    name = m.local("int", "c", "0")
    m.known.append(Value("int", name, ""))
    return [Line(f"{name} = {m.integer()};"), *m.block(2)]


@production(2)
def correlated(m: Maker) -> Block:
    """The same condition twice: what the first branch does, the second one relies upon."""
    flag = m.local("int", "when", "0")
    set_flag = Line(f"{flag} = {m.integer()};")
    condition = m.pick((flag, f"{flag} > 5", f"{flag} == 3", f"!{flag}"))
    rcu = ("bpf_rcu_read_lock();", "bpf_rcu_read_unlock();", "rcu")
    pair = m.pick((rcu, ("bpf_preempt_disable();", "bpf_preempt_enable();", "preempt")))
    if m.inside(pair[2], "callback"):
        return []
    with m.holding(region="loop"):
        # Neither inside nor outside of the region: only what may stand in both.
        middle = lines(*(f"sink = {m.integer()};" for _ in range(m.random.randint(0, 2))))
    return [set_flag, If(condition, lines(pair[0]), []), *middle, If(condition, lines(pair[1]), [])]


@production(2, outside="lock")
def switch(m: Maker) -> Block:
    """A switch of some cases."""
    labels = [f"case {n}" for n in range(m.random.randint(1, 3))] + ["default"]
    cases: list[tuple[str, Block]] = []
    saved, m.loops = m.loops, []
    for label in labels:
        cases.append((label, m.block(1)))
    m.loops = saved
    return [Switch(f"{m.integer()} & 3", cases)]


@production(3, outside="lock")
def loop(m: Maker) -> Block:
    """A loop with a bound."""
    how = m.random.randrange(4)
    with m.looping():
        body = m.block()
    bound = m.random.randint(2, 5)
    if how == 0:
        name = m.local("int", "i", "0")
        return [Loop(f"for ({name} = 0; {name} < {bound}; {name}++)", body)]
    if how == 1:
        name = m.local("int", "i", "0")
        return [Loop(f"bpf_for({name}, 0, {m.pick((str(bound), 'knob'))})", body)]
    if how == 2:
        return [Loop(f"bpf_repeat({m.pick((str(bound), 'knob'))})", body)]
    return [Loop("do", body, " while (0);")]


@production(1, in_lock=True)
def number(m: Maker) -> Block:
    """Something without pointers."""
    return lines(m.pick(("sink = knob;", "sink += 1;", "knob = 3;", f"sink = {m.integer()};")))
