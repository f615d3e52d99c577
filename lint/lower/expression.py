"""Expressions: cursors to pure trees, side effects to instructions in the current block."""

from __future__ import annotations

from typing import Any

from clang.cindex import CursorKind as K
from clang.cindex import StorageClass, conf

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.lower.builder import Builder
from kfuncgen.lint.parse import evaluate, location, pretty, span_of
from kfuncgen.lint.types import INT, LONG, ULONG, VOID, Type

DECL_REF = K.DECL_REF_EXPR.value
MEMBER = K.MEMBER_REF_EXPR.value
CALL = K.CALL_EXPR.value
PAREN = K.PAREN_EXPR.value
UNARY = K.UNARY_OPERATOR.value
SUBSCRIPT = K.ARRAY_SUBSCRIPT_EXPR.value
BINARY = K.BINARY_OPERATOR.value
COMPOUND_ASSIGN = K.COMPOUND_ASSIGNMENT_OPERATOR.value
CONDITIONAL = K.CONDITIONAL_OPERATOR.value
CAST = K.CSTYLE_CAST_EXPR.value
LITERAL = K.COMPOUND_LITERAL_EXPR.value
INIT_LIST = K.INIT_LIST_EXPR.value
STATEMENT_EXPR = K.StmtExpr.value
GENERIC = K.GENERIC_SELECTION_EXPR.value
SIZEOF = K.CXX_UNARY_EXPR.value
UNEXPOSED = K.UNEXPOSED_EXPR.value
STRING = K.STRING_LITERAL.value
NUMBERS = (K.INTEGER_LITERAL.value, K.CHARACTER_LITERAL.value)
FLOATING = K.FLOATING_LITERAL.value
TYPE_REF = K.TYPE_REF.value
MEMBER_REF = K.MEMBER_REF.value
FUNCTION_DECL = K.FUNCTION_DECL.value
VAR_DECL = K.VAR_DECL.value
PARM_DECL = K.PARM_DECL.value
ENUM_CONSTANT = K.ENUM_CONSTANT_DECL.value

_LVALUES = frozenset((DECL_REF, MEMBER, SUBSCRIPT, LITERAL, STRING))
_BINARY_OPS = {
    3: "*", 4: "/", 5: "%", 6: "+", 7: "-", 8: "<<", 9: ">>", 11: "<", 12: ">", 13: "<=", 14: ">=",
    15: "==", 16: "!=", 17: "&", 18: "^", 19: "|",
}  # fmt: skip
_COMPOUND_OPS = {
    23: "*", 24: "/", 25: "%", 26: "+", 27: "-", 28: "<<", 29: ">>", 30: "&", 31: "^", 32: "|",
}  # fmt: skip
_LOGICAL_AND, _LOGICAL_OR, _ASSIGN, _COMMA = 20, 21, 22, 33
_POST_INC, _POST_DEC, _PRE_INC, _PRE_DEC, _ADDRESS, _DEREF, _PLUS, _MINUS, _NOT, _LOGICAL_NOT = range(1, 11)
_EXTENSION = 13
_TRANSPARENT_BUILTINS = frozenset(
    (
        "__builtin_expect",
        "__builtin_expect_with_probability",
        "__builtin_preserve_access_index",
        "__builtin_assume_aligned",
        "__builtin_launder",
    )
)
_IGNORED_BUILTINS = frozenset(("__builtin_assume", "__builtin_prefetch", "__builtin_va_start", "__builtin_va_end"))


