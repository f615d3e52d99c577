"""What the user wrote: expressions of the lowered language as short C text, for messages."""

from __future__ import annotations

from kfuncgen.lint import ir

MAX_SPELLED = 40
"""Longer expressions are not repeated in a message: the excerpt shows them."""


def spell(expression: ir.Expr | None) -> str:
    """The expression as C text, "" when it is too long or was made by the lowering."""
    text = _expression(expression) if expression is not None else ""
    return text if len(text) <= MAX_SPELLED else ""


def spell_place(place: ir.Place) -> str:
    """The place as C text, "" when it is too long or was made by the lowering."""
    text = _place(place)
    return text if len(text) <= MAX_SPELLED else ""


def pointer_of(place: ir.Place) -> str:
    """What the pointer is called through which a place is reached, "" when it is reached through none."""
    root = ir.root_of(place)
    return spell(root.pointer) if isinstance(root, ir.Deref) else ""


def _expression(expression: ir.Expr) -> str:
    if isinstance(expression, ir.Cast):
        return _expression(expression.operand)
    if isinstance(expression, ir.Load):
        return _place(expression.place)
    if isinstance(expression, ir.AddressOf):
        inner = _place(expression.place)
        return f"&{inner}" if inner else ""
    if isinstance(expression, ir.Const) and expression.value == 0 and expression.ctype.is_pointer:
        return "NULL"
    return ""


def _place(place: ir.Place) -> str:
    if isinstance(place, ir.Local):
        return "" if place.var.is_temp else place.var.name
    if isinstance(place, ir.Global):
        return place.var.name
    if isinstance(place, ir.Deref):
        inner = _expression(place.pointer)
        return f"*{inner}" if inner else ""
    if isinstance(place, ir.Element):
        base = _place(place.base)
        index = str(place.index.value) if isinstance(place.index, ir.Const) else _expression(place.index)
        return f"{base}[{index}]" if base and index else ""
    if isinstance(place.base, ir.Deref):
        pointer = _expression(place.base.pointer)
        if pointer.startswith("&"):
            return f"{pointer[1:]}.{place.name}"
        return f"{pointer}->{place.name}" if pointer and place.name else ""
    base = _place(place.base)
    if not place.name:
        return base  # an anonymous struct or union
    return f"{base}.{place.name}" if base else ""
