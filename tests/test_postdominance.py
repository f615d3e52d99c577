"""Where ways meet, against the definition: blocks through which every way to the end leads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from kfuncgen.lint.postdominance import meeting, postdominators


@dataclass(eq=False)
class Block:
    order: int
    following: list[Block] = field(default_factory=list)

    def successors(self) -> tuple[Block, ...]:
        return tuple(dict.fromkeys(self.following))


@dataclass
class Function:
    blocks: list[Block]


def made(chance: random.Random) -> Any:
    """A function whose blocks are followed by any others."""
    blocks = [Block(order) for order in range(chance.randrange(1, 12))]
    for block in blocks:
        block.following = [chance.choice(blocks) for _ in range(chance.choice((0, 1, 1, 2, 2, 3)))]
    return Function(blocks)


def ends_without(function: Any, start: Block, avoided: Block | None) -> bool:
    """Whether a way leads from `start` to the end that does not touch `avoided`."""
    seen: set[int] = set()
    todo = [start]
    while todo:
        block = todo.pop()
        if block is avoided or block.order in seen:
            continue
        seen.add(block.order)
        if not block.following:
            return True
        todo += block.following
    return False


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_first_block_on_every_way(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(30):
        function = made(chance)
        sides = [chance.choice(function.blocks) for _ in range(chance.randrange(1, 4))]
        found = meeting(function, postdominators(function), sides)
        ending = [side for side in sides if ends_without(function, side, None)]
        on_all = [
            block for block in function.blocks
            if ending and not any(ends_without(function, side, block) for side in ending)
        ]  # fmt: skip
        if found is None:
            assert on_all == []
        else:
            assert found in on_all
            assert all(not ends_without(function, found, other) for other in on_all), "another one comes first"
