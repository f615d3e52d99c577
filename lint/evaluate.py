"""Expressions: what they are worth on one path."""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.bounds import moved as moved_by
from kfuncgen.lint.integers import combine, decide
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.memory import Location, Memory
from kfuncgen.lint.state import State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Death, Pointer, Ref, Scalar, Value, from_outside, scalar_of
from kfuncgen.records import replace

MAX_EXPRESSION = 3
"""Operations in a row that are remembered of a number: `(x & 3) == 1` is two."""

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_SHORTENED = frozenset(("&", "|", "^", "<<", "*"))
"""Compilers calculate these in as few bits as are wanted of the result: 32 bits of a pointer are a number."""
_KNOWN_POINTERS = frozenset(("kernel", "alloc", "percpu", "map-key", "map-value", "memory"))


class Evaluator(Memory):
    """Evaluates expressions in one frame."""

    def value(self, state: State, expression: ir.Expr) -> Value:
        """The value of an expression in `state`, which may gain facts."""
        if type(expression) is ir.Const:
            return expression.value
        if type(expression) is ir.Load:
            if expression.ctype.is_aggregate:
                return self.run.new(state, ANY)
            return self.load(state, expression.place, expression.ctype, expression.span)
        if type(expression) is ir.AddressOf:
            return self.address(state, expression)
        if type(expression) is ir.Cast:
            return self._cast(state, expression)
        if type(expression) is ir.Binary:
            return self._binary(state, expression)
        if type(expression) is ir.Unary:
            return self._unary(state, expression)
        if type(expression) is ir.FunctionRef:
            return self.run.new(state, Pointer("function", origin=expression.name, trust="trusted"))
        if type(expression) is ir.Unknown:
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
                self._moved_by(base.id, where)
                return Ref(base.id, where.offset)
            return base + (where.offset or 0)
        root = ir.root_of(place)
        if isinstance(root, ir.Deref):
            value = self.value(state, root.pointer)
            if isinstance(value, Ref):
                self._moved_by(value.id, where)
                return Ref(value.id, where.offset)
        if isinstance(root, ir.Global) and root.var.section == ".maps":
            name = root.var.name
            made = Pointer("map", root.ctype, trust="trusted", origin=name, map=name)
        else:
            assert isinstance(root, ir.Local | ir.Global)
            frozen = isinstance(root, ir.Global) and root.var.frozen
            made = Pointer(
                "stack" if isinstance(root, ir.Local) else "map-value",
                root.ctype,
                trust="trusted",
                region=where.region,
                size=root.ctype.size or None,
                readonly=frozen,
                origin=root.var.name or "string",
            )
        if made.region is not None:
            for identifier, fact in state.facts.items():
                if fact == made:
                    self._moved_by(identifier, where)
                    return Ref(identifier, where.offset)
        identifier = self.run.fresh()
        state.facts[identifier] = made
        self._moved_by(identifier, where)
        return Ref(identifier, where.offset)

    def _moved_by(self, identifier: int, where: Location) -> None:
        """Remember of a pointer that the verifier may know better where it points to."""
        if where.offset is None and where.vague:
            self.run.vague.add(identifier)

    def _cast(self, state: State, expression: ir.Cast) -> Value:
        ctype = expression.ctype
        value = (self.tested if ctype.is_pointer else self.value)(state, expression.operand)
        fact = state.fact(value)
        if isinstance(fact, Pointer):
            if ctype.is_pointer:
                target = ctype.target
                if (
                    isinstance(value, Ref)
                    and fact.kind in ("kernel", "alloc", "map-key", "map-value", "memory", "percpu")
                    and fact.ctype is None
                    and target is not None
                    and target.kind in ("struct", "union")
                    and target.name not in ("bpf_list_node", "bpf_rb_node")
                ):
                    # Kernel objects whose type only the program tells: BPF_PROG's casts, bpf_obj_new().
                    state.facts[value.id] = replace(fact, ctype=target, base=value.offset or 0)
                return value
            if ctype.is_integer and ctype.size == 8:
                if fact.kind == "kernel" and fact.ctype is None and fact.origin.startswith("argument"):
                    return self.run.new(state, from_outside(ctype))
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

    def _numbered(self, state: State, expr: tuple[str, Value, Value], made: Scalar, error_of: int = 0) -> Value:
        """A scalar made by an operation; the same operation on the same values is the same value.

        Trees of operations are cut at MAX_EXPRESSION: what is tested twice is near to what it was made of.
        """
        if _depth(state, expr) > MAX_EXPRESSION:
            known = all(state.is_given(operand) for operand in expr[1:])
            return self.run.new(state, replace(made, error_of=error_of, given=known))
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
            if made.known is not None:
                return made.low
            return self._numbered(state, (f"-{_width(expression.ctype)}", 0, value), made)
        if expression.op == "~" and isinstance(value, int):
            return ~value if expression.ctype.signed else ~value & expression.ctype.limits()[1]
        return self.run.new(state, scalar_of(expression.ctype))

    def tested(self, state: State, expression: ir.Expr) -> Value:
        """The value of a condition, of what is compared or what becomes a pointer: all of its bits count."""
        if type(expression) is ir.Binary:
            return self._binary(state, expression, whole=True)
        return self.value(state, expression)

    def _binary(self, state: State, expression: ir.Binary, whole: bool = False) -> Value:
        op = expression.op
        if op in _COMPARISONS:
            left = self.tested(state, expression.left)
            return self.compare(state, op, left, self.tested(state, expression.right))
        left = self.value(state, expression.left)
        right = self.value(state, expression.right)
        a, b = state.fact(left), state.fact(right)
        gone = isinstance(a, Scalar) and a.death is not None and expression.ctype.is_pointer
        if gone or isinstance(a, Pointer) or isinstance(b, Pointer):
            numbers_only = op not in ("+", "-") and (whole or not _shortened(op, right)) and not _folded(op, right)
            if numbers_only and self._calculated_with(state, op, left, right, expression):
                return self.run.new(state, replace(ANY, death=Death("stop")))
            return self._pointer_arithmetic(state, op, left, right, expression)
        if op == "&" and isinstance(right, int):
            masked = _masked(a, right)
            if masked is not None:
                return masked
        if expression.ctype.is_pointer and op in ("+", "-") and a.known is not None and b.known is not None:
            return max(0, a.known + b.known if op == "+" else a.known - b.known)  # a member behind NULL
        made = combine(op, a, b, expression.ctype) if expression.ctype.is_integer else ANY
        if made.known is not None:
            return made.known
        if made is ANY and not expression.ctype.is_integer:
            return self.run.new(state, ANY)
        if isinstance(left, Ref) and isinstance(right, Ref):
            outside = state.is_given(left) and state.is_given(right)
            return self.run.new(state, replace(made, given=outside))
        return self._numbered(state, (f"{op}{_width(expression.ctype)}", left, right), made)

    def _pointer_arithmetic(
        self, state: State, op: str, left: Value, right: Value, expression: ir.Binary
    ) -> Value:
        if isinstance(state.fact(right), Pointer) and op == "+" and not isinstance(state.fact(left), Pointer):
            left, right = right, left
        if op not in ("+", "-") or not isinstance(left, Ref) or isinstance(state.fact(right), Pointer):
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
                if not state.is_given(right):
                    self.run.vague.add(left.id)
            return moved_by(self.run, state, left, right, 1 if op == "+" else -1)
        return Ref(left.id, left.offset + (step if op == "+" else -step))

    def _calculated_with(self, state: State, op: str, left: Value, right: Value, expression: ir.Binary) -> bool:
        """Report a pointer that is calculated with as if it were a number; whether one was.

        kernel/bpf/verifier.c, 6.12, adjust_ptr_min_max_vals(): operations that are neither + nor - are refused.
        """
        for value in (left, right):
            fact = state.fact(value)
            if not isinstance(fact, Pointer) or fact.kind not in _KNOWN_POINTERS or fact.region is not None:
                continue
            if fact.trust == "plain" and not (fact.reference or fact.null):
                continue
            words = {**self.describe(state, value), "op": op}
            subject = value.id if isinstance(value, Ref) else 0
            where = self.function.name
            self.run.report(state, Fault.POINTER_BITS, expression.span, where, subject, fact.site, words)
            return True
        return False

    def compare(self, state: State, op: str, left: Value, right: Value) -> Value:
        """`left op right` as 0, 1 or a value that a branch can settle."""
        a, b = state.fact(left), state.fact(right)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            known = decide(op, a, b)
            if known is not None:
                return int(known)
        elif isinstance(a, Pointer) and isinstance(b, Pointer):
            assert isinstance(left, Ref) and isinstance(right, Ref)
            if a.region is not None and b.region is not None and a.region != b.region and op in ("==", "!="):
                return int(op == "!=")
            same = left.id == right.id or (a.region is not None and a.region == b.region)
            if same and left.offset is not None and right.offset is not None:
                x, y = Scalar(left.offset, left.offset), Scalar(right.offset, right.offset)
                return int(bool(decide(op, x, y)))
        return self._numbered(state, (op, left, right), Scalar(0, 1))