class ExpressionBuilder(Builder):
    """Lowers expressions; statements are in the subclass, which statement expressions need."""

    def statement(self, cursor: Any) -> None:
        raise NotImplementedError

    def statement_value(self, cursor: Any) -> ir.Expr:
        raise NotImplementedError

    def type_of(self, cursor: Any) -> Type:
        return self.types.get(cursor.type)

    # -- values ------------------------------------------------------------------------------------------

    def value(self, cursor: Any) -> ir.Expr:
        """The rvalue of an expression."""
        kind = cursor._kind_id
        if kind == UNEXPOSED:
            return self._unexposed(cursor)
        if kind == PAREN:
            return self.value(self._child(cursor))
        if kind == DECL_REF:
            return self._reference(cursor)
        if kind in _LVALUES:
            return self.load(self.place(cursor), cursor)
        if kind in NUMBERS:
            return self._constant(cursor)
        if kind == CALL:
            return self.call(cursor)
        if kind == UNARY:
            return self._unary(cursor)
        if kind == BINARY:
            return self._binary(cursor)
        if kind == COMPOUND_ASSIGN:
            return self._compound_assign(cursor)
        if kind == CAST:
            return self._cast(cursor)
        if kind == CONDITIONAL:
            return self._conditional(cursor)
        if kind == STATEMENT_EXPR:
            return self.statement_value(self._child(cursor))
        if kind == SIZEOF:
            return self._sizeof(cursor)
        if kind == INIT_LIST:
            return self._init_list_value(cursor)
        if kind == GENERIC:
            return self._generic(cursor)
        if kind == FLOATING:
            return ir.Unknown(self.type_of(cursor))
        return self._fallback(cursor)

    def _fallback(self, cursor: Any) -> ir.Expr:
        constant = evaluate(cursor)
        if isinstance(constant, int):
            return ir.Const(constant, self.type_of(cursor))
        self.opaque(f"expression {_kind_name(cursor)}", span_of(cursor))
        return ir.Unknown(self.type_of(cursor))

    def load(self, place: ir.Place, cursor: Any) -> ir.Expr:
        """Read a place; arrays decay to the address of their first element."""
        ctype = place.ctype
        span = span_of(cursor)
        if ctype.kind == "array":
            return self.address(place, Type("pointer", 8, target=ctype.target), span)
        if ctype.kind == "function":
            return ir.Unknown(ctype)
        return ir.Load(place, ctype, span)

    def address(self, place: ir.Place, ctype: Type, span: Span) -> ir.Expr:
        """The address of a place; the local it is part of is no longer private to its name."""
        if isinstance(place, ir.Deref) and ctype.kind == "pointer":
            return ir.Cast(place.pointer, ctype, span)
        root = place
        while isinstance(root, ir.Member | ir.Element):
            root = root.base
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
        operand = next((c for c in cursor.get_children() if c._kind_id != TYPE_REF), None)
        while operand is not None and operand._kind_id == PAREN:
            operand = self._child(operand)
        of_pointer = operand is not None and self.type_of(operand).is_pointer
        return ir.Const(value, ctype, of_pointer)

    def _unexposed(self, cursor: Any) -> ir.Expr:
        children = list(cursor.get_children())
        if len(children) == 1:
            child = children[0]
            inner = self.value(child)
            return self.convert(inner, self.type_of(cursor), cursor)
        if len(children) == 4:
            return self._elvis(cursor, children)
        if len(children) == 3 and isinstance(chosen := evaluate(children[0]), int):
            # __builtin_choose_expr(): only the chosen arm is compiled
            return self.value(children[1] if chosen else children[2])
        return self._fallback(cursor)

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
        children = [c for c in cursor.get_children() if c._kind_id != TYPE_REF]
        ctype = self.type_of(cursor)
        value = self.value(children[-1])
        if ctype.kind == "void":
            self.emit(ir.Evaluate(value, span_of(cursor)))
            return ir.Unknown(VOID)
        return self.convert(value, ctype, cursor)

    def _reference(self, cursor: Any) -> ir.Expr:
        referenced = cursor.referenced
        kind = referenced._kind_id if referenced is not None else 0
        if kind == ENUM_CONSTANT:
            return ir.Const(referenced.enum_value, self.type_of(cursor))
        if kind == FUNCTION_DECL:
            return self._function_reference(cursor, referenced)
        return self.load(self.place(cursor), cursor)

    def _function_reference(self, cursor: Any, referenced: Any) -> ir.Expr:
        self.context.declaration(referenced)
        self.function.calls.add(referenced.spelling)
        return ir.FunctionRef(referenced.spelling, self.type_of(cursor))

    def _unary(self, cursor: Any) -> ir.Expr:
        operator = conf.lib.clang_getCursorUnaryOperatorKind(cursor)
        child = self._child(cursor)
        ctype = self.type_of(cursor)
        if operator == _DEREF:
            return self.load(self.place(cursor), cursor)
        if operator == _ADDRESS:
            target = child
            while target._kind_id == PAREN:
                target = self._child(target)
            if target._kind_id == DECL_REF and target.referenced._kind_id == FUNCTION_DECL:
                return self._function_reference(target, target.referenced)
            return self.address(self.place(target), ctype, span_of(cursor))
        if operator in (_POST_INC, _POST_DEC, _PRE_INC, _PRE_DEC):
            return self._increment(cursor, child, operator, ctype)
        if operator in (_PLUS, _EXTENSION):
            return self.value(child)
        if operator == _LOGICAL_NOT:
            return ir.Unary("!", self.value(child), INT, span_of(cursor))
        operand = self.value(child)
        if isinstance(operand, ir.Const) and operator == _MINUS:
            return ir.Const(wrap(-operand.value, ctype), ctype)
        symbol = {_MINUS: "-", _NOT: "~"}.get(operator)
        if symbol is None:
            return self._fallback(cursor)
        return ir.Unary(symbol, operand, ctype, span_of(cursor))

    def _increment(self, cursor: Any, child: Any, operator: int, ctype: Type) -> ir.Expr:
        place = self.place(child)
        span = span_of(cursor)
        old = self.temporary(ctype)
        self.emit(ir.Assign(old, ir.Load(place, ctype, span), span))
        step = (ctype.target.size or 1) if ctype.is_pointer and ctype.target else 1
        symbol = "+" if operator in (_POST_INC, _PRE_INC) else "-"
        new = ir.Binary(symbol, ir.Load(old, ctype, span), ir.Const(step, LONG), ctype, span)
        self.emit(ir.Assign(place, new, span))
        return ir.Load(old if operator in (_POST_INC, _POST_DEC) else place, ctype, span)

    def _binary(self, cursor: Any) -> ir.Expr:
        operator = conf.lib.clang_getCursorBinaryOperatorKind(cursor)
        left, right = list(cursor.get_children())[-2:]
        if operator == _ASSIGN:
            return self.assign(left, right, cursor)
        if operator == _COMMA:
            self.effect(left)
            return self.value(right)
        if operator in (_LOGICAL_AND, _LOGICAL_OR):
            return self._logical(cursor)
        symbol = _BINARY_OPS.get(operator)
        if symbol is None:
            return self._fallback(cursor)
        a, b = self.in_order([left, right])
        return self.arithmetic(symbol, a, b, self.type_of(cursor), span_of(cursor))

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
        left, right = list(cursor.get_children())[-2:]
        value = self.value(right)
        place = self.place(left)
        span = span_of(cursor)
        old = ir.Load(place, place.ctype, span)
        symbol = _COMPOUND_OPS.get(operator, "+")
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
        condition, first, second = list(cursor.get_children())[-3:]
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
        arms = [c for c in list(cursor.get_children())[1:] if c._kind_id != TYPE_REF]
        fitting = [c for c in arms if self.type_of(c) is wanted]
        if len(fitting) == 1:
            return self.value(fitting[0])
        return self._fallback(cursor)

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
        if kind == PAREN:
            self.condition(self._child(cursor), yes, no)
            return
        if kind == UNEXPOSED:
            children = list(cursor.get_children())
            if len(children) == 1 and children[0]._kind_id in (PAREN, UNARY, BINARY, UNEXPOSED, CALL):
                self.condition(children[0], yes, no)
                return
        elif kind == UNARY and conf.lib.clang_getCursorUnaryOperatorKind(cursor) == _LOGICAL_NOT:
            self.condition(self._child(cursor), no, yes)
            return
        elif kind == BINARY:
            operator = conf.lib.clang_getCursorBinaryOperatorKind(cursor)
            left, right = list(cursor.get_children())[-2:]
            if operator in (_LOGICAL_AND, _LOGICAL_OR):
                middle = self.new_block()
                if operator == _LOGICAL_AND:
                    self.condition(left, middle, no)
                else:
                    self.condition(left, yes, middle)
                self.block = middle
                self.condition(right, yes, no)
                return
            if operator == _COMMA:
                self.effect(left)
                self.condition(right, yes, no)
                return
        elif kind == CALL and cursor.spelling in ("__builtin_expect", "__builtin_expect_with_probability"):
            self.condition(next(cursor.get_arguments()), yes, no)
            return
        value = self.value(cursor)
        if isinstance(value, ir.Const):
            self.end(ir.Jump(yes if value.value else no))
        else:
            self.end(ir.Branch(value, yes, no, span_of(cursor)))

    # -- places ------------------------------------------------------------------------------------------

    def place(self, cursor: Any) -> ir.Place:
        """The lvalue of an expression; what is none is put into a temporary."""
        kind = cursor._kind_id
        if kind == PAREN:
            return self.place(self._child(cursor))
        if kind == DECL_REF:
            return self._variable_place(cursor)
        if kind == MEMBER:
            return self._member(cursor)
        if kind == SUBSCRIPT:
            return self._subscript(cursor)
        if kind == UNARY:
            operator = conf.lib.clang_getCursorUnaryOperatorKind(cursor)
            if operator == _DEREF:
                return self.pointed(self.value(self._child(cursor)), self.type_of(cursor), span_of(cursor))
            if operator == _EXTENSION:
                return self.place(self._child(cursor))
        if kind == LITERAL:
            temporary = self.temporary(self.type_of(cursor))
            self.initialise(temporary, list(cursor.get_children())[-1], span_of(cursor))
            return temporary
        if kind == STRING:
            return self._string(cursor)
        if kind == UNEXPOSED:
            children = list(cursor.get_children())
            if len(children) == 1 and children[0]._kind_id in _LVALUES | {PAREN, UNARY, UNEXPOSED}:
                inner = self.place(children[0])
                if inner.ctype is self.type_of(cursor) or inner.ctype.is_aggregate:
                    return inner
        value = self.value(cursor)
        if isinstance(value, ir.Load):
            return value.place
        temporary = self.temporary(value.ctype)
        self.emit(ir.Assign(temporary, value, span_of(cursor)))
        return temporary

    def pointed(self, pointer: ir.Expr, ctype: Type, span: Span) -> ir.Place:
        """`*pointer` as a place of type `ctype`; the address of a known place is that place again."""
        if isinstance(pointer, ir.AddressOf):
            place = pointer.place
            if place.ctype is ctype:
                return place
            if place.ctype.kind == "array" and place.ctype.target is ctype:
                return ir.Element(place, ir.Const(0, LONG), ctype)
        return ir.Deref(pointer, ctype, span)

    def _string(self, cursor: Any) -> ir.Place:
        text = evaluate(cursor)
        ctype = self.type_of(cursor)
        var = ir.GlobalVariable(
            "", ctype, ".rodata.str", frozen=True, static=True, text=text if isinstance(text, str) else ""
        )
        return ir.Global(var, ctype)

    def _variable_place(self, cursor: Any) -> ir.Place:
        referenced = cursor.referenced
        ctype = self.type_of(cursor)
        key = referenced.hash
        var = self.variables.get(key)
        if var is not None:
            return ir.Local(var, var.ctype)
        if referenced._kind_id in (VAR_DECL, PARM_DECL):
            if referenced._kind_id == VAR_DECL and conf.lib.clang_Cursor_hasVarDeclGlobalStorage(referenced):
                return ir.Global(self.global_variable(referenced), ctype)
            var = self.variable(referenced.spelling, self.type_of(referenced))
            self.variables[key] = var
            return ir.Local(var, var.ctype)
        self.opaque(f"reference to {_kind_name(referenced)}", span_of(cursor))
        return self.temporary(ctype)

    def global_variable(self, cursor: Any) -> ir.GlobalVariable:
        """The variable of file scope (or static local) that `cursor` declares."""
        return make_global(self.context, cursor)

    def _member(self, cursor: Any) -> ir.Place:
        field = cursor.referenced
        children = [c for c in cursor.get_children() if c._kind_id not in (TYPE_REF, MEMBER_REF)]
        ctype = self.type_of(cursor)
        span = span_of(cursor)
        if not children or field is None:
            self.opaque("member of unknown", span)
            return self.temporary(ctype)
        base = children[0]
        base_type = self.type_of(base)
        if base_type.is_pointer:
            struct = base_type.target or VOID
            inner = self.pointed(self.value(base), struct, span)
        else:
            inner = self.place(base)
            struct = base_type
        offset = max(conf.lib.clang_Cursor_getOffsetOfField(field), 0) // 8
        name = field.spelling if "(" not in field.spelling else ""
        text = field.type.spelling
        tags: tuple[str, ...] = ()
        if "btf_type_tag" in text:
            from kfuncgen.lint.lower.types import type_tags

            tags = type_tags(field.type)
        return ir.Member(inner, name, offset, struct, ctype, tags, bool(field.is_bitfield()))

    def _subscript(self, cursor: Any) -> ir.Place:
        base, index_cursor = list(cursor.get_children())[-2:]
        ctype = self.type_of(cursor)
        if not self.type_of(base).is_pointer and self.type_of(index_cursor).is_pointer:
            base, index_cursor = index_cursor, base
        index = self.value(index_cursor)
        pointer = self.value(base)
        if (
            isinstance(pointer, ir.AddressOf)
            and pointer.place.ctype.kind == "array"
            and pointer.place.ctype.target is ctype
        ):
            return ir.Element(pointer.place, index, ctype)
        span = span_of(cursor)
        whole = self.arithmetic("+", pointer, index, pointer.ctype, span)
        return ir.Deref(whole, ctype, span)

    # -- initialisers ------------------------------------------------------------------------------------

    def _is_literal_of_record(self, cursor: Any) -> bool:
        return self._literal_list(cursor) is not None

    def _literal_list(self, cursor: Any) -> Any:
        """The initialiser list of `(struct s){...}`, through parentheses and conversions, or None."""
        while cursor._kind_id in (PAREN, UNEXPOSED):
            children = list(cursor.get_children())
            if len(children) != 1:
                return None
            cursor = children[0]
        if cursor._kind_id == LITERAL and self.type_of(cursor).is_aggregate:
            last = list(cursor.get_children())[-1]
            return last if last._kind_id == INIT_LIST else None
        return None

    def _init_list_value(self, cursor: Any) -> ir.Expr:
        children = list(cursor.get_children())
        ctype = self.type_of(cursor)
        if not ctype.is_aggregate:
            return self.value(children[0]) if children else ir.Const(0, ctype)
        temporary = self.temporary(ctype)
        self.initialise(temporary, cursor, span_of(cursor))
        return ir.Load(temporary, ctype, span_of(cursor))

    def initialise(self, place: ir.Place, cursor: Any, span: Span) -> None:
        """Give a place its initialiser; parts that a list leaves out are zero."""
        while cursor._kind_id == PAREN:
            cursor = self._child(cursor)
        ctype = place.ctype
        if cursor._kind_id == UNEXPOSED and ctype.is_aggregate:
            children = list(cursor.get_children())
            if len(children) == 1:
                self.initialise(place, children[0], span)
                return
        literal = self._literal_list(cursor)
        if literal is not None:
            cursor = literal
        if cursor._kind_id == INIT_LIST and ctype.is_aggregate:
            self.emit(ir.Fill(place, True, span))
            self._init_members(place, list(cursor.get_children()), span)
        elif cursor._kind_id == INIT_LIST:
            self.emit(ir.Assign(place, self._init_list_value(cursor), span))
        elif cursor._kind_id == STRING and ctype.kind == "array":
            self.emit(ir.Fill(place, False, span))
        else:
            self.emit(ir.Assign(place, self.value(cursor), span))

    def _init_members(self, place: ir.Place, items: list[Any], span: Span) -> None:
        ctype = place.ctype
        position = 0
        while items:
            item = items.pop(0)
            target: ir.Place | None
            value = item
            if item._kind_id == UNEXPOSED and item.type._kind_id == VOID_KIND:
                target, value, position = self._designated(place, item, position)
            else:
                target = self._nth(place, position)
                position += 1
                if (
                    target is not None
                    and target.ctype.is_aggregate
                    and target.ctype.kind != "array"
                    and value._kind_id != INIT_LIST
                    and not self.type_of(value).is_aggregate
                ):
                    # Brace elision: the aggregate takes as many of the values as it has members.
                    count = len(target.ctype.fields)
                    self._init_members(target, [value, *items[: count - 1]], span)
                    del items[: count - 1]
                    continue
            if target is None:
                self.effect(value)
            elif value._kind_id == IMPLICIT_VALUE and not list(value.get_children()):
                continue
            else:
                self.initialise(target, value, span_of(value) if value.extent.start.line else span)
        del ctype

    def _nth(self, place: ir.Place, position: int) -> ir.Place | None:
        ctype = place.ctype
        if ctype.kind == "array":
            if ctype.target is None:
                return None
            return ir.Element(place, ir.Const(position, LONG), ctype.target)
        fields = ctype.fields
        if ctype.kind == "union":
            fields = fields[:1]
        if position >= len(fields):
            return None
        member = fields[position]
        return ir.Member(place, member.name, member.offset, ctype, member.ctype, member.tags)

    def _designated(self, place: ir.Place, item: Any, position: int) -> tuple[ir.Place | None, Any, int]:
        """`.a.b = v`, `[i] = v`: the place, the value, and the position that follows."""
        *designators, value = list(item.get_children())
        target: ir.Place | None = place
        after = position
        first = True
        for designator in designators:
            if target is None:
                break
            ctype = target.ctype
            if designator._kind_id == MEMBER_REF:
                field = designator.referenced
                offset = max(conf.lib.clang_Cursor_getOffsetOfField(field), 0) // 8
                name = field.spelling if "(" not in field.spelling else ""
                index = next(
                    (i for i, f in enumerate(ctype.fields) if f.offset == offset and f.name == name), None
                )
                if index is None:
                    target = None
                    break
                member = ctype.fields[index]
                target = ir.Member(target, name, offset, ctype, member.ctype, member.tags)
            else:
                at = evaluate(designator)
                if ctype.kind != "array" or ctype.target is None or not isinstance(at, int):
                    target = None
                    break
                index = at
                target = ir.Element(target, ir.Const(at, LONG), ctype.target)
            if first:
                after = index + 1
                first = False
        return target, value, after

    # -- calls -------------------------------------------------------------------------------------------

    def call(self, cursor: Any) -> ir.Expr:
        """A call: its arguments are evaluated in order, the result is a temporary."""
        children = list(cursor.get_children())
        ctype = self.type_of(cursor)
        span = span_of(cursor)
        if not children:
            return self._fallback(cursor)
        arguments = list(cursor.get_arguments())
        name = self._callee_name(children[0])
        if name.startswith("__builtin_") or name.startswith("__sync_") or name.startswith("__atomic_"):
            return self._builtin(name, cursor, arguments, ctype, span)
        callee: str | ir.Expr
        if name:
            self.function.calls.add(name)
            callee = name
        else:
            callee = self.value(children[0])
            if isinstance(callee, ir.Cast):
                callee = callee.operand
            if isinstance(callee, ir.FunctionRef):
                callee = callee.name
        values = tuple(self.in_order(arguments))
        result = self.temporary(ctype) if ctype.kind != "void" else None
        prototype = self.types.get(children[0].type).target
        self.emit(ir.Call(result, callee, values, ctype, span, prototype=prototype))
        return ir.Load(result, ctype, span) if result is not None else ir.Unknown(VOID)

    def _callee_name(self, cursor: Any) -> str:
        """The name of the function (or helper constant) that is called, "" for other expressions."""
        while cursor._kind_id in (UNEXPOSED, PAREN):
            children = list(cursor.get_children())
            if len(children) != 1:
                return ""
            cursor = children[0]
        if cursor._kind_id != DECL_REF:
            return ""
        referenced = cursor.referenced
        if referenced._kind_id == FUNCTION_DECL:
            name: str = referenced.spelling
            if not name.startswith("__builtin_"):
                self.context.declaration(referenced)
            return name
        if (
            referenced._kind_id == VAR_DECL
            and referenced.spelling.startswith("bpf_")
            and referenced.storage_class == StorageClass.STATIC
            and self.types.get(referenced.type).is_pointer
            and conf.lib.clang_Cursor_hasVarDeclGlobalStorage(referenced)
        ):
            # bpf_helper_defs.h: static T (*bpf_name)(...) = (void *)N
            return str(referenced.spelling)
        return ""

    def _builtin(self, name: str, cursor: Any, arguments: list[Any], ctype: Type, span: Span) -> ir.Expr:
        if name in _TRANSPARENT_BUILTINS and arguments:
            value = self.value(arguments[0])
            return self.convert(value, ctype, cursor) if ctype.kind != "void" else value
        if name in ("__builtin_memset", "__builtin_bzero"):
            return self._memset(arguments, ctype, span)
        if name in ("__builtin_memcpy", "__builtin_memmove", "__builtin_memcpy_inline"):
            return self._memcpy(arguments, ctype, span)
        if name in ("__builtin_unreachable", "__builtin_trap", "__builtin_abort"):
            self.end(ir.Unreachable(span))
            self.block = self.new_block()
            return ir.Unknown(VOID)
        if name in _IGNORED_BUILTINS:
            return ir.Unknown(ctype)
        if name == "__builtin_constant_p":
            known = evaluate(cursor)
            return ir.Const(known if isinstance(known, int) else 0, ctype)
        if name.startswith(("__builtin_preserve_", "__builtin_btf_type_id")):
            # CO-RE questions: answered by the loader, so unknown here; their operands are not evaluated.
            return ir.Unknown(ctype)
        constant = evaluate(cursor)
        if isinstance(constant, int):
            return ir.Const(constant, ctype)
        values = [self.value(a) for a in arguments]
        if name.startswith(("__sync_", "__atomic_")) and values and values[0].ctype.is_pointer:
            target = values[0].ctype.target or VOID
            place = self._pointee(values[0], target, span)
            for value in values[1:]:
                self.emit(ir.Evaluate(value, span))
            self.emit(ir.Assign(place, ir.Unknown(target), span))
            return ir.Unknown(ctype)
        for value in values:
            self.emit(ir.Evaluate(value, span))
        return ir.Unknown(ctype)

    def _pointee(self, pointer: ir.Expr, target: Type, span: Span) -> ir.Place:
        while isinstance(pointer, ir.Cast) and pointer.operand.ctype.is_pointer:
            pointer = pointer.operand
        if isinstance(pointer, ir.AddressOf):
            return pointer.place
        return ir.Deref(pointer, pointer.ctype.target or target, span)

    def _memset(self, arguments: list[Any], ctype: Type, span: Span) -> ir.Expr:
        pointer = self.value(arguments[0])
        byte = self.value(arguments[1]) if len(arguments) == 3 else ir.Const(0, INT)
        length = self.value(arguments[-1])
        zero = isinstance(byte, ir.Const) and byte.value == 0
        size = length.value if isinstance(length, ir.Const) else None
        self.emit(ir.Fill(self._pointee(pointer, VOID, span), zero, span, size))
        return self.convert(pointer, ctype, arguments[0]) if ctype.is_pointer else ir.Unknown(ctype)

    def _memcpy(self, arguments: list[Any], ctype: Type, span: Span) -> ir.Expr:
        destination, source = self.value(arguments[0]), self.value(arguments[1])
        length = self.value(arguments[2])
        size = length.value if isinstance(length, ir.Const) else None
        to, of = self._pointee(destination, VOID, span), self._pointee(source, VOID, span)
        if size is not None and to.ctype.size == size and of.ctype.size == size:
            self.emit(ir.Assign(to, ir.Load(of, of.ctype, span), span))
        else:
            self.emit(ir.Evaluate(ir.Load(of, of.ctype, span), span))
            self.emit(ir.Fill(to, False, span, size))
        return destination

    def _child(self, cursor: Any) -> Any:
        for child in cursor.get_children():
            if child._kind_id != TYPE_REF:
                return child
        return cursor


