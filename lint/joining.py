"""Where paths meet: equal states are walked once, and past a budget states are joined.

States at a point are compared in canonical form. Past the budget, states with equal obligations and pointers
are joined and only their integers widened (ESP; Das, Lerner, Seigle, PLDI 2002): what is held on which path
stays exact while the cost stays polynomial.
"""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, Value

STATES_WHILE_HOLDING = 40
"""States kept apart at one point while something is held: flags and error codes may tell on which path."""

STATES_WHILE_FREE = 10
"""The same while nothing is held: integers that differ hardly matter then."""

JOINED_STATES = 300
"""Different obligations and pointers kept apart at one point; past it states are dropped, with a note."""

WIDEN_AFTER = 3
"""Joins of one state before integers that still grow become unknown."""


class Meeting:
    """The states met at one point of one frame."""

    __slots__ = ("count", "function", "joined", "keys", "run", "span")

    def __init__(self, run: Run, function: str, span: Span) -> None:
        self.run = run
        self.function = function
        self.span = span
        self.keys: set[object] = set()
        self.joined: dict[object, tuple[State, int]] = {}
        self.count = 0

    def arrive(self, state: State, label: object = None) -> State | None:
        """The state to walk on with, None when it tells nothing new. Only states of one `label` are joined."""
        if len(state.references) > 2:
            forget_lost_twins(state)
        key = state.canonical()
        if key in self.keys:
            return None
        self.keys.add(key)
        self.count += 1
        if self.count <= (STATES_WHILE_HOLDING if state.holds() else STATES_WHILE_FREE):
            return state
        return self._join(state, label)

    def _join(self, state: State, label: object) -> State | None:
        """Join with the state of equal obligations, None when that adds nothing."""
        ground = (label, state.canonical(scalars=False))
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
        return other.copy()


def widen(run: Run, known: State, new: State, forget: bool) -> bool:
    """Take the integers of `new` into `known`; true when `known` grew. With `forget` what grows is unknown."""
    changed = False
    for region, (fill, cells) in list(known.regions.items()):
        other = new.regions.get(region)
        if other is None:
            known.regions[region] = ("unknown", {a: c for a, c in cells.items() if _points(known, c[1])})
            changed = True
            continue
        merged = dict(cells)
        if other[0] != fill and fill != "unknown":
            fill = "unknown"
            changed = True
        for at, (size, value) in cells.items():
            if _points(known, value):
                continue
            theirs = other[1].get(at)
            if theirs is None or theirs[0] != size:
                if value != Ref(0, 0):
                    merged[at] = (size, Ref(0, 0))
                    changed = True
                continue
            grown = _grown(known.fact(value), new.fact(theirs[1]), forget)
            if grown is not None:
                if isinstance(value, Ref) and value.id:
                    # Same value, wider: what depends on it (array elements at this index) stays.
                    known.facts[value.id] = grown
                else:
                    merged[at] = (size, run.new(known, grown))
                changed = True
        for at, (size, _) in other[1].items():
            if at not in merged:
                # Only the other path wrote it: zero, or whatever the region was filled with, on this one.
                merged[at] = (size, Ref(0, 0))
                changed = True
        known.regions[region] = (fill, merged)
    return changed


def _grown(a: object, b: object, forget: bool) -> Scalar | None:
    """The scalar that covers both, None when `a` covers `b` already."""
    if not isinstance(a, Scalar) or not isinstance(b, Scalar):
        return None
    if a.low <= b.low and b.high <= a.high and not set(a.excluded) - set(b.excluded):
        return None
    return ANY if forget else Scalar(min(a.low, b.low), max(a.high, b.high))


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
