"""Statements: control flow, scopes, declarations."""

from __future__ import annotations

import re
from typing import Any

from clang.cindex import CursorKind as K
from clang.cindex import conf

from kfuncgen.lint import ir
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.builder import ModuleContext, PendingGoto, Scope
from kfuncgen.lint.lower.expression import ExpressionBuilder
from kfuncgen.lint.parse import evaluate, identity, parts_of, pretty
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import VOID

_CLEANUP = re.compile(r"cleanup\((\w+)\)")
_COMPOUND = K.COMPOUND_STMT.value
_DECL = K.DECL_STMT.value
_EXPRESSIONS = range(100, 155)
_ATTRIBUTES = range(400, 500)
_NO_ASM = '""'


class FunctionBuilder(ExpressionBuilder):
    """Lowers one function body."""

    def lower_body(self) -> None:
        """Fill the function's blocks from its cursor."""
        body = None
        for child in parts_of(self.cursor):
            if child._kind_id == _COMPOUND:
                body = child
        for var, param in zip(self.function.params, self.cursor.get_arguments(), strict=False):
            self.variables[identity(param)] = var
        if body is not None:
            self.statement(body)
        end = self.function.span
        last = type(end)(end.file, end.end_line, max(end.end_column - 1, 1), end.end_line, end.end_column)
        self.end(ir.Return(None, last))
        self.finish()

    def statement(self, cursor: Any) -> None:
        """Lower one statement into the current block."""
        kind = cursor._kind_id
        if kind in _EXPRESSIONS:
            self.effect(cursor)
            return
        handler = _HANDLERS.get(kind)
        if handler is None:
            if kind in _ATTRIBUTES:
                return
            self.opaque(f"statement {kinds.kind_name(cursor)}", span_of(cursor))
            return
        handler(self, cursor)

    def statement_value(self, cursor: Any) -> ir.Expr:
        """The value of a statement expression's compound: that of its last expression statement."""
        children = parts_of(cursor)
        depth = len(self.scopes)
        self.scopes.append(Scope())
        result: ir.Expr = ir.Unknown(VOID)
        for index, child in enumerate(children):
            if index == len(children) - 1 and child._kind_id in _EXPRESSIONS:
                value = self.value(child)
                if value.ctype.kind == "void" or isinstance(value, ir.Const | ir.FunctionRef):
                    result = value
                else:
                    held = self.temporary(value.ctype)
                    span = span_of(child)
                    self.emit(ir.Assign(held, value, span))
                    result = ir.Load(held, held.ctype, span)
            else:
                self.statement(child)
        self.leave(depth, span_of(cursor))
        self.scopes.pop()
        return result

    def _compound(self, cursor: Any) -> None:
        depth = len(self.scopes)
        self.scopes.append(Scope())
        for child in parts_of(cursor):
            self.statement(child)
        if self.scopes[-1].cleanups and self.block.terminator is None:
            span = span_of(cursor)
            end = type(span)(span.file, span.end_line, max(span.end_column - 1, 1), span.end_line, span.end_column)
            self.leave(depth, end)
        self.scopes.pop()

    def _declarations(self, cursor: Any) -> None:
        for child in parts_of(cursor):
            if child._kind_id == K.VAR_DECL.value:
                self._variable_declaration(child)

    def _variable_declaration(self, cursor: Any) -> None:
        if conf.lib.clang_Cursor_hasVarDeclGlobalStorage(cursor):
            self.global_variable(cursor)
            return
        span = span_of(cursor)
        var = self.variables.get(identity(cursor))
        if var is None:
            var = self.variable(cursor.spelling, self.type_of(cursor))
            self.variables[identity(cursor)] = var
        self.emit(ir.Declare(var, span))
        initialiser = conf.lib.clang_Cursor_getVarDeclInitializer(cursor)
        if initialiser is not None and initialiser._kind_id and initialiser._kind_id not in kinds.NO_CURSOR:
            initialiser._tu = cursor._tu
            self.initialise(ir.Local(var, var.ctype), initialiser, span)
        if any(c._kind_id in _ATTRIBUTES for c in parts_of(cursor)):
            match = _CLEANUP.search(pretty(cursor).split("=", 1)[0])
            if match:
                name = match[1]
                self.function.calls.add(name)
                self.context.want(name)
                var.address_taken = True
                self.scopes[-1].cleanups.append((var, name))

    def _if(self, cursor: Any) -> None:
        children = parts_of(cursor)
        yes, after = self.new_block(), self.new_block()
        no = self.new_block() if len(children) > 2 else after
        self.condition(children[0], yes, no)
        self.block = yes
        self.statement(children[1])
        self.end(ir.Jump(after))
        if len(children) > 2:
            self.block = no
            self.statement(children[2])
            self.end(ir.Jump(after))
        self.block = after

    def _while(self, cursor: Any) -> None:
        condition, body = parts_of(cursor)[-2:]
        head, inside, after = self.new_block(), self.new_block(), self.new_block()
        self.start(head)
        self.condition(condition, inside, after)
        self.block = inside
        self._loop_body(body, head, after)
        self.end(ir.Jump(head))
        self.block = after

    def _do(self, cursor: Any) -> None:
        body, condition = parts_of(cursor)[:2]
        inside, test, after = self.new_block(), self.new_block(), self.new_block()
        self.start(inside)
        self._loop_body(body, test, after)
        self.start(test)
        self.condition(condition, inside, after)
        self.block = after

    def _loop_body(self, body: Any, again: ir.Block, after: ir.Block) -> None:
        depth = len(self.scopes)
        self.breaks.append((after, depth))
        self.continues.append((again, depth))
        self.statement(body)
        self.breaks.pop()
        self.continues.pop()

    def _for(self, cursor: Any) -> None:
        index = self.for_count
        self.for_count += 1
        children = parts_of(cursor)
        body = children.pop()
        present = self._for_parts(children, index)
        parts = [children.pop(0) if here and children else None for here in present]
        init, condition, increment = parts
        depth = len(self.scopes)
        self.scopes.append(Scope())
        if init is not None:
            self.statement(init)
        head, inside, step, after = (self.new_block() for _ in range(4))
        self.start(head)
        if condition is not None:
            self.condition(condition, inside, after)
        else:
            self.end(ir.Jump(inside))
        self.block = inside
        self._loop_body(body, step, after)
        self.start(step)
        if increment is not None:
            self.effect(increment)
        self.end(ir.Jump(head))
        self.block = after
        self.leave(depth, span_of(cursor))
        self.scopes.pop()

    def _for_parts(self, children: list[Any], index: int) -> tuple[bool, bool, bool]:
        """Which of the three parts the children are; only ambiguous headers need the text."""
        if len(children) == 3:
            return True, True, True
        if not children:
            return False, False, False
        if index < len(self.text.fors) and sum(self.text.fors[index]) == len(children):
            return self.text.fors[index]
        if children[0]._kind_id == _DECL:
            return True, len(children) > 1, False
        self.opaque("for statement with unclear parts", span_of(self.cursor))
        return False, True, len(children) > 1

    def _switch(self, cursor: Any) -> None:
        selector, body = parts_of(cursor)[-2:]
        value = self.value(selector)
        after = self.new_block()
        switch = ir.Switch(value, [], after, span_of(cursor))
        if isinstance(value, ir.Load):
            held = self.temporary(value.ctype)
            self.emit(ir.Assign(held, value, switch.span))
            switch.value = ir.Load(held, held.ctype, switch.span)
        self.end(switch)
        self.block = self.new_block()
        outer = self._current_switch
        self._current_switch = switch
        self.breaks.append((after, len(self.scopes)))
        self.statement(body)
        self.breaks.pop()
        self._current_switch = outer
        self.end(ir.Jump(after))
        self.block = after

    _current_switch: ir.Switch | None = None

    def _case(self, cursor: Any) -> None:
        children = parts_of(cursor)
        *labels, inner = children
        block = self.new_block()
        self.start(block)
        bounds = [evaluate(label) for label in labels]
        if self._current_switch is not None and all(isinstance(b, int) for b in bounds) and bounds:
            low, high = bounds[0], bounds[-1]
            assert isinstance(low, int) and isinstance(high, int)
            self._current_switch.cases.append((low, high, block))
        else:
            self.opaque("case label that is no constant", span_of(cursor))
        self.statement(inner)

    def _default(self, cursor: Any) -> None:
        block = self.new_block()
        self.start(block)
        if self._current_switch is not None:
            self._current_switch.default = block
        for child in parts_of(cursor):
            self.statement(child)

    def _jump(self, target: tuple[ir.Block, int] | None, cursor: Any) -> None:
        if target is None:
            return
        block, depth = target
        self.leave(depth, span_of(cursor))
        self.end(ir.Jump(block))
        self.block = self.new_block()

    def _break(self, cursor: Any) -> None:
        self._jump(self.breaks[-1] if self.breaks else None, cursor)

    def _continue(self, cursor: Any) -> None:
        self._jump(self.continues[-1] if self.continues else None, cursor)

    def _goto(self, cursor: Any) -> None:
        label = next((c.spelling for c in parts_of(cursor)), "")
        scopes = [(scope, len(scope.cleanups)) for scope in self.scopes]
        self.gotos.append(PendingGoto(self.block, label, scopes, span_of(cursor)))
        self.end(ir.Unreachable(span_of(cursor)))
        self.block = self.new_block()

    def _label(self, cursor: Any) -> None:
        block = self.new_block()
        self.start(block)
        self.labels[cursor.spelling] = block
        self.label_scopes[cursor.spelling] = list(self.scopes)
        for child in parts_of(cursor):
            self.statement(child)

    def _return(self, cursor: Any) -> None:
        children = parts_of(cursor)
        span = span_of(cursor)
        value: ir.Expr | None = None
        if children:
            value = self.value(children[0])
            if any(s.cleanups for s in self.scopes) and not isinstance(value, ir.Const | ir.Unknown):
                held = self.temporary(value.ctype)
                self.emit(ir.Assign(held, value, span))
                value = ir.Load(held, held.ctype, span)
        self.leave(0, span)
        self.end(ir.Return(value, span))
        self.block = self.new_block()

    def _asm(self, cursor: Any) -> None:
        index = self.asm_count
        self.asm_count += 1
        asms = self.text.asms
        span = span_of(cursor)
        children = parts_of(cursor)
        if index >= len(asms):
            self.opaque("inline asm", span, tuple(self.place(c) for c in children if _is_variable(c)))
            return
        asm = asms[index]
        if asm.template == _NO_ASM:
            # barrier(), barrier_var(): the optimiser loses track, the verifier sees nothing.
            return
        for child in children[: asm.outputs]:
            place = self.place(child)
            self.emit(ir.Assign(place, ir.Unknown(place.ctype), span))
        for child in children[asm.outputs :]:
            if child._kind_id in _EXPRESSIONS:
                value = self.value(child)
                if isinstance(value, ir.AddressOf) and "m" not in asm.template:
                    self.emit(ir.Fill(value.place, False, span))
        if any(word in asm.template for word in ("call", "goto", "exit")):
            self.function.opaque.append(ir.Opaque("inline asm that calls, jumps or exits", (), span))

    def _wrapped(self, cursor: Any) -> None:
        """Attributed statements (`[[fallthrough]]`, loop pragmas): what they wrap."""
        for child in parts_of(cursor):
            self.statement(child)

    def _nothing(self, cursor: Any) -> None:
        pass


