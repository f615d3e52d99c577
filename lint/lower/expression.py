"""Expressions: cursors to pure trees, side effects to instructions in the current block."""

from __future__ import annotations

from typing import Any

from clang.cindex import conf

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.integers import MIRRORED
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.call import CallBuilder
from kfuncgen.lint.lower.constants import fold, wrap
from kfuncgen.lint.parse import evaluate, parts_of, referenced
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import INT, LONG, VOID, Type


def _test_of_zero(symbol: str, a: ir.Expr, b: ir.Expr) -> tuple[str, ir.Expr, ir.Expr]:
    """A comparison as `==` or `!=` with 0 where it is one in disguise: compilers make one of it, and the verifier
    takes that for a test for NULL."""
    left, right, how = (b, a, MIRRORED[symbol]) if isinstance(_plain(a), ir.Const) else (a, b, symbol)
    limit = _plain(right)
    unsigned = left.ctype.is_pointer or (left.ctype.is_integer and not left.ctype.signed)
    if not unsigned or not isinstance(limit, ir.Const):
        return symbol, a, b
    plain = {(">", 0): "!=", ("<=", 0): "==", (">=", 1): "!=", ("<", 1): "=="}.get((how, limit.value))
    return (symbol, a, b) if plain is None else (plain, left, ir.Const(0, right.ctype))


def _plain(expression: ir.Expr) -> ir.Expr:
    """An expression without casts."""
    while isinstance(expression, ir.Cast):
        expression = expression.operand
    return expression