def _shortened(op: str, right: Value) -> bool:
    """Whether compilers may calculate it in fewer bits; of a remainder by a power of two they keep the lowest."""
    return op in _SHORTENED or (op == "%" and isinstance(right, int) and not right & (right - 1))


def _folded(op: str, right: Value) -> bool:
    """Whether compilers know the result without the operation."""
    return right == 0 or (op in "*/%" and right in (1, -1)) or (op in "&|" and right == -1)


def _width(ctype: Type) -> str:
    """Part of an operation's name: the same operands give other results in another type."""
    return f"{ctype.size * 8}{'s' if ctype.signed else 'u'}"


def _masked(a: Scalar, mask: int) -> int | None:
    """`(x | c) & m` and `(x & c) & m` where the constants decide all bits of the mask."""
    if a.expr is None:
        return None
    op, _, bits = a.expr
    if not isinstance(bits, int):
        return None
    if op[0] == "|" and mask & ~bits == 0:
        return mask
    if op[0] == "&" and mask & bits == 0:
        return 0
    return None


def _depth(state: State, expr: tuple[str, Value, Value]) -> int:
    depth = 1
    for operand in expr[1:]:
        if isinstance(operand, Ref):
            fact = state.facts.get(operand.id)
            if isinstance(fact, Scalar) and fact.expr is not None:
                depth = max(depth, 1 + _depth(state, fact.expr))
    return depth