VOID_KIND = 2
"""clang's TypeKind.VOID: the type that designated initialisers have in their syntactic form."""
IMPLICIT_VALUE = UNEXPOSED


def make_global(context: Any, cursor: Any) -> ir.GlobalVariable:
    """The variable that `cursor` declares; made once per module, from its definition where there is one."""
    definition = cursor.get_definition() or cursor
    key = definition.hash
    found: ir.GlobalVariable | None = context.globals.get(key)
    if found is not None:
        return found
    text = pretty(definition)
    head = text.split("=", 1)[0]
    ctype = context.types.get(definition.type)
    section = head.split('section("', 1)[1].split('"', 1)[0] if 'section("' in head else ""
    made = ir.GlobalVariable(
        definition.spelling,
        ctype,
        section,
        frozen=ctype.const or (ctype.kind == "array" and bool(ctype.target and ctype.target.const)),
        static=definition.storage_class == StorageClass.STATIC,
        weak="((weak))" in head,
        extern=definition.storage_class == StorageClass.EXTERN,
        span=span_of(definition),
    )
    initialiser = conf.lib.clang_Cursor_getVarDeclInitializer(definition)
    if initialiser is not None and initialiser._kind_id and not 70 <= initialiser._kind_id <= 73:
        made.initialised = True
        value = evaluate(definition) if not ctype.is_aggregate else None
        if isinstance(value, int):
            made.value = value
        elif initialiser._kind_id == STRING:
            literal = evaluate(initialiser)
            made.text = literal if isinstance(literal, str) else None
    context.globals[key] = made
    if made.name and definition.semantic_parent is not None:
        context.module.globals.setdefault(made.name, made)
    return made


