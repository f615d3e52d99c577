"""The state in which statements are made: what is known, what is held, where the program runs.

Statements are made so that they keep all contracts: what must be given back is on a stack, and whoever leaves
early gives it back first. What breaks contracts comes afterwards (mutations.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.grammar.tree import Block, Function, If, Line, Tree, lines


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of program: its section, how the function begins (`<>` stands for its name), and what it may do.

    `can`: families of functions. `values`: what its arguments are, as (type, expression, trust).
    """

    section: str
    head: str
    can: frozenset[str]
    values: tuple[tuple[str, str, str], ...] = ()
    sleeps: bool = False
    integers: tuple[str, ...] = ()
    """Expressions over its arguments that are numbers."""
    tail: str = ""
    """What follows the function."""


@dataclass(frozen=True, slots=True)
class Value:
    """A variable with a pointer: its type by its short name, and its trust: owned, trusted, rcu, rdonly."""

    type: str
    name: str
    trust: str


TYPES = {
    "task": "struct task_struct *",
    "cgrp": "struct cgroup *",
    "mask": "struct bpf_cpumask *",
    "key": "struct bpf_key *",
    "crypto": "struct bpf_crypto_ctx *",
    "xfrm": "struct xfrm_state *",
    "conn": "struct nf_conn *",
    "init": "struct nf_conn___init *",
    "sk": "struct bpf_sock *",
    "tp": "struct bpf_tcp_sock *",
    "event": "struct event *",
    "plain": "struct plain *",
    "item": "struct item *",
    "leaf": "struct leaf *",
    "shared": "struct shared *",
    "hits": "struct counter __percpu_kptr *",
    "counter": "struct counter *",
    "slot": "struct slot *",
    "mslot": "struct mslot *",
    "guard": "struct guarded *",
    "resguard": "struct resguard *",
    "timed": "struct timed *",
    "queued": "struct queued *",
    "lnode": "struct bpf_list_node *",
    "rnode": "struct bpf_rb_node *",
    "vma": "struct vm_area_struct *",
    "css": "struct cgroup_subsys_state *",
    "cache": "struct kmem_cache *",
    "num": "int *",
    "eth": "struct ethhdr *",
    "mem": "u64 *",
    "seq": "struct seq_file *",
    "sock": "struct sock *",
}
"""C types of pointers, by the beginnings of their variables' names."""

Shape = Callable[["Maker"], Block]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Production:
    """One way to go on: a maker of statements, how often it is taken, and what must be (not) the case."""

    make: Shape
    weight: int
    needs: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    """Regions in which it must not stand."""
    in_lock: bool = False
    """Whether it may stand where a lock is held: most calls may not."""


PRODUCTIONS: list[Production] = []


def production(weight: int, needs: str = "", outside: str = "", in_lock: bool = False) -> Callable[[Shape], Shape]:
    """Register a maker of statements; words of `needs` are families, those of `outside` regions."""

    def register(make: Shape) -> Shape:
        without = frozenset(outside.split())
        PRODUCTIONS.append(Production(make, weight, frozenset(needs.split()), without, in_lock))
        return make

    return register


