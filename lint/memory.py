"""Memory: where places are, what they hold, and the faults of reaching through pointers."""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint import access, fields, ir, stored
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.places import frozen_value, is_frozen, path_of
from kfuncgen.lint.run import Run, stop
from kfuncgen.lint.slicing import WHOLE
from kfuncgen.lint.spelling import pointer_of
from kfuncgen.lint.stack import Where, check_read, overwrite
from kfuncgen.lint.state import FRAME, WORDS, Fill, State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Death, Pointer, Ref, Scalar, Value, from_outside, scalar_of
from kfuncgen.lint.walk import context_field, kernel_field
from kfuncgen.records import Struct, replace

NULL_PAGE = 4096
"""Addresses below are members of an object that was to be at NULL."""


class Location(Struct):
    """Where a place is: in modelled memory (`region`), or behind the pointer `base`."""

    region: int | None
    offset: int | None
    whole: int = 0
    base: Value = 0
    through: bool = False
    member: ir.Member | None = None
    volatile: bool = False
    extent: tuple[int, int] | None = None
    """(offset, size) of the array that an unknown index stays within."""
    vague: bool = False
    """The offset is unknown because paths were joined: the verifier may know it."""
    symbol: tuple[int, int] | None = None
    """(index value, offset) of an array element at an index that is no known number."""


def _moved(inner: Location, step: int | None, member: ir.Member | None) -> Location:
    offset = None if inner.offset is None or step is None else inner.offset + step
    symbol = None if inner.symbol is None or step is None else (inner.symbol[0], inner.symbol[1] + step)
    return replace(inner, offset=offset, member=member, symbol=symbol)


def _symbol(index: Ref, fact: Scalar, scale: int, offset: int) -> tuple[int, int]:
    """`a[i]` and `a[i + 1]` are told apart: the index is a value plus a constant."""
    if fact.expr is not None and fact.expr[0][0] in "+-":
        _, base, step = fact.expr
        if isinstance(base, Ref) and isinstance(step, int):
            return base.id, offset + (step if fact.expr[0][0] == "+" else -step) * scale
    return index.id, offset


