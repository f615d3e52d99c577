"""Where the ways out of a branch meet again."""

from __future__ import annotations

from collections.abc import Sequence

from kfuncgen.lint import ir
from kfuncgen.records import Struct


class Postdominators(Struct, frozen=True):
    """Per block (by order) the next one through which every way out leads: a tree, whose root stands for the end
    of the function. `rank`: further to the root is more; -1 for blocks from which no way leads out."""

    parent: Sequence[int]
    rank: Sequence[int]

    def common(self, one: int, other: int) -> int:
        """The first block, or the root, that every way from these two leads through."""
        while one != other:
            if self.rank[one] < self.rank[other]:
                one = self.parent[one]
            else:
                other = self.parent[other]
        return one


def postdominators(function: ir.Function) -> Postdominators:
    """The tree of a function, as Cooper, Harvey and Kennedy make it (A Simple, Fast Dominance Algorithm, 2001):
    time grows with the number of blocks, where sets of blocks would take its square."""
    root = len(function.blocks)
    following = [[block.order for block in one.successors()] or [root] for one in function.blocks]
    before: list[list[int]] = [[] for _ in range(root + 1)]
    for order, orders in enumerate(following):
        for successor in orders:
            before[successor].append(order)
    backwards = _backwards(before, root)
    rank = [-1] * (root + 1)
    for number, order in enumerate(backwards):
        rank[order] = root - number
    parent = [-1] * (root + 1)
    parent[root] = root
    tree = Postdominators(parent, rank)
    changed = True
    while changed:
        changed = False
        for order in backwards[1:]:
            known = [successor for successor in following[order] if parent[successor] >= 0]
            common = known[0]
            for successor in known[1:]:
                common = tree.common(common, successor)
            if common != parent[order]:
                parent[order] = common
                changed = True
    return tree


def _backwards(before: Sequence[Sequence[int]], root: int) -> list[int]:
    """The blocks in an order in which each comes after one of those that follow it: the root first."""
    done: list[int] = []
    seen = {root}
    todo = [(root, iter(before[root]))]
    while todo:
        order, rest = todo[-1]
        for other in rest:
            if other not in seen:
                seen.add(other)
                todo.append((other, iter(before[other])))
                break
        else:
            done.append(order)
            todo.pop()
    return done[::-1]


def meeting(function: ir.Function, after: Postdominators, sides: Sequence[ir.Block]) -> ir.Block | None:
    """The first block that every way from `sides` to the end of the function leads through; None when there is
    none, or no way to the end."""
    found = [side.order for side in sides if after.rank[side.order] >= 0]
    if not found:
        return None
    common = found[0]
    for other in found[1:]:
        common = after.common(common, other)
    return function.blocks[common] if common < len(function.blocks) else None


def dependent(after: Postdominators, sides: Sequence[ir.Block], meeting: ir.Block) -> list[int] | None:
    """Blocks (by order) that are run or not as one of `sides` is taken: those that every way from it leads through
    before the sides meet (control dependence of Ferrante, Ottenstein and Warren, 1987). What is between the sides
    are these, and what depends on those of them that fork. None when a way from a side may never end."""
    found: dict[int, None] = {}
    for side in sides:
        order = side.order
        if after.rank[order] < 0:
            return None
        while order != meeting.order and order not in found:
            found[order] = None
            order = after.parent[order]
    return list(found)


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