class ExpressionBuilder(CallBuilder):
    """Lowers expressions; statements are in the subclass, which statement expressions need."""

    def value(self, cursor: Any) -> ir.Expr:
        """The rvalue of an expression."""
        kind = cursor._kind_id
        if kind == kinds.UNEXPOSED:
            return self._unexposed(cursor)
        if kind == kinds.PAREN:
            return self.value(self.child(cursor))
        if kind == kinds.DECL_REF:
            return self._reference(cursor)
        if kind in kinds.LVALUES:
            return self.load(self.place(cursor), cursor)
        if kind in kinds.NUMBERS:
            return self._constant(cursor)
        if kind == kinds.CALL:
            return self.call(cursor)
        if kind == kinds.UNARY:
            return self._unary(cursor)
        if kind == kinds.BINARY:
            return self._binary(cursor)
        if kind == kinds.COMPOUND_ASSIGN:
            return self._compound_assign(cursor)
        if kind == kinds.CAST:
            return self._cast(cursor)
        if kind == kinds.CONDITIONAL:
            return self._conditional(cursor)
        if kind == kinds.STATEMENT_EXPR:
            return self.statement_value(self.child(cursor))
        if kind == kinds.SIZEOF:
            return self._sizeof(cursor)
        if kind == kinds.INIT_LIST:
            return self._init_list_value(cursor)
        if kind == kinds.GENERIC:
            return self._generic(cursor)
        if kind == kinds.FLOATING:
            return ir.Unknown(self.type_of(cursor))
        return self.fallback(cursor)

    def load(self, place: ir.Place, cursor: Any) -> ir.Expr:
        """Read a place; arrays decay to the address of their first element."""
        ctype = place.ctype
        span = span_of(cursor)
        if ctype.kind == "array":
            return self.address(place, Type("pointer", 8, target=ctype.target), span)
        if ctype.kind == "function" and not isinstance(place, ir.Local):
            return ir.Unknown(ctype)
        return ir.Load(place, ctype, span)

    def address(self, place: ir.Place, ctype: Type, span: Span) -> ir.Expr:
        """The address of a place; the local it is part of is no longer private to its name."""
        if isinstance(place, ir.Deref) and ctype.kind == "pointer":
            return ir.Cast(place.pointer, ctype, span)
        root = ir.root_of(place)
        if isinstance(root, ir.Local):
            root.var.address_taken = True
        return ir.AddressOf(place, ctype, span)

    def _constant(self, cursor: Any) -> ir.Expr:
        value = evaluate(cursor)
        return ir.Const(value if isinstance(value, int) else 0, self.type_of(cursor))

    def _sizeof(self, cursor: Any) -> ir.Expr:
        value = evaluate(cursor)
        ctype = self.type_of(cursor)
        if not isinstance(value, int):
            return ir.Unknown(ctype)
        operand = next((c for c in parts_of(cursor) if c._kind_id != kinds.TYPE_REF), None)
        while operand is not None and operand._kind_id == kinds.PAREN:
            operand = self.child(operand)
        of_pointer = operand is not None and self.type_of(operand).is_pointer
        return ir.Const(value, ctype, of_pointer)

    def _unexposed(self, cursor: Any) -> ir.Expr:
        children = parts_of(cursor)
        if len(children) == 1:
            child = children[0]
            inner = self.value(child)
            return self.convert(inner, self.type_of(cursor), cursor)
        if len(children) == 4:
            return self._elvis(cursor, children)
        if len(children) == 3 and isinstance(chosen := evaluate(children[0]), int):
            # __builtin_choose_expr(): only the chosen arm is compiled
            return self.value(children[1] if chosen else children[2])
        return self.fallback(cursor)

    def convert(self, value: ir.Expr, ctype: Type, cursor: Any) -> ir.Expr:
        """An implicit or explicit conversion; those that change nothing disappear."""
        have = value.ctype
        if ctype is have or ctype.kind == "void" or ctype.is_aggregate:
            return value
        if isinstance(value, ir.Const) and ctype.is_integer:
            return ir.Const(wrap(value.value, ctype), ctype, value.size_of_pointer)
        if isinstance(value, ir.FunctionRef):
            return ir.FunctionRef(value.name, ctype)
        if isinstance(value, ir.AddressOf) and ctype.is_pointer:
            return ir.AddressOf(value.place, ctype, value.span)
        return ir.Cast(value, ctype, span_of(cursor))

    def _elvis(self, cursor: Any, children: list[Any]) -> ir.Expr:
        """`a ?: b`: the condition is evaluated once and is the value when it holds."""
        ctype = self.type_of(cursor)
        result = self.temporary(ctype)
        condition = self.value(children[0])
        held = self.temporary(condition.ctype)
        span = span_of(cursor)
        self.emit(ir.Assign(held, condition, span))
        yes, no, after = self.new_block(), self.new_block(), self.new_block()
        self.end(ir.Branch(ir.Load(held, held.ctype, span), yes, no, span))
        self.block = yes
        self.emit(ir.Assign(result, ir.Load(held, held.ctype, span), span))
        self.end(ir.Jump(after))
        self.block = no
        self.emit(ir.Assign(result, self.value(children[3]), span))
        self.start(after)
        return ir.Load(result, ctype, span)

    def _cast(self, cursor: Any) -> ir.Expr:
        children = [c for c in parts_of(cursor) if c._kind_id != kinds.TYPE_REF]
        ctype = self.type_of(cursor)
        value = self.value(children[-1])
        if ctype.kind == "void":
            self.emit(ir.Evaluate(value, span_of(cursor)))
            return ir.Unknown(VOID)
        return self.convert(value, ctype, cursor)

    def _reference(self, cursor: Any) -> ir.Expr:
        declared = referenced(cursor)
        kind = declared._kind_id if declared is not None else 0
        if kind == kinds.ENUM_CONSTANT:
            return ir.Const(declared.enum_value, self.type_of(cursor))
        if kind == kinds.FUNCTION_DECL:
            return self._function_reference(cursor, declared)
        return self.load(self.place(cursor), cursor)

    def _function_reference(self, cursor: Any, declared: Any) -> ir.Expr:
        self.context.declaration(declared)
        self.function.calls.add(declared.spelling)
        return ir.FunctionRef(declared.spelling, self.type_of(cursor))

    def _unary(self, cursor: Any) -> ir.Expr:
        operator = conf.lib.clang_getCursorUnaryOperatorKind(cursor)
        child = self.child(cursor)
        ctype = self.type_of(cursor)
        if operator == kinds.DEREF:
            return self.load(self.place(cursor), cursor)
        if operator == kinds.ADDRESS:
            target = child
            while target._kind_id == kinds.PAREN:
                target = self.child(target)
            declared = referenced(target) if target._kind_id == kinds.DECL_REF else None
            if declared is not None and declared._kind_id == kinds.FUNCTION_DECL:
                return self._function_reference(target, declared)
            return self.address(self.place(target), ctype, span_of(cursor))
        if operator in (kinds.POST_INC, kinds.POST_DEC, kinds.PRE_INC, kinds.PRE_DEC):
            return self._increment(cursor, child, operator, ctype)
        if operator in (kinds.PLUS, kinds.EXTENSION):
            return self.value(child)
        if operator == kinds.LOGICAL_NOT and self._tests_pointer(child):
            # Kept as a number, it tells on which path we are: one path each.
            return self._logical(cursor)
        if operator == kinds.LOGICAL_NOT:
            return ir.Unary("!", self.value(child), INT, span_of(cursor))
        operand = self.value(child)
        if isinstance(operand, ir.Const) and operator == kinds.MINUS:
            return ir.Const(wrap(-operand.value, ctype), ctype)
        symbol = {kinds.MINUS: "-", kinds.NOT: "~"}.get(operator)
        if symbol is None:
            return self.fallback(cursor)
        return ir.Unary(symbol, operand, ctype, span_of(cursor))

    def _increment(self, cursor: Any, child: Any, operator: int, ctype: Type) -> ir.Expr:
        place = self.place(child)
        span = span_of(cursor)
        old = self.temporary(ctype)
        self.emit(ir.Assign(old, ir.Load(place, ctype, span), span))
        step = (ctype.target.size or 1) if ctype.is_pointer and ctype.target else 1
        symbol = "+" if operator in (kinds.POST_INC, kinds.PRE_INC) else "-"
        new = ir.Binary(symbol, ir.Load(old, ctype, span), ir.Const(step, LONG), ctype, span)
        self.emit(ir.Assign(place, new, span))
        return ir.Load(old if operator in (kinds.POST_INC, kinds.POST_DEC) else place, ctype, span)

    def _binary(self, cursor: Any) -> ir.Expr:
        operator = conf.lib.clang_getCursorBinaryOperatorKind(cursor)
        left, right = parts_of(cursor)[-2:]
        if operator == kinds.ASSIGN:
            return self.assign(left, right, cursor)
        if operator == kinds.COMMA:
            self.effect(left)
            return self.value(right)
        if operator in (kinds.LOGICAL_AND, kinds.LOGICAL_OR):
            return self._logical(cursor)
        symbol = kinds.BINARY_OPS.get(operator)
        if symbol is None:
            return self.fallback(cursor)
        branching, self._branching = self._branching, False
        if symbol in ("==", "!=") and not branching and self.type_of(left).is_pointer:
            return self._logical(cursor)
        a, b = self.in_order([left, right])
        return self.arithmetic(symbol, a, b, self.type_of(cursor), span_of(cursor))

    _branching = False
    """The comparison that is lowered next is a condition by itself."""

    def _tests_pointer(self, cursor: Any) -> bool:
        """Whether `!x`, `!!x` or `!(x == y)` asks about a pointer."""
        operator = conf.lib.clang_getCursorUnaryOperatorKind
        while cursor._kind_id == kinds.PAREN or (
            cursor._kind_id == kinds.UNARY and operator(cursor) == kinds.LOGICAL_NOT
        ):
            cursor = self.child(cursor)
        if cursor._kind_id == kinds.BINARY:
            cursor = parts_of(cursor)[0]
        return bool(self.type_of(cursor).is_pointer)

    def in_order(self, cursors: list[Any]) -> list[ir.Expr]:
        """Values of operands from left to right: what an earlier one reads, a later one's calls do not change.

        Expressions are evaluated where they are used; one that reads memory is kept in a temporary when a
        later operand has side effects.
        """
        values: list[ir.Expr] = []
        for cursor in cursors:
            block, position = self.block, len(self.block.instructions)
            value = self.value(cursor)
            if self.block is not block or any(
                isinstance(i, ir.Call | ir.Assign) for i in block.instructions[position:]
            ):
                for index, earlier in enumerate(values):
                    if _reads_memory(earlier) and not earlier.ctype.is_aggregate:
                        held = self.temporary(earlier.ctype)
                        span = span_of(cursors[index])
                        block.instructions.insert(position, ir.Assign(held, earlier, span))
                        position += 1
                        values[index] = ir.Load(held, held.ctype, span)
            values.append(value)
        return values

    def arithmetic(self, symbol: str, a: ir.Expr, b: ir.Expr, ctype: Type, span: Span) -> ir.Expr:
        """`a symbol b`; integers added to pointers are scaled to bytes."""
        if ctype.is_pointer and symbol in "+-":
            if b.ctype.is_pointer:
                a, b = b, a
            size = (ctype.target.size if ctype.target else 0) or 1
            if isinstance(b, ir.Const):
                b = ir.Const(b.value * size, LONG)
            elif size != 1:
                b = ir.Binary("*", b, ir.Const(size, LONG), LONG, span)
        if symbol in MIRRORED and symbol not in ("==", "!="):
            symbol, a, b = _test_of_zero(symbol, a, b)
        if isinstance(a, ir.Const) and isinstance(b, ir.Const) and not ctype.is_pointer:
            folded = fold(symbol, a.value, b.value)
            if folded is not None:
                return ir.Const(wrap(folded, ctype), ctype)
        return ir.Binary(symbol, a, b, ctype, span)

    def assign(self, left: Any, right: Any, cursor: Any) -> ir.Expr:
        """`left = right`; the value is that of the place afterwards."""
        span = span_of(cursor)
        if self._is_literal_of_record(right):
            place = self.place(left)
            self.initialise(place, self._literal_list(right), span)
            return ir.Load(place, place.ctype, span)
        value = self.value(right)
        place = self.place(left)
        self.emit(ir.Assign(place, value, span))
        return ir.Load(place, place.ctype, span)

    def _compound_assign(self, cursor: Any) -> ir.Expr:
        operator = conf.lib.clang_getCursorBinaryOperatorKind(cursor)
        left, right = parts_of(cursor)[-2:]
        value = self.value(right)
        place = self.place(left)
        span = span_of(cursor)
        old = ir.Load(place, place.ctype, span)
        symbol = kinds.COMPOUND_OPS.get(operator, "+")
        self.emit(ir.Assign(place, self.arithmetic(symbol, old, value, place.ctype, span), span))
        return ir.Load(place, place.ctype, span)

    def _logical(self, cursor: Any) -> ir.Expr:
        result = self.temporary(INT)
        span = span_of(cursor)
        yes, no, after = self.new_block(), self.new_block(), self.new_block()
        self.condition(cursor, yes, no)
        self.block = yes
        self.emit(ir.Assign(result, ir.Const(1, INT), span))
        self.end(ir.Jump(after))
        self.block = no
        self.emit(ir.Assign(result, ir.Const(0, INT), span))
        self.start(after)
        return ir.Load(result, INT, span)

    def _conditional(self, cursor: Any) -> ir.Expr:
        condition, first, second = parts_of(cursor)[-3:]
        ctype = self.type_of(cursor)
        known = evaluate(condition) if _cheap_constant(condition) else None
        if isinstance(known, int):
            return self.convert(self.value(first if known else second), ctype, cursor)
        yes, no, after = self.new_block(), self.new_block(), self.new_block()
        self.condition(condition, yes, no)
        result = self.temporary(ctype) if ctype.kind != "void" else None
        for block, arm in ((yes, first), (no, second)):
            self.block = block
            value = self.value(arm)
            span = span_of(arm)
            if result is None:
                self.emit(ir.Evaluate(value, span))
            else:
                self.emit(ir.Assign(result, self.convert(value, ctype, arm), span))
            self.end(ir.Jump(after))
        self.block = after
        return ir.Load(result, ctype, span_of(cursor)) if result is not None else ir.Unknown(VOID)

    def _generic(self, cursor: Any) -> ir.Expr:
        """`_Generic`: the cursor does not say which association was chosen, its type does."""
        wanted = self.type_of(cursor)
        arms = [c for c in parts_of(cursor)[1:] if c._kind_id != kinds.TYPE_REF]
        fitting = [c for c in arms if self.type_of(c) is wanted]
        if len(fitting) == 1:
            return self.value(fitting[0])
        return self.fallback(cursor)

    def effect(self, cursor: Any) -> None:
        """An expression whose value is dropped."""
        value = self.value(cursor)
        if isinstance(value, ir.Const | ir.Unknown | ir.Text | ir.FunctionRef):
            return
        if isinstance(value, ir.Load) and (isinstance(value.place, ir.Local) or _is_assignment(cursor)):
            return
        self.emit(ir.Evaluate(value, span_of(cursor)))

    # -- conditions --------------------------------------------------------------------------------------

    def condition(self, cursor: Any, yes: ir.Block, no: ir.Block) -> None:
        """Branch on an expression, with short circuits as blocks of their own."""
        kind = cursor._kind_id
        if kind == kinds.PAREN:
            self.condition(self.child(cursor), yes, no)
            return
        if kind == kinds.UNEXPOSED:
            children = parts_of(cursor)
            if len(children) == 1 and children[0]._kind_id in (
                kinds.PAREN,
                kinds.UNARY,
                kinds.BINARY,
                kinds.UNEXPOSED,
                kinds.CALL,
            ):
                self.condition(children[0], yes, no)
                return
        elif kind == kinds.UNARY and conf.lib.clang_getCursorUnaryOperatorKind(cursor) == kinds.LOGICAL_NOT:
            self.condition(self.child(cursor), no, yes)
            return
        elif kind == kinds.BINARY:
            operator = conf.lib.clang_getCursorBinaryOperatorKind(cursor)
            left, right = parts_of(cursor)[-2:]
            if operator in (kinds.LOGICAL_AND, kinds.LOGICAL_OR):
                middle = self.new_block()
                if operator == kinds.LOGICAL_AND:
                    self.condition(left, middle, no)
                else:
                    self.condition(left, yes, middle)
                self.block = middle
                self.condition(right, yes, no)
                return
            if operator == kinds.COMMA:
                self.effect(left)
                self.condition(right, yes, no)
                return
        elif kind == kinds.CALL and cursor.spelling in ("__builtin_expect", "__builtin_expect_with_probability"):
            self.condition(next(cursor.get_arguments()), yes, no)
            return
        self._branching = kind == kinds.BINARY
        value = self.value(cursor)
        self._branching = False
        if isinstance(value, ir.Const):
            self.end(ir.Jump(yes if value.value else no))
        else:
            self.end(ir.Branch(value, yes, no, span_of(cursor)))


