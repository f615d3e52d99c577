"""Expressions and memory: what a place holds, what an expression is, and the faults of reaching through it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.integers import combine, decide
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.run import Run, stop
from kfuncgen.lint.state import FRAME, Fill, State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, Value, plain_name, scalar_of
from kfuncgen.lint.walk import context_field, kernel_field, map_field

MAX_EXPRESSION = 3
"""Operations in a row that are remembered of a number: `(x & 3) == 1` is two."""

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


@dataclass(slots=True)
class Location:
    """Where a place is: in modelled memory (`region`), or behind the pointer `base`."""

    region: int | None
    offset: int | None
    whole: int = 0
    base: Value = 0
    through: bool = False
    member: ir.Member | None = None
    volatile: bool = False


class Evaluator:
    """Evaluates in one frame: `depth` numbers its locals' regions, `function` names it in findings."""

    def __init__(self, run: Run, function: ir.Function, depth: int) -> None:
        self.run = run
        self.function = function
        self.depth = depth

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
                "moved": Life.RELEASED,
                "stale": Life.STALE,
                "stop": Life.STOPPED,
            }[fact.death.how]
        return Life.NULL if fact.known == 0 else Life.UNKNOWN

    def describe(self, state: State, value: Value) -> dict[str, str]:
        """Words about a value for messages: its name, where it came from, what ended it."""
        name = self.run.name_of(value, "")
        fact = state.fact(value)
        origin = by = ""
        if isinstance(fact, Pointer):
            origin = fact.origin
        elif fact.death is not None:
            origin, by = fact.death.origin, fact.death.by
        elif value == 0:
            name = "NULL"
        return {"var": name or "the pointer", "origin": origin, "by": by}

    def dereference(self, state: State, value: Value, span: Span) -> bool:
        """Reach through a pointer; false when that was a fault and the result means nothing."""
        fault = judge(self.life(state, value), Use.DEREFERENCE)
        if fault is None:
            return True
        words = self.describe(state, value)
        subject = value.id if isinstance(value, Ref) else 0
        fact = state.fact(value)
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
            return Location(region, 0, place.var.ctype.size or 8)
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
            return Location(None, offset, base=value, through=True)
        if isinstance(place, ir.Member):
            inner = self.locate(state, place.base)
            offset = None if inner.offset is None else inner.offset + place.offset
            return Location(
                inner.region, offset, inner.whole, inner.base, inner.through, place, inner.volatile
            )
        inner = self.locate(state, place.base)
        index = self.value(state, place.index)
        known = state.fact(index)
        scale = place.ctype.size or 1
        step = known.known if isinstance(known, Scalar) else None
        offset = None if inner.offset is None or step is None else inner.offset + step * scale
        return Location(inner.region, offset, inner.whole, inner.base, inner.through, None, inner.volatile)

    def load(self, state: State, place: ir.Place, ctype: Type, span: Span) -> Value:
        """Read a scalar or pointer from a place."""
        if isinstance(place, ir.Global) or _global_root(place):
            constant = _frozen_value(place)
            if constant is not None:
                return constant
        where = self.locate(state, place)
        if where.region is not None:
            return self._load_region(state, where, place, ctype)
        base = where.base
        if not self.dereference(state, base, span):
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        fact = state.fact(base)
        if not isinstance(fact, Pointer):
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        self._bounds(state, where, ctype, span)
        made: Scalar | Pointer | None = None
        if fact.kind == "ctx":
            made = context_field(self.run, where.member, where.offset, ctype)
        elif fact.kind in ("kernel", "alloc"):
            made = kernel_field(self.run, state, fact, where.member, ctype, path_of(place))
        elif fact.kind in ("map-value", "memory"):
            made = map_field(self.run, state, fact, where.member, ctype)
        if made is None:
            made = scalar_of(ctype) if ctype.is_integer else ANY
        name = where.member.name if where.member is not None else ""
        return self.run.new(state, made, name)

    def _load_region(self, state: State, where: Location, place: ir.Place, ctype: Type) -> Value:
        assert where.region is not None
        size = ctype.size or 8
        bitfield = where.member is not None and where.member.bitfield
        if where.offset is not None and not bitfield:
            value = state.read(where.region, where.offset, size)
            if value is not None and not (isinstance(value, Ref) and value.id == 0):
                fact = state.facts.get(value.id) if isinstance(value, Ref) else None
                if isinstance(fact, Scalar) and fact.error_of:
                    self.run.error_reads.add(fact.error_of)
                return value
        made = self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        if where.offset is not None and not bitfield and not where.volatile:
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
            if self.dereference(state, where.base, span):
                self._written(state, where, place, span)
            return
        if where.volatile:
            return
        if where.offset is None:
            state.fill(where.region, 0, None, "unknown", where.whole)
            return
        size = place.ctype.size or 8
        if where.member is not None and where.member.bitfield:
            state.write(where.region, where.offset, size, state.unknown_value())
            return
        state.write(where.region, where.offset, size, value)

    def _written(self, state: State, where: Location, place: ir.Place, span: Span) -> None:
        """Writes through pointers: not to kernel objects, not to read-only memory, not beyond its end."""
        fact = state.fact(where.base)
        if not isinstance(fact, Pointer):
            return
        fault: Fault | None = None
        if fact.kind == "kernel" and not self._may_write(fact, where):
            fault = Fault.KERNEL_WRITE
        elif fact.kind == "memory" and fact.readonly:
            fault = Fault.READONLY_WRITE
        if fault is not None:
            words = self.describe(state, where.base)
            words["field"] = where.member.name if where.member is not None else ""
            subject = where.base.id if isinstance(where.base, Ref) else 0
            self.run.report(state, fault, span, self.function.name, subject, fact.site, words)
        else:
            self._bounds(state, where, place.ctype, span)

    def _may_write(self, fact: Pointer, where: Location) -> bool:
        """The few fields of kernel objects that programs may write (btf_struct_access callbacks)."""
        info = self.run.program.info
        if info is None or info.program_type in ("BPF_PROG_TYPE_STRUCT_OPS", "BPF_PROG_TYPE_EXT"):
            return True
        field = where.member.name if where.member is not None else ""
        return plain_name(fact.struct).startswith("nf_conn") and field == "mark" or fact.ctype is None

    def _bounds(self, state: State, where: Location, ctype: Type, span: Span) -> None:
        """Constant offsets into memory of known size (slices, ring buffer records, iterator elements)."""
        fact = state.fact(where.base)
        if not isinstance(fact, Pointer) or fact.kind != "memory" or fact.size is None or where.offset is None:
            return
        size = ctype.size or 1
        if where.offset < 0 or where.offset + size > fact.size:
            words = self.describe(state, where.base)
            words |= {"offset": str(where.offset), "size": str(size), "available": str(fact.size)}
            subject = where.base.id if isinstance(where.base, Ref) else 0
            self.run.report(state, Fault.MEMORY_BOUNDS, span, self.function.name, subject, fact.site, words)

    def assign(self, state: State, instruction: ir.Assign) -> None:
        """`place = value`, structs included."""
        place, source = instruction.place, instruction.value
        if place.ctype.is_aggregate:
            if isinstance(source, ir.Load):
                self._copy(state, place, source.place, place.ctype, instruction.span)
            else:
                self.fill(state, ir.Fill(place, False, instruction.span))
            return
        value = self.value(state, source)
        if isinstance(value, Ref) and value.id:
            if isinstance(place, ir.Local) and not place.var.is_temp:
                self.run.names.setdefault(value.id, place.var.name)
            elif isinstance(place, ir.Member) and place.name:
                self.run.names.setdefault(value.id, place.name)
        self.store(state, place, value, instruction.span)

    def _copy(self, state: State, to: ir.Place, source: ir.Place, ctype: Type, span: Span) -> None:
        target, origin = self.locate(state, to), self.locate(state, source)
        if origin.region is None:
            self.dereference(state, origin.base, span)
        if target.region is None:
            self.dereference(state, target.base, span)
            return
        if origin.region is None or origin.offset is None or target.offset is None:
            state.fill(target.region, target.offset or 0, ctype.size or None, "unknown", target.whole)
            return
        fill, cells = state.regions.get(origin.region, ("uninit", {}))
        low, high = origin.offset, origin.offset + ctype.size
        inside = {a - low: c for a, c in cells.items() if low <= a and a + c[0] <= high}
        state.fill(
            target.region, target.offset, ctype.size, "zero" if fill == "zero" else "unknown", target.whole
        )
        for at, (size, value) in inside.items():
            state.write(target.region, target.offset + at, size, value)

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
            self.dereference(state, where.base, instruction.span)
            return
        size = instruction.size if instruction.size is not None else instruction.place.ctype.size or None
        if where.offset is None:
            state.fill(where.region, 0, None, "unknown", where.whole)
        else:
            state.fill(
                where.region, where.offset, size, "zero" if instruction.zero else "unknown", where.whole
            )

    # -- expressions -------------------------------------------------------------------------------------

    def value(self, state: State, expression: ir.Expr) -> Value:
        """The value of an expression in `state`, which may gain facts."""
        if isinstance(expression, ir.Const):
            return expression.value
        if isinstance(expression, ir.Load):
            if expression.ctype.is_aggregate:
                return self.run.new(state, ANY)
            return self.load(state, expression.place, expression.ctype, expression.span)
        if isinstance(expression, ir.AddressOf):
            return self.address(state, expression)
        if isinstance(expression, ir.Cast):
            return self._cast(state, expression)
        if isinstance(expression, ir.Binary):
            return self._binary(state, expression)
        if isinstance(expression, ir.Unary):
            return self._unary(state, expression)
        if isinstance(expression, ir.FunctionRef):
            return self.run.new(state, Pointer("function", origin=expression.name, trust="trusted"))
        if isinstance(expression, ir.Unknown):
            ctype = expression.ctype
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        return self.run.new(state, Pointer("map-value", trust="trusted", readonly=True, origin="string"))

    def address(self, state: State, expression: ir.AddressOf) -> Value:
        """`&place`: the pointer it was reached through moved by its offset, or a pointer to our own memory."""
        place = expression.place
        where = self.locate(state, place)
        if where.region is None:
            base = where.base
            if isinstance(base, Ref):
                return Ref(base.id, where.offset)
            return base + (where.offset or 0)
        root = place
        while isinstance(root, ir.Member | ir.Element):
            root = root.base
        if isinstance(root, ir.Deref):
            value = self.value(state, root.pointer)
            if isinstance(value, Ref):
                return Ref(value.id, where.offset)
        if isinstance(root, ir.Global):
            kind = "map" if root.var.section == ".maps" else "map-value"
            made = Pointer(
                "map" if kind == "map" else "map-value", root.ctype, trust="trusted", region=None if kind == "map" else where.region,
                size=root.ctype.size or None, readonly=root.var.frozen, origin=root.var.name or "string",
            )  # fmt: skip
        else:
            assert isinstance(root, ir.Local)
            made = Pointer(
                "stack", root.ctype, trust="trusted", region=where.region, size=root.ctype.size or None,
                origin=root.var.name,
            )  # fmt: skip
        if made.region is not None:
            for identifier, fact in state.facts.items():
                if fact == made:
                    return Ref(identifier, where.offset)
        identifier = self.run.fresh()
        state.facts[identifier] = made
        return Ref(identifier, where.offset)

    def _cast(self, state: State, expression: ir.Cast) -> Value:
        value = self.value(state, expression.operand)
        ctype = expression.ctype
        fact = state.fact(value)
        if isinstance(fact, Pointer):
            if ctype.is_pointer:
                target = ctype.target
                if (
                    isinstance(value, Ref)
                    and fact.kind in ("kernel", "alloc", "map-value", "memory", "percpu")
                    and fact.ctype is None
                    and target is not None
                    and target.kind in ("struct", "union")
                ):
                    # Kernel objects whose type only the program tells: BPF_PROG's casts, bpf_obj_new().
                    state.facts[value.id] = replace(fact, ctype=target)
                return value
            if ctype.is_integer and ctype.size == 8:
                if fact.kind == "kernel" and fact.ctype is None and fact.origin.startswith("argument"):
                    return self.run.new(state, scalar_of(ctype))
                return value
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        if isinstance(value, int):
            if ctype.is_integer:
                low, high = ctype.limits()
                if low <= value <= high:
                    return value
                if ctype.kind == "bool":
                    return 1
                bits = ctype.size * 8
                wrapped = value & ((1 << bits) - 1)
                return wrapped - (1 << bits) if ctype.signed and wrapped >> (bits - 1) else wrapped
            return value
        if ctype.kind == "bool":
            return self.compare(state, "!=", value, 0)
        if not ctype.is_integer:
            return value
        whole = scalar_of(ctype)
        if whole.low <= fact.low and fact.high <= whole.high:
            return value
        return self._numbered(state, (f"cast {ctype.size}{ctype.signed}", value, 0), whole, fact.error_of)

    def _numbered(
        self, state: State, expr: tuple[str, Value, Value], made: Scalar, error_of: int = 0
    ) -> Value:
        """A scalar made by an operation; the same operation on the same values is the same value.

        Trees of operations are cut at MAX_EXPRESSION: what is tested twice is near to what it was made of.
        """
        if _depth(state, expr) > MAX_EXPRESSION:
            return self.run.new(state, replace(made, error_of=error_of))
        for identifier, fact in state.facts.items():
            if isinstance(fact, Scalar) and fact.expr == expr:
                return Ref(identifier, 0)
        return self.run.new(state, replace(made, expr=expr, error_of=error_of))

    def _unary(self, state: State, expression: ir.Unary) -> Value:
        value = self.value(state, expression.operand)
        if expression.op == "!":
            return self.compare(state, "==", value, 0)
        fact = state.fact(value)
        if expression.op == "-" and isinstance(fact, Scalar):
            made = combine("-", Scalar(0, 0), fact, expression.ctype)
            return made.low if made.known is not None else self._numbered(state, ("-", 0, value), made)
        if expression.op == "~" and isinstance(value, int):
            return ~value if expression.ctype.signed else ~value & expression.ctype.limits()[1]
        return self.run.new(state, scalar_of(expression.ctype))

    def _binary(self, state: State, expression: ir.Binary) -> Value:
        left = self.value(state, expression.left)
        right = self.value(state, expression.right)
        op = expression.op
        if op in _COMPARISONS:
            return self.compare(state, op, left, right)
        a, b = state.fact(left), state.fact(right)
        if isinstance(a, Pointer) or isinstance(b, Pointer):
            return self._pointer_arithmetic(state, op, left, right, expression)
        made = combine(op, a, b, expression.ctype) if expression.ctype.is_integer else ANY
        if made.known is not None:
            return made.known
        if made is ANY and not expression.ctype.is_integer:
            return self.run.new(state, ANY)
        if isinstance(left, Ref) and isinstance(right, Ref):
            return self.run.new(state, made)
        return self._numbered(state, (op, left, right), made)

    def _pointer_arithmetic(
        self, state: State, op: str, left: Value, right: Value, expression: ir.Binary
    ) -> Value:
        if isinstance(state.fact(right), Pointer) and op == "+" and not isinstance(state.fact(left), Pointer):
            left, right = right, left
        if op not in "+-" or not isinstance(left, Ref) or isinstance(state.fact(right), Pointer):
            ctype = expression.ctype
            return self.run.new(state, scalar_of(ctype) if ctype.is_integer else ANY)
        fact = state.fact(right)
        step = fact.known if isinstance(fact, Scalar) else None
        if step is None or left.offset is None:
            if step is None:
                moved = state.fact(left)
                if isinstance(moved, Pointer) and moved.null:
                    # "pointer arithmetic on ptr_or_null_ prohibited, null-check it first"
                    self.dereference(state, left, expression.span)
            return Ref(left.id, None)
        return Ref(left.id, left.offset + (step if op == "+" else -step))

    def compare(self, state: State, op: str, left: Value, right: Value) -> Value:
        """`left op right` as 0, 1 or a value that a branch can settle."""
        a, b = state.fact(left), state.fact(right)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            known = decide(op, a, b)
            if known is not None:
                return int(known)
        elif isinstance(a, Pointer) and isinstance(b, Pointer):
            assert isinstance(left, Ref) and isinstance(right, Ref)
            same = left.id == right.id or (a.region is not None and a.region == b.region)
            if same and left.offset is not None and right.offset is not None:
                x, y = Scalar(left.offset, left.offset), Scalar(right.offset, right.offset)
                return int(bool(decide(op, x, y)))
        return self._numbered(state, (op, left, right), Scalar(0, 1))


def _depth(state: State, expr: tuple[str, Value, Value]) -> int:
    depth = 1
    for operand in expr[1:]:
        if isinstance(operand, Ref):
            fact = state.facts.get(operand.id)
            if isinstance(fact, Scalar) and fact.expr is not None:
                depth = max(depth, 1 + _depth(state, fact.expr))
    return depth


def path_of(place: ir.Place) -> tuple[ir.Member, ...]:
    """The members a place goes through, outermost object first."""
    members: list[ir.Member] = []
    while isinstance(place, ir.Member | ir.Element):
        if isinstance(place, ir.Member):
            members.append(place)
        place = place.base
    return tuple(reversed(members))


def _global_root(place: ir.Place) -> bool:
    while isinstance(place, ir.Member | ir.Element):
        place = place.base
    return isinstance(place, ir.Global)


def _frozen_value(place: ir.Place) -> int | None:
    """The value of `const` globals, known to the verifier because read-only data is frozen before load."""
    if isinstance(place, ir.Global) and place.var.frozen and not place.var.extern:
        if place.var.value is not None:
            return place.var.value
        if not place.var.initialised and not place.ctype.is_aggregate:
            return 0
    return None


__all__ = ["Evaluator", "Fault", "Location", "path_of"]
