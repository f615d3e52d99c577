"""Where paths meet: equal states are walked once, and past a budget states are joined.

States at a point are compared in canonical form. Past the budget, states with equal obligations and pointers
are joined and only their integers widened (ESP; Das, Lerner, Seigle, PLDI 2002): what is held on which path
stays exact while the cost stays polynomial.
"""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import FRAME, Regions, State
from kfuncgen.lint.values import ANY, Death, Pointer, Ref, Scalar, Value
from kfuncgen.records import replace

STATES_WHILE_HOLDING = 48
"""States kept apart at one point while something is held: flags and error codes may tell on which path."""

STATES_WHILE_FREE = 10
"""The same while nothing is held: integers that differ hardly matter then."""

STATES_IN_PLAIN = 0
"""The same, held or free, in functions from which no contract call can be reached: packet parsers, hashes. What
such a function tells its caller is in pointers and in the constant that it returns."""

ALIKE_WHILE_HOLDING, ALIKE_WHILE_FREE, ALIKE_IN_PLAIN = 4, 4, 0
"""Of these, as many may have the same obligations and pointers: they differ in integers alone, and a later test of
one of them tells the paths apart again."""

JOINED_STATES = 300
"""Different obligations and pointers kept apart at one point; past it states are dropped, with a note."""

NULLS_APART = 16
"""As many of them may differ in nothing but which words are NULL (numbers that happen to be 0 are among these), or
in the constant that is to be returned."""

TOLD = 4
"""Constants that a function writes for its callers and by which its paths are kept apart."""

TOLD_APART = 4
"""States of plain functions that differ in the constants that were put into memory of the callers."""

WIDEN_AFTER = 3
"""Joins of one state before integers that still grow become unknown."""

Told = tuple[tuple[int, int, int], ...]
"""Constants that a function has put into memory of its callers: region, offset, value."""


class Meeting:
    """The states met at one point of one frame."""

    __slots__ = ("count", "function", "ground", "grounds", "joined", "keys", "plain", "run", "span", "told")

    def __init__(self, run: Run, function: str, span: Span, plain: bool = False) -> None:
        self.run = run
        self.function = function
        self.span = span
        self.plain = plain
        self.keys: set[object] = set()
        self.joined: dict[object, tuple[State, int]] = {}
        self.count = 0
        self.grounds: dict[object, int] = {}
        self.told: set[Told] = set()
        self.ground: object = None
        """Of the state that arrived last: what it was joined on, None when it stays by itself."""

    def arrive(self, state: State, label: object = None, told: Told | None = None) -> State | None:
        """The state to walk on with, None when it tells nothing new. Only states of one `label` are joined, and
        of the same constants that callers are told, as long as these are few."""
        if len(state.references) > 2:
            forget_lost_twins(state)
        self.ground = None
        key = state.canonical()
        if key in self.keys:
            return None
        self.keys.add(key)
        self.count += 1
        states, alike = self._budget(state)
        if self.count <= alike or (self.count <= states and self._alike(state, label) <= alike):
            return state
        if told is not None and (told in self.told or len(self.told) < TOLD_APART):
            self.told.add(told)
            label = (label, told)
        return self._join(state, label)

    def _budget(self, state: State) -> tuple[int, int]:
        """How many states are kept apart, and how many of them may differ in integers alone."""
        if self.plain:
            return STATES_IN_PLAIN, ALIKE_IN_PLAIN
        if state.holds():
            return STATES_WHILE_HOLDING, ALIKE_WHILE_HOLDING
        return STATES_WHILE_FREE, ALIKE_WHILE_FREE

    def _alike(self, state: State, label: object) -> int:
        """How many states with the obligations and pointers of this one were counted, this one included."""
        ground = (label, state.canonical(scalars=False))
        self.grounds[ground] = number = self.grounds.get(ground, 0) + 1
        return number

    def _join(self, state: State, label: object) -> State | None:
        """Join with the state of equal obligations, None when that adds nothing."""
        nulls = len(self.joined) < NULLS_APART
        if not nulls:
            label = None
        ground = self.ground = (label, nulls, state.canonical(scalars=False, nulls=nulls))
        known = self.joined.get(ground)
        if known is None:
            if len(self.joined) >= JOINED_STATES:
                self.run.note(
                    self.function,
                    f"more than {JOINED_STATES} different sets of held references and pointers meet here",
                    self.span,
                )
                return None
            self.joined[ground] = (state.copy(), 0)
            return state
        other, rounds = known
        if not widen(self.run, other, state, rounds >= WIDEN_AFTER):
            return None
        self.joined[ground] = (other, rounds + 1)
        onward = other.copy()
        if onward.blurred is None:
            onward.blurred = (self.span, self.function)
        return onward