def _cheap_constant(cursor: Any) -> bool:
    """Whether asking clang for a condition's value is worth it: it holds no reference to a variable."""
    kinds = [cursor]
    count = 0
    while kinds:
        node = kinds.pop()
        count += 1
        if count > 24:
            return False
        if node._kind_id in (CALL, STATEMENT_EXPR, MEMBER) and not node.spelling.startswith("__builtin"):
            return False
        if node._kind_id == DECL_REF and node.referenced is not None and node.referenced._kind_id in (
            VAR_DECL,
            PARM_DECL,
        ):
            return False
        if node._kind_id != SIZEOF:
            kinds.extend(node.get_children())
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
    while cursor._kind_id == PAREN:
        cursor = next(iter(cursor.get_children()))
    kind = cursor._kind_id
    if kind == BINARY:
        return bool(conf.lib.clang_getCursorBinaryOperatorKind(cursor) == _ASSIGN)
    if kind == UNARY:
        return bool(_POST_INC <= conf.lib.clang_getCursorUnaryOperatorKind(cursor) <= _PRE_DEC)
    return bool(kind == COMPOUND_ASSIGN)


def _kind_name(cursor: Any) -> str:
    try:
        return str(cursor.kind.name).lower().replace("_", " ")
    except ValueError:
        return f"kind {cursor._kind_id}"


def wrap(value: int, ctype: Type) -> int:
    """`value` as an integer of type `ctype`."""
    if ctype.kind == "bool":
        return int(value != 0)
    bits = (ctype.size or 8) * 8
    value &= (1 << bits) - 1
    if ctype.signed and value >> (bits - 1):
        value -= 1 << bits
    return value


def fold(symbol: str, a: int, b: int) -> int | None:
    """Constant arithmetic; None where C leaves it undefined."""
    if symbol in ("/", "%"):
        if b == 0:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if symbol == "/" else a - b * quotient
    if symbol in ("<<", ">>"):
        if not 0 <= b < 64:
            return None
        return a << b if symbol == "<<" else a >> b
    table = {
        "+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b,
        "==": int(a == b), "!=": int(a != b), "<": int(a < b), ">": int(a > b), "<=": int(a <= b), ">=": int(a >= b),
    }  # fmt: skip
    return table.get(symbol)


__all__ = ["ULONG", "ExpressionBuilder", "fold", "location", "make_global", "wrap"]
