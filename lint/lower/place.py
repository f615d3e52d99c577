"""Lvalues and global variables: where an expression's value lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clang.cindex import StorageClass, conf

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.builder import Builder, MemberPath
from kfuncgen.lint.lower.types import decl_tags, type_tags
from kfuncgen.lint.parse import evaluate, identity, parts_of, pretty, referenced
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import LONG, VOID, Field, Type


class PlaceBuilder(Builder):
    """Lowers lvalues."""

    def place(self, cursor: Any) -> ir.Place:
        """The lvalue of an expression; what is none is put into a temporary."""
        kind = cursor._kind_id
        if kind == kinds.PAREN:
            return self.place(self.child(cursor))
        if kind == kinds.DECL_REF:
            return self._variable_place(cursor)
        if kind == kinds.MEMBER:
            return self._member(cursor)
        if kind == kinds.SUBSCRIPT:
            return self._subscript(cursor)
        if kind == kinds.UNARY:
            operator = conf.lib.clang_getCursorUnaryOperatorKind(cursor)
            if operator == kinds.DEREF:
                return self.pointed(self.value(self.child(cursor)), self.type_of(cursor), span_of(cursor))
            if operator == kinds.EXTENSION:
                return self.place(self.child(cursor))
        if kind == kinds.LITERAL:
            temporary = self.temporary(self.type_of(cursor))
            self.initialise(temporary, parts_of(cursor)[-1], span_of(cursor))
            return temporary
        if kind == kinds.STRING:
            return self._string(cursor)
        if kind == kinds.UNEXPOSED:
            children = parts_of(cursor)
            if len(children) == 1 and children[0]._kind_id in kinds.LVALUES | {
                kinds.PAREN,
                kinds.UNARY,
                kinds.UNEXPOSED,
            }:
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
        declared = referenced(cursor)
        key = identity(declared)
        var = self.variables.get(key)
        if var is not None:
            return ir.Local(var, var.ctype)
        ctype = self.type_of(cursor)
        if declared._kind_id in (kinds.VAR_DECL, kinds.PARM_DECL):
            if declared._kind_id == kinds.VAR_DECL and conf.lib.clang_Cursor_hasVarDeclGlobalStorage(declared):
                return ir.Global(self.global_variable(declared), ctype)
            var = self.variable(declared.spelling, self.type_of(declared))
            self.variables[key] = var
            return ir.Local(var, var.ctype)
        self.opaque(f"reference to {kinds.kind_name(declared)}", span_of(cursor))
        return self.temporary(ctype)

    def global_variable(self, cursor: Any) -> ir.GlobalVariable:
        """The variable of file scope (or static local) that `cursor` declares."""
        return make_global(self.context, cursor)

    def _member(self, cursor: Any) -> ir.Place:
        field = referenced(cursor)
        children = [c for c in parts_of(cursor) if c._kind_id not in (kinds.TYPE_REF, kinds.MEMBER_REF)]
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
        key = (identity(field), id(struct))
        path = self.context.members.get(key)
        if path is None:
            record = base.type.get_pointee() if base_type.is_pointer else base.type
            path = self.context.members[key] = _member_path(field, struct, record)
        for step in path.steps:
            inner = ir.Member(inner, "", step.offset, struct, step.ctype)
            struct = step.ctype
        return ir.Member(inner, path.name, path.offset, struct, ctype, path.tags, path.bits)

    def _subscript(self, cursor: Any) -> ir.Place:
        base, index_cursor = parts_of(cursor)[-2:]
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


def anonymous_path(struct: Type, name: str) -> tuple[Field, ...]:
    """The anonymous members, outermost first, through which `name` is reached; () when it is none of theirs."""
    for field in struct.fields:
        if field.name or field.ctype.kind not in ("struct", "union"):
            continue
        if any(f.name == name for f in field.ctype.fields):
            return (field,)
        deeper = anonymous_path(field.ctype, name)
        if deeper:
            return (field, *deeper)
    return ()


def _member_path(field: Any, struct: Type, record: Any) -> MemberPath:
    """What the declaration of a member says, when it is reached through the type `struct`, clang's `record`."""
    name = field.spelling if "(" not in field.spelling else ""
    parent = field.semantic_parent
    steps: tuple[Field, ...] = ()
    if parent is not None and parent != record.get_canonical().get_declaration():
        # clang's cursors leave out the anonymous structs and unions on the way to the member.
        steps = anonymous_path(struct, name)
    first = max(conf.lib.clang_Cursor_getOffsetOfField(field), 0)
    bits = (first % 8, field.get_bitfield_width()) if field.is_bitfield() else None
    return MemberPath(steps, name, first // 8, type_tags(field.type), bits)


def make_global(context: Any, cursor: Any) -> ir.GlobalVariable:
    """The variable that `cursor` declares; made once per module, from its definition where there is one."""
    definition = cursor.get_definition() or cursor
    key = identity(definition)
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
        hidden='visibility("hidden")' in head,
        span=span_of(definition),
        tags=type_tags(definition.type),
        decl_tags=decl_tags(head),
    )
    initialiser = conf.lib.clang_Cursor_getVarDeclInitializer(definition)
    if initialiser is not None and initialiser._kind_id and initialiser._kind_id not in kinds.NO_CURSOR:
        made.initialised = True
        value = evaluate(definition) if not ctype.is_aggregate else None
        if isinstance(value, int):
            made.value = value
        elif initialiser._kind_id == kinds.STRING:
            literal = evaluate(initialiser)
            made.text = literal if isinstance(literal, str) else None
    context.globals[key] = made
    if made.name and definition.semantic_parent is not None:
        context.module.globals.setdefault(made.name, made)
    return made


def operations(cursor: Any) -> Iterator[tuple[str, str]]:
    """The functions that the initialiser of a struct names: (member, function) of each `.member = function`."""
    initialiser = conf.lib.clang_Cursor_getVarDeclInitializer(cursor)
    if initialiser is None or initialiser._kind_id != kinds.INIT_LIST:
        return
    initialiser._tu = cursor._tu
    for item in parts_of(initialiser):
        parts = parts_of(item)
        if len(parts) != 2 or parts[0]._kind_id != kinds.MEMBER_REF:
            continue
        value = parts[1]
        while value._kind_id != kinds.DECL_REF:
            inner = [c for c in parts_of(value) if c._kind_id != kinds.TYPE_REF]
            if len(inner) != 1:
                break
            value = inner[0]
        if value._kind_id == kinds.DECL_REF:
            yield parts[0].spelling, value.spelling
