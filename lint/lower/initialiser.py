"""Initialisers: lists, designators, compound literals; parts that are left out are zero."""

from __future__ import annotations

from typing import Any

from clang.cindex import conf

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.place import PlaceBuilder
from kfuncgen.lint.parse import evaluate, parts_of
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import LONG


class InitialiserBuilder(PlaceBuilder):
    """Lowers initialisers."""

    def _is_literal_of_record(self, cursor: Any) -> bool:
        return self._literal_list(cursor) is not None

    def _literal_list(self, cursor: Any) -> Any:
        """The initialiser list of `(struct s){...}`, through parentheses and conversions, or None."""
        while cursor._kind_id in (kinds.PAREN, kinds.UNEXPOSED):
            children = parts_of(cursor)
            if len(children) != 1:
                return None
            cursor = children[0]
        if cursor._kind_id == kinds.LITERAL and self.type_of(cursor).is_aggregate:
            last = parts_of(cursor)[-1]
            return last if last._kind_id == kinds.INIT_LIST else None
        return None

    def _init_list_value(self, cursor: Any) -> ir.Expr:
        children = parts_of(cursor)
        ctype = self.type_of(cursor)
        if not ctype.is_aggregate:
            return self.value(children[0]) if children else ir.Const(0, ctype)
        temporary = self.temporary(ctype)
        self.initialise(temporary, cursor, span_of(cursor))
        return ir.Load(temporary, ctype, span_of(cursor))

    def initialise(self, place: ir.Place, cursor: Any, span: Span) -> None:
        """Give a place its initialiser; parts that a list leaves out are zero."""
        while cursor._kind_id == kinds.PAREN:
            cursor = self.child(cursor)
        ctype = place.ctype
        if cursor._kind_id == kinds.UNEXPOSED and ctype.is_aggregate:
            children = parts_of(cursor)
            if len(children) == 1:
                self.initialise(place, children[0], span)
                return
        literal = self._literal_list(cursor)
        if literal is not None:
            cursor = literal
        if cursor._kind_id == kinds.INIT_LIST and ctype.is_aggregate:
            self.emit(ir.Fill(place, True, span))
            self._init_members(place, parts_of(cursor), span)
        elif cursor._kind_id == kinds.INIT_LIST:
            self.emit(ir.Assign(place, self._init_list_value(cursor), span))
        elif cursor._kind_id == kinds.STRING and ctype.kind == "array":
            self.emit(ir.Fill(place, False, span))
        else:
            self.emit(ir.Assign(place, self.value(cursor), span))

    def _init_members(self, place: ir.Place, items: list[Any], span: Span) -> None:
        position = 0
        while items:
            item = items.pop(0)
            target: ir.Place | None
            value = item
            if item._kind_id == kinds.UNEXPOSED and item.type._kind_id == kinds.VOID_TYPE:
                target, value, position = self._designated(place, item, position)
            else:
                target = self._nth(place, position)
                position += 1
                if (
                    target is not None
                    and target.ctype.is_aggregate
                    and target.ctype.kind != "array"
                    and value._kind_id != kinds.INIT_LIST
                    and not self.type_of(value).is_aggregate
                ):
                    # Brace elision: the aggregate takes as many of the values as it has members.
                    count = len(target.ctype.fields)
                    self._init_members(target, [value, *items[: count - 1]], span)
                    del items[: count - 1]
                    continue
            if target is None:
                self.effect(value)
            elif value._kind_id == kinds.UNEXPOSED and not parts_of(value):
                continue
            else:
                self.initialise(target, value, span_of(value) if value.extent.start.line else span)

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
        *designators, value = parts_of(item)
        target: ir.Place | None = place
        after = position
        first = True
        for designator in designators:
            if target is None:
                break
            ctype = target.ctype
            if designator._kind_id == kinds.MEMBER_REF:
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