class Memory:
    """Places as one frame sees them: `depth` numbers its locals' regions, `function` names it in findings."""

    def __init__(self, run: Run, function: ir.Function, depth: int, callback: int = 0, less: bool = False) -> None:
        self.run = run
        self.function = function
        self.depth = depth
        self.callback = callback
        """How many synchronous callbacks this frame is nested in."""
        self.slice = WHOLE
        """What need not be followed of the function."""
        self.less = less
        """Inside the `less` callback of bpf_rbtree_add()."""

    # -- life --------------------------------------------------------------------------------------------

    def life(self, state: State, value: Value) -> Life:
        """Where a value stands in a pointer's life."""
        if not isinstance(value, Ref):
            return Life.NULL if value == 0 else Life.UNKNOWN
        fact = state.facts.get(value.id, ANY)
        if isinstance(fact, Pointer):
            if fact.null:
                return Life.UNCHECKED
            return Life.HELD if fact.reference else Life.BORROWED
        if fact.death is not None:
            return {
                "null": Life.NULL,
                "released": Life.RELEASED,
                "unlocked": Life.UNLOCKED,
                "undeclared": Life.UNDECLARED,
                "stale": Life.STALE,
                "submitted": Life.SUBMITTED,
                "stop": Life.STOPPED,
            }[fact.death.how]
        return Life.NULL if fact.known == 0 else Life.UNKNOWN

    def describe(self, state: State, value: Value, written: str = "") -> dict[str, str]:
        """Words about a value for messages: its name (as `written` where it is used), where it came from, what
        ended it."""
        name = written or self.run.name_of(value, "")
        fact = state.fact(value)
        origin = by = ""
        if isinstance(fact, Pointer):
            origin = fact.origin
        elif fact.death is not None:
            origin, by = fact.death.origin, fact.death.by
        elif value == 0:
            name = name or "NULL"
        known = isinstance(fact, Scalar) and fact.known == 0
        return {
            "null": "is NULL" if known else "may be NULL",
            "var": name or "the pointer",
            "origin": origin,
            "by": by,
        }

    def dereference(self, state: State, value: Value, span: Span, written: str = "") -> bool:
        """Reach through a pointer (`written` so); false when that was a fault and the result means nothing."""
        if isinstance(value, int) and 0 < value < NULL_PAGE:
            value = 0  # a member behind NULL
        fault = judge(self.life(state, value), Use.DEREFERENCE)
        fact = state.fact(value)
        if fault is None and isinstance(fact, Pointer):
            if fact.kind == "percpu" and fact.ctype is not None:
                fault = Fault.PERCPU_DEREFERENCE
            elif fact.kind == "user":
                fault = Fault.USER_DEREFERENCE
            elif fact.kind == "alloc" and fact.trust == "untrusted" and not (fact.reference or fact.non_owning):
                fault = Fault.USE_AFTER_UNLOCK  # RCU protected it, and nothing else
        if isinstance(fact, Scalar) and fact.number and fact.death is None and fact.known is None:
            fault = Fault.NUMBER_DEREFERENCE
        if fault is None:
            given = state.fact(value)
            if isinstance(given, Pointer) and given.kind == "dynptr":
                name = self.run.name_of(value)
                words = {"how": "accessed", "var": name}
                self.run.report(state, Fault.DYNPTR_CONST, span, self.function.name, site=given.site, words=words)
            return True
        words = self.describe(state, value, written)
        subject = value.id if isinstance(value, Ref) else 0
        site = fact.site if isinstance(fact, Pointer) else fact.death.site if fact.death else 0
        self.run.report(state, fault, span, self.function.name, subject, site, words)
        if isinstance(fact, Pointer) and isinstance(value, Ref):
            state.facts[value.id] = replace(fact, null=False)
            return True
        stop(state, value)
        return False

    # -- places ------------------------------------------------------------------------------------------

    def locate(self, state: State, place: ir.Place) -> Location:
        """Find a place; nothing is reached through yet."""
        if isinstance(place, ir.Local):
            region = self.depth * FRAME + place.var.index
            ctype = place.var.ctype
            # Of stack slots that are no whole eight bytes the verifier knows zeroes only.
            partly = ctype.volatile and ctype.size < 8
            return Location(region, 0, ctype.size or 8, volatile=partly)
        if isinstance(place, ir.Global):
            return Location(
                self.run.global_region(place.var), 0, place.ctype.size, volatile=place.var.ctype.volatile
            )
        if isinstance(place, ir.Deref):
            value = self.value(state, place.pointer)
            fact = state.fact(value)
            if isinstance(fact, Pointer) and fact.region is not None and isinstance(value, Ref):
                return Location(fact.region, value.offset, fact.size or 0)
            offset = value.offset if isinstance(value, Ref) else 0
            vague = isinstance(value, Ref) and value.id in self.run.vague
            return Location(None, offset, base=value, through=True, vague=vague)
        inner = self.locate(state, place.base)
        if isinstance(place, ir.Member):
            return _moved(inner, place.offset, place)
        index = self.value(state, place.index)
        fact = state.fact(index)
        scale = place.ctype.size or 1
        if isinstance(fact, Scalar) and fact.known is not None:
            return _moved(inner, fact.known * scale, None)
        moved = _moved(inner, None, None)
        moved.vague = inner.vague or not state.is_given(index)
        if inner.offset is not None and place.base.ctype.size:
            moved.extent = (inner.offset, place.base.ctype.size)
        if isinstance(index, Ref) and isinstance(fact, Scalar) and inner.offset is not None and index.id:
            moved.symbol = _symbol(index, fact, scale, inner.offset)
        return moved

    def load(self, state: State, place: ir.Place, ctype: Type, span: Span) -> Value:
        """Read a scalar or pointer from a place."""
        if id(place) in self.slice.places:
            return self._load_idle(state, place, ctype)
        if type(place) is ir.Global:
            constant = frozen_value(place)
            if constant is not None:
                return constant
        where = self.locate(state, place)
        if where.region is not None and where.region < 0:
            special = fields.load(self, state, where, place, ctype, span)
            if special is not None:
                return special
        if where.region is not None:
            value = self._load_region(state, where, place, ctype, span)
            if where.region < 0 and isinstance(value, Ref) and is_frozen(place):
                self.run.frozen.add(value.id)
            return value
        base = where.base
        if not self.dereference(state, base, span, pointer_of(place)):
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        fact = state.fact(base)
        if not isinstance(fact, Pointer):
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        if fact.kind in ("map-value", "alloc"):
            special = fields.load(self, state, where, place, ctype, span)
            if special is not None:
                return special
        key = (base.id, where.offset) if isinstance(base, Ref) and where.offset is not None else None
        if fact.kind == "ctx":
            kept = state.read(WORDS, where.offset, 8) if where.offset is not None else None
            if kept is not None:
                return kept
            if where.member is None or where.member.struct.relocated:
                # The context is read anew each time: compilers do not merge CO-RE accesses and context words.
                key = None
        if not _read_once(where, ctype):
            key = None
        elif key is not None and ctype.is_integer:
            key = (key[0], key[1] * 16 + ctype.size)
        if key is not None and key in state.loads:
            return state.loads[key]
        access.bounds(self, state, where, ctype.size, span)
        made: Scalar | Pointer | None = None
        if fact.kind == "ctx":
            made = context_field(self.run, where.member, where.offset, ctype)
        elif fact.kind in ("kernel", "alloc"):
            made = kernel_field(self.run, state, fact, where.member, ctype, path_of(place))
        if made is None:
            made = scalar_of(ctype) if ctype.is_integer else ANY
        if isinstance(made, Scalar):
            made = replace(made, given=True, number=stored.keeps_number(self.run, fact, place, ctype))
        value = self.read_pointer(state, made, where.member.name if where.member is not None else "", span)
        if key is not None:
            state.loads[key] = value
        return value

    def _load_idle(self, state: State, place: ir.Place, ctype: Type) -> Value:
        """A number that decides nothing, or what a local holds in its place."""
        if isinstance(place, ir.Local):
            kept = state.read(self.depth * FRAME + place.var.index, 0, ctype.size)
            if kept is not None:
                return kept
        return self.run.new(state, scalar_of(ctype))

    def is_idle(self, state: State, place: ir.Place, value: Value) -> bool:
        """Whether a local need not keep a value: it decides nothing, and nobody asks what became of it."""
        if not isinstance(place, ir.Local) or place.var.index not in self.slice.idle:
            return False
        fact = state.fact(value)
        return isinstance(fact, Scalar) and fact.death is None and not fact.error_of

    def read_pointer(self, state: State, made: Scalar | Pointer, name: str, span: Span) -> Value:
        """A new value that was read from the field `name`."""
        value = self.run.new(state, made)
        if name and isinstance(value, Ref):
            self.run.fields[value.id] = name
            if isinstance(made, Pointer) and (made.null or made.trust in ("untrusted", "rcu")):
                state.step("read", span, _read(made), value.id)
        return value

    def _load_region(self, state: State, where: Location, place: ir.Place, ctype: Type, span: Span) -> Value:
        assert where.region is not None
        size = ctype.size or 8
        if state.slots:
            check_read(self._at(span), state, where.region, where.offset, size)
        if where.symbol is not None:
            cell = state.symbols.get((where.region, *where.symbol))
            if cell is not None and cell[0] == size:
                return cell[1]
        bits = where.member.bits if where.member is not None else None
        if where.offset is not None:
            if bits is None:
                value = state.read(where.region, where.offset, size)
            else:
                value = state.read_bits(where.region, where.offset * 8 + bits[0])
            if value is not None and not (isinstance(value, Ref) and value.id == 0):
                fact = state.facts.get(value.id) if isinstance(value, Ref) else None
                if isinstance(fact, Scalar) and fact.error_of:
                    self.run.error_reads.add(fact.error_of)
                return value
        if isinstance(place, ir.Local) and place.var.in_register and where.region not in state.regions:
            # Never set on this path: compilers may take any value for it, and no fault of its use is certain.
            return self.run.new(state, replace(scalar_of(ctype), death=Death("stop")))
        var = self.run.variable_of(where.region)
        outside = var is not None and not (var.frozen or var.extern)
        unknown = scalar_of(ctype) if ctype.is_integer else ANY
        word = from_outside(ctype) if outside else unknown
        if var is not None and stored.global_keeps_number(self.run, var, place, ctype):
            word = replace(word, number=True)
        made = self.run.new(state, word)
        if where.offset is not None and bits is None and not where.volatile:
            content = state.regions.get(where.region, ("uninit", {}))
            cells = dict(content[1])
            overlapping = any(a < where.offset + size and where.offset < a + s for a, (s, _) in cells.items())
            if not overlapping and (where.region >= 0 or isinstance(place, ir.Global)):
                cells[where.offset] = (size, made)
                state.regions[where.region] = (content[0], cells)
        return made

    def store(self, state: State, place: ir.Place, value: Value, span: Span) -> None:
        """Write a scalar or pointer to a place."""
        where = self.locate(state, place)
        if where.region is None:
            state.loads.clear()
            if self.dereference(state, where.base, span, pointer_of(place)):
                access.written(self, state, where, place, span, value=value)
                stored.remember(self.run, stored.ANY_MAP, value, place.ctype)
            return
        fields.reach(self, state, where, place.ctype.size or 8, span, value, "write")
        var = self.run.variable_of(where.region)
        if var is not None:
            stored.remember(self.run, var.name, value, place.ctype)
        if where.volatile:
            if where.region < 0:
                return
            value = 0 if value == 0 else state.unknown_value()
        size = place.ctype.size or 8
        lost = overwrite(self._at(span), state, where.region, where.offset, size) if state.slots else {}
        if where.symbol is not None:
            state.write_symbol(where.region, *where.symbol, size, value, where.extent)
        elif where.offset is None:
            low, length = where.extent or (0, None)
            state.fill(where.region, low, length, "unknown", where.whole)
        elif where.member is not None and where.member.bits is not None:
            first, width = where.member.bits
            state.write_bits(where.region, where.offset * 8 + first, width, value)
        else:
            state.write(where.region, where.offset, size, value)
        state.slots.update(lost)

    def forget(self, state: State, place: ir.Place) -> None:
        """Keep no value of a local."""
        if isinstance(place, ir.Local):
            state.regions.pop(self.depth * FRAME + place.var.index, None)

    def _at(self, span: Span) -> Where:
        return Where(self.run, span, self.function.name)

    def settle_word(self, state: State, value: Value, ctype: Type) -> Value:
        """A word of the context that may be a pointer or a number is a number once it is kept as one."""
        fact = state.fact(value)
        word = isinstance(fact, Pointer) and fact.kind == "kernel" and fact.ctype is None
        if word and ctype.is_integer and isinstance(fact, Pointer) and fact.origin == "argument":
            return self.run.new(state, from_outside(ctype))
        return value

    def assign(self, state: State, instruction: ir.Assign) -> None:
        """`place = value`, structs included."""
        place, source = instruction.place, instruction.value
        if place.ctype.is_aggregate:
            if isinstance(source, ir.Load):
                self.copy(state, ir.Copy(place, source.place, place.ctype.size, instruction.span))
            else:
                self.fill(state, ir.Fill(place, False, instruction.span))
            return
        value = self.settle_word(state, self.value(state, source), place.ctype)
        if self.is_idle(state, place, value):
            self.forget(state, place)
            return
        if isinstance(value, Ref) and value.id:
            if isinstance(place, ir.Local) and not place.var.is_temp:
                named = self.run.names.setdefault(value.id, place.var.name)
                if named != place.var.name and isinstance(state.fact(value), Pointer):
                    text = f"'{place.var.name}' points to the same object"
                    state.step("alias", instruction.span, text, value.id)
            elif isinstance(place, ir.Member) and place.name:
                self.run.fields.setdefault(value.id, place.name)
        self.store(state, place, value, instruction.span)

    def copy(self, state: State, instruction: ir.Copy) -> None:
        """Bytes from one place to another: values that lie whole in what is copied travel along."""
        size, span = instruction.size, instruction.span
        target, origin = self.locate(state, instruction.place), self.locate(state, instruction.source)
        if origin.region is None and self.dereference(state, origin.base, span, pointer_of(instruction.source)):
            access.bounds(self, state, origin, size or 1, span)
        fields.copied(self, state, instruction, target, origin)
        if origin.region is not None:
            check_read(self._at(span), state, origin.region, origin.offset, size)
        if target.region is None:
            state.loads.clear()
            if self.dereference(state, target.base, span, pointer_of(instruction.place)):
                access.written(self, state, target, instruction.place, span, size, how="copy")
                stored.remember_all(self.run, None)
            return
        if target.region < 0:
            stored.remember_all(self.run, self.run.variable_of(target.region))
        lost = overwrite(self._at(span), state, target.region, target.offset, size or target.whole)
        if target.offset is None:
            state.fill(target.region, 0, None, "unknown", target.whole)
        elif origin.region is None or origin.offset is None or not size:
            state.fill(target.region, target.offset, size or None, "unknown", target.whole)
        else:
            fill, cells = state.regions.get(origin.region, ("uninit", {}))
            low, high = origin.offset, origin.offset + size
            inside = {a - low: c for a, c in cells.items() if low <= a and a + c[0] <= high}
            ground: Fill = "zero" if fill == "zero" and not _cut(cells, low, high) else "unknown"
            state.fill(target.region, target.offset, size, ground, target.whole)
            for at, (length, value) in inside.items():
                state.write(target.region, target.offset + at, length, value)
        state.slots.update(lost)

    def content(self, state: State, place: ir.Place) -> tuple[Fill, dict[int, tuple[int, Value]]]:
        """The memory of a struct, as a region's content of its own."""
        where = self.locate(state, place)
        if where.region is None or where.offset is None:
            return ("unknown", {})
        fill, cells = state.regions.get(where.region, ("uninit", {}))
        low, high = where.offset, where.offset + place.ctype.size
        return (fill, {a - low: c for a, c in cells.items() if low <= a and a + c[0] <= high})

    def fill(self, state: State, instruction: ir.Fill) -> None:
        """Zero or forget a place."""
        where = self.locate(state, instruction.place)
        if where.region is None:
            state.loads.clear()
            if self.dereference(state, where.base, instruction.span, pointer_of(instruction.place)):
                how = "zero" if instruction.zero else "write"
                access.written(self, state, where, instruction.place, instruction.span, instruction.size, how=how)
            return
        size = instruction.size if instruction.size is not None else instruction.place.ctype.size or None
        lost = overwrite(self._at(instruction.span), state, where.region, where.offset, size or where.whole)
        if where.offset is None:
            state.fill(where.region, 0, None, "unknown", where.whole)
        else:
            state.fill(where.region, where.offset, size, "zero" if instruction.zero else "unknown", where.whole)
        state.slots.update(lost)

    def value(self, state: State, expression: ir.Expr) -> Value:
        """The value of an expression; the layer above knows expressions."""
        raise NotImplementedError


def _read(made: Pointer) -> str:
    """What there is to say of a pointer that was read from a field."""
    if made.trust == "rcu":
        return "read here under RCU, may be NULL" if made.null else "read here under RCU"
    doubts = [
        text for is_so, text in ((made.trust == "untrusted", "not trusted"), (made.null, "may be NULL")) if is_so
    ]
    return f"read here, {' and '.join(doubts)}"


def _read_once(where: Location, ctype: Type) -> bool:
    """Whether compilers keep what they read until something may have written it: not so volatile objects, and
    numbers that CO-RE relocations read. Of bit-fields the words around them are read."""
    if ctype.volatile or not (ctype.is_pointer or ctype.is_integer):
        return False
    member = where.member
    return ctype.is_pointer or member is None or not (member.bits is not None or member.struct.relocated)


def _cut(cells: dict[int, tuple[int, Value]], low: int, high: int) -> bool:
    """Whether a border of [low, high) runs through a cell that is not zero, or bit-fields are among the cells."""
    return any(
        a < 0 or (value != 0 and (a < low < a + length or a < high < a + length))
        for a, (length, value) in cells.items()
    )
