"""Calls and builtins."""

from __future__ import annotations

from typing import Any, Literal

from clang.cindex import CursorKind, StorageClass, TypeKind, conf

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.initialiser import InitialiserBuilder
from kfuncgen.lint.parse import evaluate, parts_of, referenced
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import INT, VOID, Type

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
_LIBRARY = frozenset(("memcpy", "memmove", "memset"))
"""Functions of the C library that compilers know and expand; BPF programs cannot call them otherwise."""
_KSYM_EXISTS = "bpf_ksym_exists"
"""A macro of <bpf/bpf_helpers.h>; an undeclared function where the headers at hand are older than libbpf 1.2."""


class CallBuilder(InitialiserBuilder):
    """Lowers calls."""

    def call(self, cursor: Any) -> ir.Expr:
        """A call: its arguments are evaluated in order, the result is a temporary."""
        children = parts_of(cursor)
        ctype = self.type_of(cursor)
        span = span_of(cursor)
        if not children:
            return self.fallback(cursor)
        arguments = list(cursor.get_arguments())
        name = self._callee_name(children[0])
        if name == _KSYM_EXISTS and len(arguments) == 1:
            there = ir.Unary("!", self.value(arguments[0]), INT, span)
            return ir.Unary("!", there, ctype, span)
        if name in _LIBRARY and name not in self.context.module.functions:
            name = f"__builtin_{name}"
        if name.startswith(("__builtin_", "__sync_", "__atomic_")):
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
            else:
                self.function.indirect = True
        values = tuple(self.in_order(arguments))
        result = self.temporary(ctype) if ctype.kind != "void" else None
        prototype = self.types.get(children[0].type).target
        self.emit(ir.Call(result, callee, values, ctype, span, prototype=prototype))
        return ir.Load(result, ctype, span) if result is not None else ir.Unknown(VOID)

    def _callee_name(self, cursor: Any) -> str:
        """The name of the function (or helper constant) that is called, "" for other expressions."""
        while cursor._kind_id in (kinds.UNEXPOSED, kinds.PAREN):
            children = parts_of(cursor)
            if len(children) != 1:
                return ""
            cursor = children[0]
        if cursor._kind_id != kinds.DECL_REF:
            return ""
        declared = referenced(cursor)
        if declared._kind_id == kinds.FUNCTION_DECL:
            name: str = declared.spelling
            if not name.startswith("__builtin_"):
                self.context.declaration(declared)
            return name
        if (
            declared._kind_id == kinds.VAR_DECL
            and declared.spelling.startswith("bpf_")
            and declared.storage_class == StorageClass.STATIC
            and self.types.of(declared).is_pointer
            and conf.lib.clang_Cursor_hasVarDeclGlobalStorage(declared)
        ):
            # bpf_helper_defs.h: static T (*bpf_name)(...) = (void *)N
            return str(declared.spelling)
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
        if name == "__builtin_btf_type_id" and arguments:
            local = len(arguments) < 2 or evaluate(arguments[1]) == 0
            ids: Literal["local", "kernel"] = "local" if local else "kernel"
            return ir.Unknown(ctype, self.type_of(arguments[0]), ids, _names_typedef(arguments[0]))
        if name.startswith("__builtin_preserve_"):
            # CO-RE questions: answered by the loader, so unknown here; their operands are not evaluated.
            return ir.Unknown(ctype, self._asked_about(arguments[0]) if arguments else None)
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

    def _asked_about(self, cursor: Any) -> Type:
        """The struct that a question about a member or type is about: where the way to the member begins."""
        while cursor._kind_id in (kinds.PAREN, kinds.MEMBER, kinds.SUBSCRIPT, kinds.UNEXPOSED):
            inner = next(
                (c for c in parts_of(cursor) if c._kind_id not in (kinds.TYPE_REF, kinds.MEMBER_REF)), None
            )
            if inner is None:
                break
            cursor = inner
            ctype = self.type_of(cursor)
            if ctype.is_pointer and ctype.target is not None:
                return ctype.target
        return self.type_of(cursor)

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
            self.emit(ir.Copy(to, of, size, span))
        return destination


def _names_typedef(cursor: Any) -> bool:
    """Whether an expression such as `*(typeof(T) *)0` names its type by a typedef."""
    return any(c.kind == CursorKind.TYPE_REF and c.type.kind == TypeKind.TYPEDEF for c in cursor.walk_preorder())