def _is_variable(cursor: Any) -> bool:
    return bool(cursor._kind_id == K.DECL_REF_EXPR.value)


_HANDLERS: dict[int, Any] = {
    _COMPOUND: FunctionBuilder._compound,
    _DECL: FunctionBuilder._declarations,
    K.IF_STMT.value: FunctionBuilder._if,
    K.WHILE_STMT.value: FunctionBuilder._while,
    K.DO_STMT.value: FunctionBuilder._do,
    K.FOR_STMT.value: FunctionBuilder._for,
    K.SWITCH_STMT.value: FunctionBuilder._switch,
    K.CASE_STMT.value: FunctionBuilder._case,
    K.DEFAULT_STMT.value: FunctionBuilder._default,
    K.BREAK_STMT.value: FunctionBuilder._break,
    K.CONTINUE_STMT.value: FunctionBuilder._continue,
    K.GOTO_STMT.value: FunctionBuilder._goto,
    K.LABEL_STMT.value: FunctionBuilder._label,
    K.RETURN_STMT.value: FunctionBuilder._return,
    K.ASM_STMT.value: FunctionBuilder._asm,
    K.NULL_STMT.value: FunctionBuilder._nothing,
    K.UNEXPOSED_STMT.value: FunctionBuilder._wrapped,
}


def lower_function(context: ModuleContext, function: ir.Function, cursor: Any) -> None:
    """Lower the body that `cursor` defines into `function`."""
    builder = FunctionBuilder(context, function, cursor)
    for var in function.params:
        function.variables.append(var)
    builder.lower_body()
