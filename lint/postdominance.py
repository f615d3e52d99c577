"""Where the ways out of a branch meet again."""

from __future__ import annotations

from collections.abc import Sequence

from kfuncgen.lint import ir


def postdominators(function: ir.Function) -> list[int]:
    """Per block (by order) the set of blocks through which every way out leads, as bits."""
    everything = (1 << len(function.blocks)) - 1
    after = [everything] * len(function.blocks)
    following = [[f.order for f in block.successors()] for block in function.blocks]
    changed = True
    while changed:
        changed = False
        for order in range(len(after) - 1, -1, -1):
            common = everything if following[order] else 0
            for successor in following[order]:
                common &= after[successor]
            common |= 1 << order
            if common != after[order]:
                after[order] = common
                changed = True
    return after


def meeting(function: ir.Function, after: Sequence[int], sides: Sequence[ir.Block]) -> ir.Block | None:
    """The first block that every way from `sides` leads through, None when some lead out of the function."""
    common = -1
    for side in sides:
        common &= after[side.order]
    nearest, most = None, 0
    while common:
        order = (common & -common).bit_length() - 1
        common &= common - 1
        count = after[order].bit_count()
        if count > most:
            nearest, most = function.blocks[order], count
    return nearest


def between(sides: Sequence[ir.Block], meeting: ir.Block) -> list[ir.Block]:
    """The blocks on the ways from `sides` up to where they meet."""
    seen: dict[int, ir.Block] = {}
    todo = list(sides)
    while todo:
        block = todo.pop()
        if block is not meeting and block.order not in seen:
            seen[block.order] = block
            todo.extend(block.successors())
    return list(seen.values())
