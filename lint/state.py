"""The state of one path: memory, facts, references, regions. Copied at forks, compared in canonical form.

Memory is a map from regions (one per local variable and frame, one per global that was written) to cells; a
region's dict of cells is never edited in place, so that copies of the state can share it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.values import ANY, Fact, Pointer, Ref, Scalar, Value
from kfuncgen.records import Struct

FRAME = 1 << 20
"""Region ids of frame d are d*FRAME + variable index; globals have negative ids."""

PSEUDO = FRAME - 8
"""Indices from here on are no variables but what the engine keeps in a frame: results, callback contexts."""

WORDS = FRAME - 4
"""Region of frame 0 with the words of the context that keep their value: arguments that carry a reference."""

MAX_SETTLED = 12
"""Settled tests that a state remembers; programs that test one value more often are rare."""

Fill = Literal["zero", "unknown", "uninit"]


class Reference(Struct, frozen=True):
    """A live reference: `site` is the acquire call, `holder` the id of the value that was returned by it.

    `kind`: `object` (released by a kfunc or helper), `iterator` and `dynptr` (their variable owns it).
    """

    site: int
    kfunc: str
    holder: int
    kind: Literal["object", "iterator", "dynptr"] = "object"
    callback: int = 0
    """Depth of the callback frame it was acquired in; 0 = in the program itself."""
    release: str = ""
    """What releases it, where the acquiring call does not say it."""


LockKind = Literal["spin", "res", "res-irq"]
"""bpf_spin_lock(), bpf_res_spin_lock(), bpf_res_spin_lock_irqsave()."""


class Lock(NamedTuple):
    """A lock that is held: the pointer it was taken through, and by which kind of call."""

    value: Value
    kind: LockKind = "spin"


UNIT = 8
"""Bytes of the units in which the verifier follows the stack (BPF_REG_SIZE): a write ends all that is in one."""

Regions = dict[int, tuple[Fill, dict[int, tuple[int, Value]]]]
"""Memory: how the rest of a region is filled, and the cells by offset, with their sizes."""


class Slot(Struct, frozen=True):
    """An iterator, a dynptr or saved interrupt flags in a local variable; `size` in bytes.

    `kind`: an iterator's family, how a dynptr was made, or who saved the flags (`native`, `lock`).
    """

    what: Literal["iterator", "dynptr", "irq"]
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
    size: int = UNIT


class Step(Struct, frozen=True):
    """One thing that happened on a path; `subject` is the value or reference it is about, 0 = the path itself."""

    what: str
    span: Span
    text: str
    subject: int = 0
    branch: ir.Branch | None = None
    """The branch that was taken."""


BEYOND = -1
"""Value of `State.shadow` beyond a call of a function that the kernel lacks."""


class State:
    """One path's state. `shadow` is set on paths that the verifier never takes: beyond a call of what the kernel
    lacks (BEYOND), and on the NULL branch of what is never NULL (the site of its call, see dead-null-test)."""

    __slots__ = (
        "blurred", "facts", "irq", "loads", "locks", "preempt", "rcu", "references", "regions", "returned",
        "shadow", "slots", "symbols", "trail",
    )  # fmt: skip

    def __init__(self) -> None:
        self.regions: Regions = {}
        self.facts: dict[int, Fact] = {}
        self.references: dict[int, Reference] = {}
        self.symbols: dict[tuple[int, int, int], tuple[int, Value]] = {}
        """Array elements at an index that is a value, not a number: (region, index value, offset) -> cell."""
        self.slots: dict[tuple[int, int], Slot] = {}
        self.loads: dict[tuple[int, int], Value] = {}
        """Pointers and numbers read through pointers since the last store or call: compilers read them once."""
        self.rcu = 0
        self.preempt = 0
        self.irq: tuple[int, ...] = ()
        """Identities of the interrupt flags that are saved, the latest last."""
        self.locks: tuple[Lock, ...] = ()
        self.shadow = 0
        self.trail: object = None
        self.blurred: tuple[Span, str] | None = None
        """Where paths were first joined on the way here, if they were: numbers may be more than they can be."""
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
        other.blurred = self.blurred
        other.returned = self.returned
        return other

    def step(self, what: str, span: Span, text: str, subject: int = 0, branch: ir.Branch | None = None) -> None:
        """Remember for the story that this happened."""
        self.trail = (self.trail, Step(what, span, text, subject, branch))

    def fact(self, value: Value) -> Fact:
        """What is known of a value; constants are scalars."""
        if isinstance(value, Ref):
            return self.facts.get(value.id, ANY)
        return Scalar(value, value)

    def is_given(self, value: Value) -> bool:
        """Whether what is not known of a number is not known to the verifier either: it comes from outside."""
        if not isinstance(value, Ref):
            return True
        fact = self.facts.get(value.id)
        if not isinstance(fact, Scalar) or fact.given:
            return isinstance(fact, Scalar)
        return fact.expr is not None and all(self.is_given(operand) for operand in fact.expr[1:])

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
            if _covers(offset, size, at, length):
                if value == 0 and at <= offset and offset + size <= at + length:
                    return 0
                return None
        return 0 if fill == "zero" else None

    def write(self, region: int, offset: int, size: int, value: Value) -> None:
        """Store a value; what overlaps is gone."""
        self.forget_symbols(region)
        fill, cells = self.regions.get(region, ("uninit", {}))
        kept = {a: c for a, c in cells.items() if not _covers(offset, size, a, c[0])}
        if fill == "zero":
            # What is left of a partly overwritten cell is no longer zero-filled ground.
            for a, (length, old) in cells.items():
                if old == 0 or a < 0:
                    continue
                if a < offset < a + length:
                    kept[a] = (offset - a, self.unknown_value())
                if a < offset + size < a + length:
                    kept[offset + size] = (a + length - offset - size, self.unknown_value())
        else:
            for a, (length, old) in cells.items():
                if old == 0 and 0 <= a < offset < a + length:
                    kept[a] = (offset - a, 0)
                if old == 0 and 0 <= a < offset + size < a + length:
                    kept[offset + size] = (a + length - offset - size, 0)
        kept[offset] = (size, value)
        self.regions[region] = (fill, kept)
        self._clobber_slots(region, offset, size)

    def read_bits(self, region: int, bit: int) -> Value | None:
        """The value of a bit-field by its first bit; bit-fields are cells with negative keys."""
        content = self.regions.get(region)
        if content is None:
            return None
        fill, cells = content
        cell = cells.get(-1 - bit)
        if cell is not None:
            return cell[1]
        for at, (length, value) in cells.items():
            if at >= 0 and at * 8 <= bit < (at + length) * 8:
                return 0 if value == 0 else None
        return 0 if fill == "zero" else None

    def write_bits(self, region: int, bit: int, width: int, value: Value) -> None:
        """Store a bit-field; what else is known of its bytes stays only when it is zero."""
        fill, cells = self.regions.get(region, ("uninit", {}))
        kept = {
            a: c for a, c in cells.items() if a < 0 or c[1] == 0 or (a + c[0]) * 8 <= bit or bit + width <= a * 8
        }
        if len(kept) < len(cells) and fill == "zero":
            fill = "unknown"
        kept[-1 - bit] = (width, value)
        self.regions[region] = (fill, kept)

    def write_symbol(
        self, region: int, index: int, offset: int, size: int, value: Value, extent: tuple[int, int] | None = None
    ) -> None:
        """Store at an unknown index: any element may be the one, but this index reads it back."""
        kept = {
            key: cell
            for key, cell in self.symbols.items()
            if key[0] == region and key[1] == index and (key[2] >= offset + size or key[2] + cell[0] <= offset)
        }
        low, length = extent or (0, None)
        self.fill(region, low, length, "unknown", 0 if length is None else low + length + 1)
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

    def touched(self, region: int, offset: int | None, size: int | None) -> list[tuple[int, int]]:
        """Keys of the slots that share a unit of the stack with [offset, offset+size); None: may be anywhere."""
        if not self.slots:
            return []
        low = 0 if offset is None else offset // UNIT * UNIT
        high = None if offset is None or size is None else -(-(offset + size) // UNIT) * UNIT
        return [
            key
            for key, slot in self.slots.items()
            if key[0] == region and low < key[1] + slot.size and (high is None or key[1] < high)
        ]

    def _clobber_slots(self, region: int, offset: int, size: int) -> None:
        for key in self.touched(region, offset, size):
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

    # -- comparison --------------------------------------------------------------------------------------

    def _settled(self, rename: dict[int, int]) -> list[int]:
        """Tests whose outcome this path knows although nothing holds the result: the next same test asks again."""
        found: list[tuple[str, int]] = []
        for identifier, fact in self.facts.items():
            if type(fact) is not Scalar or fact.expr is None or identifier in rename:
                continue
            if fact.low != fact.high and not fact.excluded and fact.low != 1:
                continue
            key = self._named(Ref(identifier), rename)
            if key is not None:
                found.append((repr(key), identifier))
        return [identifier for _, identifier in sorted(found)[:MAX_SETTLED]]

    def _named(self, value: Value, rename: dict[int, int]) -> object | None:
        """What makes a value up of values that memory holds; None when one is not held."""
        if type(value) is not Ref:
            return value
        if value.id in rename:
            return ("v", rename[value.id])
        fact = self.facts.get(value.id)
        if type(fact) is not Scalar or fact.expr is None:
            return None
        left, right = self._named(fact.expr[1], rename), self._named(fact.expr[2], rename)
        return None if left is None or right is None else (fact.expr[0], left, right)

    def canonical(self, scalars: bool = True, nulls: bool = True) -> tuple[object, ...]:
        """A key that is equal for states that behave alike; facts that nothing refers to are dropped.

        With `scalars` false, integers are left out, but for possible NULLs with `nulls`: what remains are the
        obligations and pointers, the ground on which states may be joined (ESP, Das, Lerner, Seigle, PLDI 2002).
        """
        rename: dict[int, int] = {}
        order: list[int] = []
        facts = self.facts
        references = {r: n for n, r in enumerate(sorted(self.references), 1)} if self.references else {}
        owners = {}
        if self.slots:
            for n, (_, slot) in enumerate(sorted(self.slots.items()), 1):
                owners[slot.identity or slot.reference] = n

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
            for at in sorted(cells) if len(cells) > 1 else cells:
                size, value = cells[at]
                if type(value) is int:
                    if scalars or (nulls and size == 8 and value == 0):
                        # A NULL tells as much as a pointer; packet pointers are numbers here, their NULLs too.
                        row.append((at, size, value))
                    continue
                assert type(value) is Ref
                identifier, offset = value
                if scalars:
                    row.append((at, size, -(rename.get(identifier) or number(identifier)), offset))
                    continue
                fact = facts.get(identifier)
                if type(fact) is Pointer:
                    row.append((at, size, -(rename.get(identifier) or number(identifier)), offset))
                elif type(fact) is Scalar and fact.death is not None:
                    row.append((at, size, fact.death.how))
            memory.append(tuple(row))
        if self.symbols:
            elements = [(k[0], rename[k[1]], k[2], c) for k, c in self.symbols.items() if k[1] in rename]
            for region, index, start, (size, value) in sorted(elements, key=lambda e: e[:3]):
                held = (number(value.id), value.offset) if isinstance(value, Ref) else (value,)
                memory.append(("element", region, index, start, size, *held))
        if self.loads:
            loads = [(rename[k[0]], k[1], v) for k, v in self.loads.items() if k[0] in rename]
            for base, start, value in sorted(loads, key=lambda e: e[:2]):
                if isinstance(value, Ref) and (scalars or type(facts.get(value.id)) is Pointer):
                    memory.append(("load", base, start, number(value.id), value.offset))
        if scalars:
            for identifier in self._settled(rename):
                memory.append(("settled", number(identifier)))
        locks = tuple((k, number(v.id), v.offset) if isinstance(v, Ref) else (k, v) for v, k in self.locks)
        shapes: list[object] = []
        for identifier in order:
            fact = facts.get(identifier)
            if isinstance(fact, Pointer):
                shapes.append(fact.shape(references, owners))
            elif fact is not None and scalars:
                shapes.append(fact.shape(rename))
        if scalars:
            if self.symbols:
                self.symbols = {k: c for k, c in self.symbols.items() if k[1] in rename}
            if self.loads:
                self.loads = {k: v for k, v in self.loads.items() if k[0] in rename}
            self.facts = {i: facts[i] for i in order if i in facts}
        references_held = tuple((r.site, r.kind, r.callback) for _, r in sorted(self.references.items()))
        slots = tuple(
            (k, s.what, s.kind, references.get(s.reference, 0), s.drained, s.broken, s.ended, s.protected)
            for k, s in sorted(self.slots.items())
        )
        irq = tuple(owners.get(identity, 0) for identity in self.irq)
        return (
            tuple(memory), tuple(shapes), references_held, slots, locks,
            self.rcu, self.preempt, irq, self.shadow,
        )  # fmt: skip


def _covers(offset: int, size: int, at: int, length: int) -> bool:
    """Whether [offset, offset+size) touches a cell; bit-fields have negative keys and lengths in bits."""
    if at < 0:
        bit = -1 - at
        return offset * 8 < bit + length and bit < (offset + size) * 8
    return at < offset + size and offset < at + length