def told_by(state: State, before: Regions, low: int) -> Told | None:
    """The constants that a path has put into memory of the callers, which tell which path was taken.

    None if there are none or many: of what is written in bulk callers do not ask. `before` is the memory when the
    function, whose frame begins at region `low`, was entered.
    """
    told: list[tuple[int, int, int]] = []
    for region, row in state.regions.items():
        old = before.get(region)
        if row is old or low <= region < low + FRAME:
            continue
        known = old[1] if old is not None else {}
        for at, cell in row[1].items():
            if type(cell[1]) is int and known.get(at) != cell:
                told.append((region, at, cell[1]))
        if len(told) > TOLD:
            return None
    return tuple(sorted(told)) or None


_Matched = tuple[dict[int, int], dict[int, int]]
"""Value ids of one state to those of the other, and back."""


def widen(run: Run, known: State, new: State, forget: bool) -> bool:
    """Take the integers of `new` into `known`; true when `known` grew. With `forget` what grows is unknown.

    What `known` says of a value (its bounds, equality with other cells, the operation that made it) survives
    only where `new` says the same: ids are matched one to one, and where that fails the cell gets a new value.
    """
    changed = False
    pairs: dict[int, int] = {}
    back: dict[int, int] = {}
    for region, (fill, cells) in list(known.regions.items()):
        other = new.regions.get(region)
        if other is None:
            known.regions[region] = ("unknown", {a: c for a, c in cells.items() if _points(known, c[1])})
            changed = True
            continue
        merged = dict(cells)
        for at in sorted(set(cells) | set(other[1])):
            mine, theirs = _cell(cells, at, fill), _cell(other[1], at, other[0])
            if mine is not None and _points(known, mine[1]):
                if theirs is not None and isinstance(mine[1], Ref) and isinstance(theirs[1], Ref):
                    pairs.setdefault(mine[1].id, theirs[1].id)
                    back.setdefault(theirs[1].id, mine[1].id)
                continue
            if mine is None or theirs is None or (mine[0] and theirs[0] and mine[0] != theirs[0]):
                joined: Value | None = state_unknown(mine)
            else:
                joined = _joined(run, known, new, mine[1], theirs[1], (pairs, back), forget)
            if joined is not None:
                size = (mine[0] if mine else 0) or (theirs[0] if theirs else 0) or other[1].get(at, (8, 0))[0]
                merged[at] = (size, joined)
                changed = True
        if other[0] != fill and fill != "unknown":
            fill = "unknown"
            changed = True
        known.regions[region] = (fill, merged)
    matched = (pairs, back)
    changed |= _join_loads(run, known, new, matched, forget)
    changed |= _join_elements(run, known, new, matched, forget)
    return _join_results(known, new, matched, forget) or changed


def _join_loads(run: Run, known: State, new: State, matched: _Matched, forget: bool) -> bool:
    """The numbers that were read through pointers: what only one of the states has read may be anything."""
    changed = False
    for (base, at), mine in list(known.loads.items()):
        if _points(known, mine):
            continue  # part of the ground
        theirs = new.loads.get((matched[0].get(base, 0), at))
        joined = Ref(0, 0) if theirs is None else _joined(run, known, new, mine, theirs, matched, forget)
        if joined == Ref(0, 0):
            del known.loads[base, at]
        elif joined is not None:
            known.loads[base, at] = joined
        changed |= joined is not None
    return changed


def _join_elements(run: Run, known: State, new: State, matched: _Matched, forget: bool) -> bool:
    """The numbers in elements of arrays at an index that is a value."""
    changed = False
    for (region, index, at), (size, mine) in list(known.symbols.items()):
        if _points(known, mine):
            continue
        other = new.symbols.get((region, matched[0].get(index, 0), at))
        joined: Value | None = Ref(0, 0)
        if other is not None and other[0] == size:
            joined = _joined(run, known, new, mine, other[1], matched, forget)
        if joined is not None:
            known.symbols[region, index, at] = (size, joined)
            changed = True
    return changed


def _join_results(known: State, new: State, matched: _Matched, forget: bool) -> bool:
    """Numbers that no memory holds, outcomes of tests and what was tested: what both states know stays known."""
    pairs, back = matched
    held = _held(known)
    theirs: dict[object, int] | None = None
    changed = False
    for identifier, fact in list(known.facts.items()):
        if type(fact) is not Scalar or identifier in held:
            continue
        same = pairs.get(identifier)
        if same is None and fact.expr is not None:
            if theirs is None:
                theirs = {f.expr: i for i, f in new.facts.items() if type(f) is Scalar and f.expr is not None}
            op, left, right = fact.expr
            same = theirs.get((op, _partner(left, pairs), _partner(right, pairs)))
            if same is not None and back.setdefault(same, identifier) == identifier:
                pairs[identifier] = same
            else:
                same = None
        other = new.facts.get(same) if same is not None else None
        if not isinstance(other, Scalar):
            if fact.expr is not None:
                del known.facts[identifier]
                changed = True
            elif fact.death is None and (fact.low, fact.high, fact.excluded) != (ANY.low, ANY.high, ()):
                known.facts[identifier] = replace(fact, low=ANY.low, high=ANY.high, excluded=())
                changed = True
        elif not _covers(fact, other):
            low, high = _hull(fact, other, forget)
            both = tuple(n for n in fact.excluded if n in other.excluded)
            known.facts[identifier] = replace(fact, low=low, high=high, excluded=both)
            changed = True
    return changed