@dataclass(slots=True)
class Maker:
    """What is being made. `held` are the statements that give back what is held, innermost last."""

    random: random.Random
    kind: Kind
    tree: Tree
    function: Function
    budget: int
    held: list[tuple[str, ...]] = field(default_factory=list)
    known: list[Value] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    depth: int = 0
    leaves: str = "return 0;"
    loops: list[int] = field(default_factory=list)
    """How much was held where each loop around begins."""
    _counts: dict[str, int] = field(default_factory=dict)

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def pick(self, choices: Sequence[Item]) -> Item:
        """One of the choices."""
        return self.random.choice(choices)

    def number(self, word: str) -> str:
        """A new name that begins with `word`."""
        self._counts[word] = self._counts.get(word, 0) + 1
        return f"{word}{self._counts[word]}"

    def declare(self, text: str) -> None:
        """Declare something at the top of the function."""
        self.function.variables.append(text)

    def variable(self, short: str) -> str:
        """A new pointer variable of the type with that short name."""
        name = self.number(short)
        ctype = TYPES[short]
        volatile = "volatile " if self.chance(0.04) and ctype.endswith("*") and short != "hits" else ""
        self.declare(f"{ctype}{volatile}{name} = NULL;")
        return name

    def local(self, ctype: str, word: str, initial: str = "") -> str:
        """A new variable of another type."""
        name = self.number(word)
        self.declare(f"{ctype} {name}{' = ' + initial if initial else ''};")
        return name

    def find(self, short: str, *trust: str) -> Value | None:
        """A known value of a type that is trusted so, or None."""
        found = [v for v in self.known if v.type == short and (not trust or v.trust in trust)]
        return self.pick(found) if found else None

    def can(self, family: str) -> bool:
        """Whether programs of this kind may call a family of functions."""
        return family in self.kind.can

    @property
    def sleeps(self) -> bool:
        """Whether a call that may sleep may stand here."""
        return self.kind.sleeps and not set(self.regions) & {"rcu", "preempt", "irq", "lock", "atomic", "awake"}

    @property
    def in_rcu(self) -> bool:
        """Whether pointers that RCU protects are valid here."""
        here = set(self.regions)
        return not (self.kind.sleeps or "deferred" in here) or bool(here & {"rcu", "lock", "atomic"})

    def inside(self, *regions: str) -> bool:
        """Whether this is inside one of these regions."""
        return bool(set(regions) & set(self.regions))

    @contextmanager
    def holding(self, *ends: str, value: Value | None = None, region: str = "") -> Iterator[None]:
        """Inside, `ends` must be done before leaving, `value` is known, and this is inside `region`."""
        held, known, regions = len(self.held), list(self.known), len(self.regions)
        if ends:
            self.held.append(ends)
        if value is not None:
            self.known.append(value)
        if region:
            self.regions.append(region)
        try:
            yield
        finally:
            del self.held[held:], self.regions[regions:]
            self.known = known

    @contextmanager
    def looping(self) -> Iterator[None]:
        """Inside a loop's body: `break` and `continue` give back what was taken since."""
        self.loops.append(len(self.held))
        try:
            with self.holding(region="loop"):
                yield
        finally:
            self.loops.pop()

    @contextmanager
    def another(self, function: Function, leaves: str, *regions: str) -> Iterator[None]:
        """Inside another function: nothing is held by it, and nothing known."""
        saved = (self.function, self.held, self.known, self.regions, self.leaves, self.loops, self.budget)
        self.function, self.held, self.known, self.regions = function, [], [], list(regions)
        self.leaves, self.loops, self.budget = leaves, [], min(self.budget, 4)
        try:
            yield
        finally:
            spent = self.budget
            self.function, self.held, self.known, self.regions, self.leaves, self.loops, self.budget = saved
            self.budget = max(0, min(self.budget, self.budget - 4 + spent))

    def give_back(self, since: int = 0) -> Block:
        """What gives back all that is held, or what was taken since so much was held."""
        return [line for ends in reversed(self.held[since:]) for line in lines(*ends)]

    def leave(self) -> Block:
        """An early exit: out of the function, or out of the loop."""
        if self.loops and self.chance(0.6):
            return [*self.give_back(self.loops[-1]), Line(self.pick(("break;", "continue;")))]
        return [*self.give_back(), Line(self.leaves)]

    def integer(self) -> str:
        """A number that the compiler does not know."""
        choices = ["knob", "sink", *self.kind.integers, *(v.name for v in self.known if v.type == "int")]
        if not self.inside("lock"):
            choices.append("bpf_get_prandom_u32()")
        return self.pick(choices if self.function is self.tree.main else choices[:2])

    def key(self) -> str:
        """A key. Of a constant one the verifier knows that the map has it, if the stack's layout lets it see the
        constant: that the linter cannot know, so that constants are rare."""
        return "knob" if self.chance(0.98) else self.pick(("0", "1"))

    def condition(self) -> str:
        """A condition that the compiler does not know."""
        known = self.find("int")
        value = known.name if known is not None and self.chance(0.7) else self.integer()
        return self.pick(("<>", "!<>", "<> > 3", "<> == 7", "<> & 1", "<> != 2", "<> <= 100")).replace("<>", value)

    def block(self, size: int = 0) -> Block:
        """Some statements that keep all contracts."""
        out: Block = []
        for _ in range(size or self.random.randint(1, 3)):
            if self.budget <= 0 or self.depth > 6:
                break
            self.budget -= 1
            self.depth += 1
            out += self._one()
            self.depth -= 1
        return out or [Line(f"sink = {self.pick(('1', 'knob', 'sink + 1'))};")]

    def _one(self) -> Block:
        here, locked = set(self.regions), self.inside("lock")
        fit = [
            p
            for p in PRODUCTIONS
            if p.needs <= self.kind.can and not p.outside & here and (p.in_lock or not locked)
        ]
        for _ in range(20):
            chosen = self.random.choices(fit, [p.weight for p in fit])[0]
            made = chosen.make(self)
            if made:
                return made
        return [Line("sink = knob;")]

    def cut(self, condition: str) -> Block:
        """`if (condition)` leave."""
        return [If(condition, self.leave(), [])]
