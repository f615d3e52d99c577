"""The engine's pieces on their own: text scan, integers, types, memory of a state, conditions, joining."""

from __future__ import annotations

import random
from itertools import product

import pytest

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.conditions import assume
from kfuncgen.lint.integers import MAX_EXCLUDED, MIRRORED, NEGATED, combine, decide, narrow
from kfuncgen.lint.joining import STATES_WHILE_FREE, Meeting, forget_lost_twins, widen
from kfuncgen.lint.lower.constants import fold, wrap
from kfuncgen.lint.lower.text import AsmText, scan_body
from kfuncgen.lint.run import Program, Run
from kfuncgen.lint.state import FRAME, Fill, Reference, Slot, State
from kfuncgen.lint.types import INT, LONG, ULONG, Field, Type, field_path, only_scalars
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, dead
from kfuncgen.spec.load import load_builtin

UINT = Type("int", size=4, name="unsigned int")
NOWHERE = Span("t.c", 1, 1, 1, 2)
COMPARE = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def some_run() -> Run:
    """A run of an empty program."""
    specs = load_builtin()
    function = ir.Function("f", (), INT, "tc", False, NOWHERE)
    return Run(ir.Module("t.c"), specs, specs.newest, Program(function, "tc", None))


def span(line: int) -> Span:
    return Span("t.c", line, 1, line, 2)


# -- text of a body --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("for (;;)", (False, False, False)), ("for (;c;)", (False, True, False)),
        ("for (i = 0;; i++)", (True, False, True)), ("for (int i = f(1, 2); i < g(3); )", (True, True, False)),
        ('for (; s[0] == \';\' || !f(");");)', (False, True, False)),
        ("for (({ int q; q; }); ({ a; b; }); )", (True, True, False)),
    ],
)  # fmt: skip
def test_parts_of_a_for_are_found(header: str, parts: tuple[bool, bool, bool]) -> None:
    assert scan_body(f"void f() {{ {header} {{ }} }}").fors == (parts,)


def test_fors_are_in_text_order_and_words_that_contain_for_are_none() -> None:
    body = 'int before(int x) { format(1); s = "for (;;)"; for (;a;) for (i;;) ; forx (;;); return \'"\'; }'
    assert scan_body(body).fors == ((False, True, False), (True, False, False))


@pytest.mark.parametrize(
    ("asm", "wanted"),
    [
        ('asm volatile ("" : : : "memory");', AsmText('""', 0, 0)),
        ('asm volatile ("a:b" : "=r" (x) : "r" (f(1, 2)), "i" (3));', AsmText('"a:b"', 1, 2)),
        ('asm ("x" : "=r" (a[1]), "+m" (*p));', AsmText('"x"', 2, 0)),
        ('asm goto ("x" : : "r" (a) : : out);', AsmText('"x"', 0, 1)),
    ],
)
def test_operands_of_asm_are_counted(asm: str, wanted: AsmText) -> None:
    assert scan_body(f"int f() {{ {asm} }}").asms == (wanted,)


@pytest.mark.parametrize("broken", ["", "for (", 'asm ("', "'", '"\\', "asm", "for (;", "asm volatile (("])
def test_broken_text_is_read_to_its_end(broken: str) -> None:
    scan_body(broken)


# -- integers --------------------------------------------------------------------------------------------


def c_value(op: str, a: int, b: int, ctype: Type) -> int | None:
    """What C computes in `ctype`; None where it is undefined."""
    if op in ("<<", ">>") and not 0 <= b < ctype.size * 8:
        return None
    result = fold(op, a, b)
    return None if result is None else wrap(result, ctype)


def near_edges(numbers: random.Random, ctype: Type) -> int:
    """A value of a type, often near to its limits and to 0."""
    low, high = ctype.limits()
    near = [low, high, 0, numbers.randint(low, high), numbers.randint(-20, 20)]
    return min(max(numbers.choice(near) + numbers.randint(-3, 3), low), high)


