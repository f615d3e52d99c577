"""The state of one path: memory, facts, references, regions. Copied at forks, compared in canonical form.

Memory is a map from regions (one per local variable and frame, one per global that was written) to cells; a
region's dict of cells is never edited in place, so that copies of the state can share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kfuncgen.diagnostic import Span
from kfuncgen.lint.values import ANY, Fact, Pointer, Ref, Scalar, Value

FRAME = 1 << 20
"""Region ids of frame d are d*FRAME + variable index; globals have negative ids."""

Fill = Literal["zero", "unknown", "uninit"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A live reference: `site` is the acquire call, `holder` the id of the value that was returned by it.

    `kind`: `object` (released by a kfunc or helper), `iterator` and `dynptr` (their variable owns it).
    """

    site: int
    kfunc: str
    holder: int
    kind: Literal["object", "iterator", "dynptr"] = "object"
    callback: int = 0
    """Depth of the callback frame it was acquired in; 0 = in the program itself."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An iterator or dynptr that lives in a local variable."""

    what: Literal["iterator", "dynptr"]
    kind: str
    reference: int = 0
    drained: bool = False
    identity: int = 0
    broken: bool = False
    """An RCU iterator whose critical section ended."""
    protected: bool = False
    """Its elements are protected by RCU only."""
    ended: str = ""
    """Name of the call that released a dynptr."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened on a path; `subject` is the value or reference it is about, 0 = the path itself."""

    what: str
    span: Span
    text: str
    subject: int = 0