def _cheap_constant(cursor: Any) -> bool:
    """Whether asking clang for a condition's value is worth it: it holds no reference to a variable."""
    todo = [cursor]
    count = 0
    while todo:
        node = todo.pop()
        count += 1
        if count > 24:
            return False
        kind = node._kind_id
        if kind in (kinds.CALL, kinds.STATEMENT_EXPR, kinds.MEMBER) and not node.spelling.startswith("__builtin"):
            return False
        if kind == kinds.DECL_REF:
            target = referenced(node)
            if target is not None and target._kind_id in (kinds.VAR_DECL, kinds.PARM_DECL):
                return False
        if kind != kinds.SIZEOF:
            todo.extend(parts_of(node))
    return True


def _reads_memory(value: ir.Expr) -> bool:
    """Whether evaluating an expression later could give another value: it reads something that is no temporary."""
    if isinstance(value, ir.Load):
        return not (isinstance(value.place, ir.Local) and value.place.var.is_temp)
    if isinstance(value, ir.Binary):
        return _reads_memory(value.left) or _reads_memory(value.right)
    if isinstance(value, ir.Unary | ir.Cast):
        return _reads_memory(value.operand)
    return False


def _is_assignment(cursor: Any) -> bool:
    """Whether an expression's value is what it just stored: reading it again is no read of the program."""
    while cursor._kind_id == kinds.PAREN:
        cursor = parts_of(cursor)[0]
    kind = cursor._kind_id
    if kind == kinds.BINARY:
        return bool(conf.lib.clang_getCursorBinaryOperatorKind(cursor) == kinds.ASSIGN)
    if kind == kinds.UNARY:
        return bool(kinds.POST_INC <= conf.lib.clang_getCursorUnaryOperatorKind(cursor) <= kinds.PRE_DEC)
    return bool(kind == kinds.COMPOUND_ASSIGN)
