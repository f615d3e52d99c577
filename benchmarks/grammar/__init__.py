"""Random programs that call kernel functions, each made from a number alone.

Statements come from productions (objects, regions, iterators, dynptrs, graphs, maps, functions) that keep every
contract; then none to three mutations are applied, which may break some.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.grammar import (
    dynptrs,
    flows,
    functions,
    graphs,
    iterators,
    maps,
    objects,
    protocols,
    regions,
    shapes,
)
from benchmarks.grammar.kinds import KINDS, WEIGHTS
from benchmarks.grammar.maker import Maker, Value
from benchmarks.grammar.mutations import mutate
from benchmarks.grammar.prelude import INCLUDES, PRELUDE
from benchmarks.grammar.tree import Function, Line, Tree, write

FAMILIES = (dynptrs, flows, functions, graphs, iterators, maps, objects, protocols, regions, shapes)
"""What registers productions."""


@dataclass(frozen=True, slots=True)
class Made:
    """A program: its number and name, its section, the C text of its functions, the mutations applied to it."""

    number: int
    name: str
    section: str
    text: str
    mutations: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """A whole source with this program alone."""
        return source([self])


def source(programs: list[Made]) -> str:
    """A whole source with these programs."""
    return INCLUDES + "\n" + PRELUDE + "\n".join(program.text for program in programs)


def made(number: int) -> Made:
    """The program of that number."""
    r = random.Random(f"program {number}")
    tree = _valid(number, r)
    done: list[str] = []
    for _ in range(r.choices((0, 1, 2, 3), (5, 9, 4, 2))[0]):
        tree, what = mutate(tree, r)
        if what:
            done.append(what)
    return Made(number, f"p{number}", tree.main.section, write(tree), tuple(done))


def _valid(number: int, r: random.Random) -> Tree:
    kind = r.choices(KINDS, WEIGHTS)[0]
    main = Function(kind.head.replace("<>", f"p{number}"), section=kind.section)
    tree = Tree(str(number), [main], kind.tail.replace("<>", f"p{number}"))
    m = Maker(r, kind, tree, main, r.randint(2, 14))
    m.known = [Value(*value) for value in kind.values]
    main.body = [*m.block(r.randint(1, 4)), Line("return 0;")]
    return tree