@pytest.mark.parametrize("ctype", [INT, UINT, LONG, ULONG], ids=str)
@pytest.mark.parametrize("op", ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
def test_ranges_hold_every_result_of_an_operation(op: str, ctype: Type) -> None:
    numbers = random.Random(f"{op}{ctype}")
    tried = 0
    for _ in range(3000):
        low, high = sorted((near_edges(numbers, ctype), near_edges(numbers, ctype)))
        b_low, b_high = sorted((near_edges(numbers, ctype), near_edges(numbers, ctype)))
        if numbers.random() < 0.5:
            b_high = b_low
        made = combine(op, Scalar(low, high), Scalar(b_low, b_high), ctype)
        for a, b in ((low, b_low), (high, b_high), (numbers.randint(low, high), numbers.randint(b_low, b_high))):
            result = c_value(op, a, b, ctype)
            if result is not None:
                tried += 1
                assert made.low <= result <= made.high, (op, (low, high), (b_low, b_high), a, b, result, made)
    assert tried > 1000


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
def test_constants_give_a_constant(op: str) -> None:
    made = combine(op, Scalar(13, 13), Scalar(3, 3), INT)
    assert made.low <= (fold(op, 13, 3) or 0) <= made.high
    if op not in ("|", "^", "%"):
        assert made.known == fold(op, 13, 3)


SMALL = [Scalar(a, b) for a, b in product(range(-2, 4), repeat=2) if a <= b]
HOLED = [*SMALL, Scalar(-2, 3, (0,)), Scalar(-2, 3, (0, 2)), Scalar(0, 3, (1, 2))]


def members(scalar: Scalar) -> list[int]:
    return [n for n in range(scalar.low, scalar.high + 1) if n not in scalar.excluded]


@pytest.mark.parametrize("op", COMPARE)
def test_comparisons_are_decided_only_when_all_values_agree(op: str) -> None:
    for a, b in product(HOLED, repeat=2):
        outcomes = {COMPARE[op](x, y) for x in members(a) for y in members(b)}
        decided = decide(op, a, b)
        assert decided is None or outcomes == {decided}, (a, op, b)
        if not a.excluded and not b.excluded:
            assert (decided is None) == (len(outcomes) == 2), (a, op, b)


@pytest.mark.parametrize("op", COMPARE)
def test_narrowing_keeps_what_satisfies_and_ends_impossible_paths(op: str) -> None:
    for a, b in product(HOLED, repeat=2):
        satisfying = [x for x in members(a) if any(COMPARE[op](x, y) for y in members(b))]
        narrowed = narrow(op, a, b)
        if narrowed is None:
            assert satisfying == [], (a, op, b)
        else:
            assert set(satisfying) <= set(members(narrowed)) <= set(members(a)), (a, op, b)
            if not b.excluded:
                assert satisfying == members(narrowed), (a, op, b)


def test_narrowing_by_many_single_values_forgets_but_does_not_lie() -> None:
    fact: Scalar | None = Scalar(0, 100)
    for n in range(10, 40, 2):
        assert fact is not None
        fact = narrow("!=", fact, Scalar(n, n))
    assert fact is not None
    assert len(fact.excluded) == MAX_EXCLUDED
    assert {0, 11, 50, 100} <= set(members(fact))


@pytest.mark.parametrize(("op", "a", "b"), [(op, a, b) for op in COMPARE for a in (-1, 0, 1) for b in (-1, 0, 1)])
def test_negated_and_mirrored_comparisons_agree(op: str, a: int, b: int) -> None:
    assert COMPARE[op](a, b) != COMPARE[NEGATED[op]](a, b)
    assert COMPARE[op](a, b) == COMPARE[MIRRORED[op]](b, a)


@pytest.mark.parametrize(
    ("value", "ctype", "wanted"),
    [(-1, UINT, 0xFFFFFFFF), (1 << 31, INT, -(1 << 31)), (256, Type("bool", 1), 1), (1 << 64, ULONG, 0)],
)
def test_constants_wrap_as_their_type_does(value: int, ctype: Type, wanted: int) -> None:
    assert wrap(value, ctype) == wanted


@pytest.mark.parametrize(("op", "a", "b", "wanted"), [
    ("/", 1, 0, None), ("%", 1, 0, None), ("<<", 1, 64, None), (">>", 1, -1, None), ("/", -7, 2, -3),
    ("%", -7, 2, -1), ("%", 7, -2, 1), ("&&", 1, 1, None),
])  # fmt: skip
def test_constant_folding_leaves_the_undefined_alone(op: str, a: int, b: int, wanted: int | None) -> None:
    assert fold(op, a, b) == wanted


# -- types -----------------------------------------------------------------------------------------------


def struct(name: str, size: int, *fields: Field) -> Type:
    made = Type("struct", size, name)
    made._fields = fields
    return made


def test_field_path_goes_through_first_members_and_arrays() -> None:
    inner = struct("inner", 8, Field("p", 0, INT), Field("q", 4, INT))
    outer = struct("outer", 24, Field("i", 0, inner), Field("a", 8, Type("array", 16, target=inner, count=2)))
    assert [(at, t.name) for at, t in field_path(outer, 0)] == [(0, "outer"), (0, "inner"), (0, "int")]
    assert [(at, t.name or t.kind) for at, t in field_path(outer, 20)] == [
        (20, "outer"), (12, "array"), (4, "inner"), (0, "int"),
    ]  # fmt: skip
    assert [t.name for _, t in field_path(outer, 99)] == ["outer"]


def test_only_scalars_stops_at_pointers_and_four_levels() -> None:
    flat = struct("flat", 8, Field("a", 0, INT), Field("b", 4, Type("array", 4, target=INT, count=1)))
    assert only_scalars(flat)
    assert not only_scalars(struct("p", 8, Field("p", 0, Type("pointer", 8, target=INT))))
    assert not only_scalars(struct("empty", 0))
    deep = flat
    for level in range(5):
        deep = struct(f"s{level}", 8, Field("m", 0, deep))
    assert not only_scalars(deep)


# -- memory of a state -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_memory_never_tells_what_was_not_written(seed: int) -> None:
    """Against memory byte by byte: each byte knows which write it is from, and which of its bytes it is."""
    numbers = random.Random(seed)
    state = State()
    fill: Fill = numbers.choice(("zero", "unknown", "uninit"))
    state.fill(0, 0, 32, fill, 32)
    model: list[tuple[int, int]] = [(0, 0) if fill == "zero" else (-1, 0)] * 32
    serial = 0
    for _ in range(300):
        size = numbers.choice((1, 2, 4, 8))
        offset = numbers.randrange(0, 33 - size)
        action = numbers.random()
        if action < 0.45:
            serial += 1
            state.write(0, offset, size, Ref(serial, 0))
            model[offset : offset + size] = [(serial, n) for n in range(size)]
        elif action < 0.55:
            zero = numbers.random() < 0.5
            state.fill(0, offset, size, "zero" if zero else "unknown", 32)
            model[offset : offset + size] = [(0, 0) if zero else (-1, 0)] * size
        read = state.read(0, offset, size)
        expected = model[offset : offset + size]
        if read == 0:
            assert expected == [(0, 0)] * size
        elif isinstance(read, Ref) and read.id:
            assert expected == [(read.id, n) for n in range(size)]


def test_what_was_written_is_read_back_and_overlapping_writes_end_it() -> None:
    state = State()
    state.write(0, 8, 8, Ref(5, 0))
    assert state.read(0, 8, 8) == Ref(5, 0)
    assert state.read(0, 8, 4) is None
    state.write(0, 12, 1, 7)
    assert state.read(0, 8, 8) is None
    assert state.read(0, 12, 1) == 7


def test_zero_filled_memory_is_zero_until_written() -> None:
    state = State()
    state.fill(0, 0, 16, "zero", 16)
    assert state.read(0, 4, 8) == 0
    state.write(0, 6, 1, 3)
    assert state.read(0, 4, 8) != 0
    assert (state.read(0, 2, 4), state.read(0, 8, 8)) == (0, 0)


def test_element_at_an_unknown_index_is_known_until_the_array_is_written() -> None:
    state = State()
    state.write_symbol(0, 9, 0, 8, Ref(5, 0))
    assert state.symbols == {(0, 9, 0): (8, Ref(5, 0))}
    state.write_symbol(0, 8, 0, 8, Ref(6, 0))
    assert state.symbols == {(0, 8, 0): (8, Ref(6, 0))}
    state.write(0, 0, 8, 1)
    assert state.symbols == {}


def test_writes_end_iterators_and_dynptrs_that_they_touch() -> None:
    state = State()
    for offset, what in ((0, "iterator"), (32, "dynptr")):
        state.slots[0, offset] = Slot("iterator" if what == "iterator" else "dynptr", "k")
    state.write(0, 16, 8, 1)
    assert set(state.slots) == {(0, 0), (0, 32)}
    state.write(0, 4, 4, 1)
    assert set(state.slots) == {(0, 32)}
    state.write(0, 32, 8, 1)
    assert state.slots == {}


def test_copies_are_independent() -> None:
    state = State()
    state.write(0, 0, 8, 1)
    state.references[3] = Reference(1, "k", 0)
    other = state.copy()
    other.write(0, 0, 8, 2)
    other.references.clear()
    other.facts[1] = ANY
    other.slots[0, 0] = Slot("iterator", "k")
    other.loads[1, 0] = 5
    assert (state.read(0, 0, 8), list(state.references), state.facts, state.slots, state.loads) == (
        1,
        [3],
        {},
        {},
        {},
    )


def test_every_attribute_of_a_state_is_copied() -> None:
    state = State()
    for number, name in enumerate(State.__slots__):
        value = getattr(state, name)
        new = {number: number} if isinstance(value, dict) else (number,) if isinstance(value, tuple) else number
        setattr(state, name, new)
    other = state.copy()
    for name in State.__slots__:
        assert getattr(other, name) == getattr(state, name), name


def held_pointer(identifier: int, reference: int, ctype: Type) -> State:
    state = State()
    state.write(4, 0, 8, Ref(identifier, 0))
    state.facts[identifier] = Pointer("kernel", ctype, null=True, reference=reference, origin="k")
    state.references[reference] = Reference(1, "k", identifier)
    return state


def test_states_that_differ_in_numbering_alone_are_the_same() -> None:
    task = Type("struct", name="task_struct")
    assert held_pointer(7, 8, task).canonical() == held_pointer(70, 90, task).canonical()


def test_facts_that_nothing_refers_to_are_dropped() -> None:
    state = held_pointer(7, 8, INT)
    before = state.copy().canonical()
    state.facts[99] = ANY
    assert state.canonical() == before
    assert 99 not in state.facts


@pytest.mark.parametrize(
    "change",
    [
        "null",
        "region",
        "value",
        "reference",
        "rcu",
        "preempt",
        "irq",
        "lock",
        "slot",
        "shadow",
        "trust",
        "drained",
    ],
)
def test_states_that_behave_differently_are_told_apart(change: str) -> None:
    state = held_pointer(7, 8, INT)
    state.write(5, 0, 4, 1)
    state.slots[6, 0] = Slot("iterator", "k")
    same, other = state.copy(), state.copy()
    fact = other.facts[7]
    assert isinstance(fact, Pointer)
    if change == "null":
        other.facts[7] = Pointer("kernel", INT, null=False, reference=8, origin="k")
    elif change == "trust":
        other.facts[7] = Pointer("kernel", INT, null=True, trust="rcu", reference=8, origin="k")
    elif change == "region":
        other.write(9, 0, 4, 1)
    elif change == "value":
        other.write(5, 0, 4, 2)
    elif change == "reference":
        other.references[9] = Reference(2, "k", 0)
    elif change == "rcu":
        other.rcu = 1
    elif change == "preempt":
        other.preempt = 1
    elif change == "irq":
        other.irq = (5,)
    elif change == "lock":
        other.locks = (Ref(7, 0),)
    elif change == "slot":
        del other.slots[6, 0]
    elif change == "drained":
        other.slots[6, 0] = Slot("iterator", "k", drained=True)
    else:
        other.shadow = 1
    assert same.canonical() == state.canonical()
    assert other.canonical() != state.canonical()


def test_frames_that_returned_are_forgotten() -> None:
    state = State()
    for region in (1, FRAME + 1, 2 * FRAME, -1):
        state.write(region, 0, 8, 1)
        state.slots[region, 0] = Slot("iterator", "k")
    state.drop_frame(1)
    assert set(state.regions) == {1, 2 * FRAME, -1}
    assert set(state.slots) == {(1, 0), (2 * FRAME, 0), (-1, 0)}


# -- conditions ------------------------------------------------------------------------------------------


def test_null_branch_ends_the_reference_and_every_alias() -> None:
    run, state = some_run(), held_pointer(7, 8, INT)
    other = state.copy()
    assert assume(run, state, Ref(7, 0), False, NOWHERE)
    assert state.references == {}
    assert state.facts[7] == dead("null", Pointer("kernel", origin="k"), "", 0)
    assert assume(run, other, Ref(7, 0), True, NOWHERE)
    fact = other.facts[7]
    assert isinstance(fact, Pointer) and not fact.null
    assert list(other.references) == [8]


def test_test_of_a_comparison_tells_about_what_was_compared() -> None:
    run, state = some_run(), State()
    state.facts[1] = Scalar(0, 10)
    state.facts[2] = Scalar(0, 1, expr=("<", Ref(1, 0), 5))
    other = state.copy()
    assert assume(run, state, Ref(2, 0), True, NOWHERE)
    assert assume(run, other, Ref(2, 0), False, NOWHERE)
    assert [(f.low, f.high) for f in (state.facts[1], other.facts[1]) if isinstance(f, Scalar)] == [
        (0, 4),
        (5, 10),
    ]


def test_path_on_which_a_known_value_is_another_does_not_exist() -> None:
    run, state = some_run(), State()
    assert not assume(run, state, 0, True, NOWHERE)
    assert not assume(run, state, 3, False, NOWHERE)
    state.facts[1] = Scalar(1, 10)
    assert not assume(run, state, Ref(1, 0), False, NOWHERE)


# -- joining ---------------------------------------------------------------------------------------------


def numbered(value: int) -> State:
    state = State()
    state.write(0, 0, 4, value)
    return state


def test_joined_integers_cover_both_paths_and_joining_ends() -> None:
    run, known = some_run(), numbered(5)
    assert widen(run, known, numbered(1), False)
    value = known.read(0, 0, 4)
    assert value is not None
    assert known.fact(value) == Scalar(1, 5)
    assert not widen(run, known, numbered(3), False)
    assert widen(run, known, numbered(9), True)
    value = known.read(0, 0, 4)
    assert value is not None
    assert known.fact(value) == ANY
    assert not widen(run, known, numbered(1 << 40), True)


def test_cell_that_one_path_wrote_is_unknown_after_joining() -> None:
    run, known, new = some_run(), numbered(1), numbered(1)
    new.write(0, 8, 4, 7)
    assert widen(run, known, new, False)
    assert known.read(0, 8, 4) == Ref(0, 0)
    assert not widen(run, known, new, False)


def test_meeting_takes_each_state_once_and_bounds_how_many_are_apart() -> None:
    meeting = Meeting(some_run(), "f", NOWHERE)
    assert meeting.arrive(numbered(0)) is not None
    assert meeting.arrive(numbered(0)) is None
    onward = [meeting.arrive(numbered(n)) for n in range(1, 500)]
    assert sum(state is not None for state in onward) < 2 * STATES_WHILE_FREE
    last = meeting.arrive(numbered(1000))
    assert last is None


def test_states_with_different_references_are_never_joined() -> None:
    meeting = Meeting(some_run(), "f", NOWHERE)
    for n in range(200):
        meeting.arrive(numbered(n))
    held = numbered(3)
    held.references[8] = Reference(1, "k", 0)
    onward = meeting.arrive(held)
    assert onward is not None and list(onward.references) == [8]


def test_nulls_are_kept_apart_as_pointers_are() -> None:
    meeting = Meeting(some_run(), "f", NOWHERE)
    onward = []
    for n in range(200):
        state = numbered(n)
        state.write(1, 0, 8, 0 if n % 2 else Ref(77, 0))
        onward.append(meeting.arrive(state))
    told = [state.read(1, 0, 8) for state in onward if state is not None]
    assert 0 in told[-2:] and Ref(77, 0) in told[-2:]


def test_of_lost_references_one_per_site_is_kept() -> None:
    state = held_pointer(7, 8, INT)
    for identifier, site in ((20, 1), (21, 1), (22, 2), (23, 2)):
        state.references[identifier] = Reference(site, "k", 0)
    state.references[24] = Reference(2, "k", 0, "dynptr")
    forget_lost_twins(state)
    assert list(state.references) == [8, 20, 22, 24]
