"""Walks over the expressions of functions: what they mention, whatever the path."""

from __future__ import annotations

from collections.abc import Iterator

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir


def expressions(function: ir.Function) -> Iterator[tuple[ir.Expr, Span]]:
    """All expressions of a function and those in them, each with the place of its statement."""
    for block in function.blocks:
        for instruction in block.instructions:
            for expression in _used(instruction):
                for part in inside(expression):
                    yield part, instruction.span
        end = block.terminator
        if isinstance(end, ir.Branch):
            for part in inside(end.condition):
                yield part, end.span
        elif isinstance(end, ir.Switch | ir.Return) and end.value is not None:
            for part in inside(end.value):
                yield part, end.span


def globals_of(function: ir.Function) -> Iterator[tuple[ir.GlobalVariable, Span]]:
    """The global variables that a function mentions, in order of its blocks."""
    for expression, span in expressions(function):
        for place in places(expression):
            if isinstance(place, ir.Global):
                yield place.var, getattr(expression, "span", span)


def _used(instruction: ir.Instruction) -> list[ir.Expr]:
    if isinstance(instruction, ir.Assign):
        return [instruction.value, ir.Load(instruction.place, instruction.place.ctype, instruction.span)]
    if isinstance(instruction, ir.Fill):
        return [ir.Load(instruction.place, instruction.place.ctype, instruction.span)]
    if isinstance(instruction, ir.Copy):
        places = (instruction.source, instruction.place)
        return [ir.Load(place, place.ctype, instruction.span) for place in places]
    if isinstance(instruction, ir.Call):
        callee = [] if isinstance(instruction.callee, str) else [instruction.callee]
        result = instruction.result
        kept = [ir.Load(result, result.ctype, instruction.span)] if result is not None else []
        return [*callee, *instruction.args, *kept]
    return [instruction.value] if isinstance(instruction, ir.Evaluate) else []


def inside(expression: ir.Expr) -> Iterator[ir.Expr]:
    """An expression and all in it."""
    todo = [expression]
    while todo:
        current = todo.pop()
        yield current
        if isinstance(current, ir.Unary | ir.Cast):
            todo.append(current.operand)
        elif isinstance(current, ir.Binary):
            todo += [current.left, current.right]
        for place in places(current):
            if isinstance(place, ir.Element):
                todo.append(place.index)
            elif isinstance(place, ir.Deref):
                todo.append(place.pointer)


def places(expression: ir.Expr) -> Iterator[ir.Place]:
    """The places, outermost last, that a load or address goes through."""
    place = expression.place if isinstance(expression, ir.Load | ir.AddressOf) else None
    while place is not None:
        yield place
        place = place.base if isinstance(place, ir.Member | ir.Element) else None