class State:
    """One path's state. `shadow` is set on paths that the verifier never takes (see dead-null-test)."""

    __slots__ = (
        "facts", "irq", "loads", "locks", "preempt", "rcu", "references", "regions", "returned", "shadow", "slots",
        "symbols", "trail",
    )  # fmt: skip

    def __init__(self) -> None:
        self.regions: dict[int, tuple[Fill, dict[int, tuple[int, Value]]]] = {}
        self.facts: dict[int, Fact] = {}
        self.references: dict[int, Reference] = {}
        self.symbols: dict[tuple[int, int, int], tuple[int, Value]] = {}
        """Array elements at an index that is a value, not a number: (region, index value, offset) -> cell."""
        self.slots: dict[tuple[int, int], Slot] = {}
        self.loads: dict[tuple[int, int], Value] = {}
        """Pointers read through pointers since the last store or call: compilers read them once."""
        self.rcu = 0
        self.preempt = 0
        self.irq: tuple[int, ...] = ()
        self.locks: tuple[Value, ...] = ()
        self.shadow = 0
        self.trail: object = None
        self.returned: tuple[Span, str] | None = None
        """Where the last inlined function returned, and its name: no part of the state's identity."""

    def copy(self) -> State:
        """An independent state with the same content."""
        other = State.__new__(State)
        other.regions = self.regions.copy()
        other.facts = self.facts.copy()
        other.references = self.references.copy()
        other.symbols = self.symbols.copy()
        other.slots = self.slots.copy()
        other.loads = self.loads.copy()
        other.rcu = self.rcu
        other.preempt = self.preempt
        other.irq = self.irq
        other.locks = self.locks
        other.shadow = self.shadow
        other.trail = self.trail
        other.returned = self.returned
        return other

    def step(self, what: str, span: Span, text: str, subject: int = 0) -> None:
        """Remember for the story that this happened."""
        self.trail = (self.trail, Step(what, span, text, subject))

    def fact(self, value: Value) -> Fact:
        """What is known of a value; constants are scalars."""
        if isinstance(value, Ref):
            return self.facts.get(value.id, ANY)
        return Scalar(value, value)

    # -- memory ------------------------------------------------------------------------------------------

    def read(self, region: int, offset: int, size: int) -> Value | None:
        """The value of a cell, None when it is not known as a whole."""
        content = self.regions.get(region)
        if content is None:
            return None
        fill, cells = content
        cell = cells.get(offset)
        if cell is not None and cell[0] == size:
            return cell[1]
        for at, (length, value) in cells.items():
            if at < offset + size and offset < at + length:
                if value == 0 and at <= offset and offset + size <= at + length:
                    return 0
                return None
        return 0 if fill == "zero" else None

    def write(self, region: int, offset: int, size: int, value: Value) -> None:
        """Store a value; what overlaps is gone."""
        self.forget_symbols(region)
        fill, cells = self.regions.get(region, ("uninit", {}))
        kept = {a: c for a, c in cells.items() if a >= offset + size or a + c[0] <= offset}
        if fill == "zero":
            # What is left of a partly overwritten cell is no longer zero-filled ground.
            for a, (length, _) in cells.items():
                if a < offset < a + length:
                    kept[a] = (offset - a, self.unknown_value())
                if a < offset + size < a + length:
                    kept[offset + size] = (a + length - offset - size, self.unknown_value())
        kept[offset] = (size, value)
        self.regions[region] = (fill, kept)
        self._clobber_slots(region, offset, size)

    def write_symbol(self, region: int, index: int, offset: int, size: int, value: Value) -> None:
        """Store at an unknown index: any element may be the one, but this index reads it back."""
        kept = {
            key: cell
            for key, cell in self.symbols.items()
            if key[0] == region and key[1] == index and (key[2] >= offset + size or key[2] + cell[0] <= offset)
        }
        self.fill(region, 0, None, "unknown", 0)
        self.symbols.update(kept)
        self.symbols[region, index, offset] = (size, value)

    def forget_symbols(self, region: int) -> None:
        """What is known of elements at unknown indices is gone: one of them may have been written."""
        if self.symbols:
            for key in [k for k in self.symbols if k[0] == region]:
                del self.symbols[key]

    def unknown_value(self) -> Value:
        """A value without any fact, shared: only its being unknown matters."""
        return Ref(0, 0)

    def fill(self, region: int, offset: int, size: int | None, fill: Fill, whole: int) -> None:
        """Set [offset, offset+size) to zero or unknown; the whole region when it covers `whole` bytes."""
        self.forget_symbols(region)
        if offset == 0 and (size is None or size >= whole):
            self.regions[region] = (fill, {})
            self._clobber_slots(region, 0, max(whole, size or 0))
        elif size is None:
            self.regions[region] = ("unknown", {})
            self._clobber_slots(region, 0, whole)
        elif fill == "zero":
            self.write(region, offset, size, 0)
        else:
            self.write(region, offset, size, self.unknown_value())

    def _clobber_slots(self, region: int, offset: int, size: int) -> None:
        if self.slots:
            for key in [k for k in self.slots if k[0] == region and offset - 16 < k[1] < offset + size]:
                if self.slots[key].what == "iterator" or offset <= key[1]:
                    del self.slots[key]

    def drop_frame(self, depth: int) -> None:
        """Forget the locals of a frame that returned."""
        low, high = depth * FRAME, (depth + 1) * FRAME
        for region in [r for r in self.regions if low <= r < high]:
            del self.regions[region]
        for key in [k for k in self.symbols if low <= k[0] < high]:
            del self.symbols[key]
        for slot in [k for k in self.slots if low <= k[0] < high]:
            del self.slots[slot]

    def holds(self) -> bool:
        """Whether something must still be given back or left."""
        return bool(self.references or self.rcu or self.preempt or self.irq or self.locks or self.shadow)

    # -- references --------------------------------------------------------------------------------------

    def values_of_reference(self, reference: int) -> list[int]:
        """Ids of the pointers that carry a reference."""
        return [i for i, f in self.facts.items() if isinstance(f, Pointer) and f.reference == reference]

    # -- comparison --------------------------------------------------------------------------------------

    def canonical(self, scalars: bool = True) -> tuple[object, ...]:
        """A key that is equal for states that behave alike; facts that nothing refers to are dropped.

        With `scalars` false, integers are left out: what remains are the obligations and pointers, the
        ground on which states may be joined (ESP, Das, Lerner, Seigle, PLDI 2002).
        """
        rename: dict[int, int] = {}
        order: list[int] = []
        facts = self.facts
        references = {r: n for n, r in enumerate(sorted(self.references), 1)}

        def number(identifier: int) -> int:
            found = rename.get(identifier)
            if found is None:
                fact = facts.get(identifier)
                if type(fact) is Scalar and fact.expr is not None:
                    for operand in fact.expr[1:]:
                        if type(operand) is Ref:
                            number(operand.id)
                found = rename[identifier] = len(rename) + 1
                order.append(identifier)
            return found

        memory: list[object] = []
        for region in sorted(self.regions):
            fill, cells = self.regions[region]
            row: list[object] = [region, fill] if scalars else [region]
            for at in sorted(cells):
                size, value = cells[at]
                if isinstance(value, int):
                    if scalars:
                        row.append((at, size, value))
                elif scalars or type(facts.get(value.id)) is Pointer:
                    row.append((at, size, -number(value.id), value.offset))
            memory.append(tuple(row))
        for (region, index, offset), (size, value) in sorted(self.symbols.items()):
            if index in rename and isinstance(value, Ref):
                memory.append(("element", region, rename[index], offset, size, number(value.id), value.offset))
        for (base, offset), value in sorted(self.loads.items()):
            if base in rename and isinstance(value, Ref):
                memory.append(("load", rename[base], offset, number(value.id), value.offset))
        locks = tuple(number(v.id) if isinstance(v, Ref) else v for v in self.locks)
        shapes: list[object] = []
        for identifier in order:
            fact = facts.get(identifier)
            if type(fact) is Pointer:
                shapes.append(fact.shape(references))
            elif fact is not None and scalars:
                shapes.append(fact.shape(rename))
        if scalars:
            self.symbols = {k: c for k, c in self.symbols.items() if k[1] in rename}
            self.loads = {k: v for k, v in self.loads.items() if k[0] in rename}
            self.facts = {i: facts[i] for i in order if i in facts}
        held = tuple((r.site, r.kind, r.callback) for _, r in sorted(self.references.items()))
        slots = tuple(
            (k, s.what, s.kind, references.get(s.reference, 0), s.drained, s.broken, s.ended)
            for k, s in sorted(self.slots.items())
        )
        return (
            tuple(memory), tuple(shapes), held, slots, self.rcu, self.preempt, self.irq, locks, self.shadow,
        )  # fmt: skip