def _covers(one: Scalar, other: Scalar) -> bool:
    """Whether all numbers that `other` may be `one` may be too."""
    return one.low <= other.low and other.high <= one.high and not set(one.excluded) - set(other.excluded)


def _hull(one: Scalar, other: Scalar, forget: bool) -> tuple[int, int]:
    """Bounds for both; with `forget` none."""
    return (ANY.low, ANY.high) if forget else (min(one.low, other.low), max(one.high, other.high))


def _partner(value: Value, pairs: dict[int, int]) -> Value | None:
    """What stands for a value in the other state, None when nothing does."""
    if not isinstance(value, Ref):
        return value
    partner = pairs.get(value.id)
    return Ref(partner, value.offset) if partner is not None else None


def _held(state: State) -> set[int]:
    """The values that memory holds, and what was read from it."""
    cells = (value for _, row in state.regions.values() for _, value in row.values())
    elements = (value for _, value in state.symbols.values())
    return {
        value.id
        for values in (cells, elements, state.loads.values())
        for value in values
        if isinstance(value, Ref)
    }


def _cell(cells: dict[int, tuple[int, Value]], at: int, fill: str) -> tuple[int, Value] | None:
    """A cell, or the zero that a zero-filled region has there (of size 0: any), None when nothing is known."""
    found = cells.get(at)
    if found is None and fill == "zero":
        return (0, 0)
    return found


def state_unknown(mine: tuple[int, Value] | None) -> Value | None:
    """Unknown, where it was not already."""
    return None if mine is not None and mine[1] == Ref(0, 0) else Ref(0, 0)


def _joined(
    run: Run, known: State, new: State, mine: Value, theirs: Value, matched: _Matched, forget: bool
) -> Value | None:
    """The value that covers both, None when `mine` is it already."""
    if mine == theirs and isinstance(mine, int):
        return None
    a, b = known.fact(mine), new.fact(theirs)
    if mine == Ref(0, 0) or not isinstance(a, Scalar):
        return None
    if not isinstance(b, Scalar) or theirs == Ref(0, 0):
        return Ref(0, 0)
    pairs, back = matched
    same = False
    if isinstance(mine, Ref) and isinstance(theirs, Ref):
        same = pairs.setdefault(mine.id, theirs.id) == theirs.id and back.setdefault(theirs.id, mine.id) == mine.id
    covered = _covers(a, b)
    low, high = _hull(a, b, forget and not covered)
    death = a.death if a.death == b.death else Death("stop") if a.death or b.death else None
    grown = Scalar(low, high, death=death, error_of=a.error_of if a.error_of == b.error_of else 0)
    if same and isinstance(mine, Ref):
        keeps = a.expr is None or (b.expr is not None and _same_expr(a.expr, b.expr, pairs))
        if covered and keeps and death == a.death and grown.error_of == a.error_of:
            return None
        if keeps:
            # Same value, wider: what depends on it (array elements at this index) stays.
            known.facts[mine.id] = replace(grown, expr=a.expr)
            return mine
    elif (isinstance(mine, int) and mine == theirs) or (
        covered and isinstance(mine, Ref) and a.expr is None and death == a.death and _alone(known, mine)
    ):
        return None
    return run.new(known, grown)


def _same_expr(a: tuple[str, Value, Value], b: tuple[str, Value, Value], pairs: dict[int, int]) -> bool:
    """Whether two operations are the same on matching operands."""
    if a[0] != b[0]:
        return False
    for x, y in zip(a[1:], b[1:], strict=True):
        if isinstance(x, Ref) and isinstance(y, Ref):
            if pairs.get(x.id) != y.id:
                return False
        elif x != y:
            return False
    return True


def _alone(state: State, value: Ref) -> bool:
    """Whether only one cell holds a value, so that no equality with others goes with it."""
    holders = sum(
        isinstance(v, Ref) and v.id == value.id for _, cells in state.regions.values() for _, v in cells.values()
    )
    return holders <= 1 and not any(
        isinstance(f, Scalar) and f.expr is not None and value in f.expr[1:] for f in state.facts.values()
    )


def _points(state: State, value: Value) -> bool:
    return isinstance(state.fact(value), Pointer)


def forget_lost_twins(state: State) -> None:
    """Of references that nothing points to any more, one per acquire site is enough: each is one leak.

    Loops that lose a reference per round would otherwise give a new state per round.
    """
    held = {
        fact.reference
        for _, cells in state.regions.values()
        for _, value in cells.values()
        if isinstance(value, Ref) and isinstance(fact := state.facts.get(value.id), Pointer)
    }
    lost: set[int] = set()
    for identifier, reference in sorted(state.references.items()):
        if reference.kind == "object" and identifier not in held:
            if reference.site in lost:
                del state.references[identifier]
            lost.add(reference.site)
