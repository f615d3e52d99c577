"""The plan of a caller: what is declared, what is called in which order, and what every way out must undo.

Steps are in the order in which they run. `Own` begins an obligation (a reference, a lock, an iterator) and names
the statement that ends it; `End` ends it there; `Give` tells that a call took it over. Obligations that are open
at the end, or where a `Guard` leaves early, are ended in reverse order: `emit` writes them.
"""

from __future__ import annotations

from kfuncgen.records import Struct, field, replace


class Local(Struct, frozen=True):
    """A variable of the function: its declaration without the semicolon; `comment` stands above it."""

    text: str
    comment: str = ""
    parameter: str = ""
    """The parameter of the kfunc for which it stands, "" for variables that only the caller needs."""


class Line(Struct, frozen=True):
    """Statements, one or more lines without indentation."""

    text: str


class Use(Line, frozen=True):
    """A use of what was got, to show one: the author's own code takes its place."""


class Remark(Struct, frozen=True):
    """A comment of its own. `place`: it stands where the author's code goes."""

    text: str
    place: bool = False


class Guard(Struct, frozen=True):
    """Leave when `test` holds, after `lines`. Without `leave` only `lines` run, and the program goes on."""

    test: str
    lines: tuple[str, ...] = ()
    leave: bool = True


class Own(Struct, frozen=True):
    """From here on every way out runs `undo`; `label` is the name for its goto label."""

    undo: str
    label: str


class End(Struct, frozen=True):
    """`undo` of the obligation `label` runs here, and no more."""

    label: str


class Give(Struct, frozen=True):
    """The obligation `label` went to the kernel."""

    label: str


class Loop(Struct, frozen=True):
    """Everything that follows is the body of `while (head)`, or of another loop's head with `keyword`."""

    head: str


Step = Local | Line | Remark | Guard | Own | End | Give | Loop


_OPEN, _CLOSE = "\ue000", "\ue001"
"""Characters for private use, which no spec has, around what the author of a program replaces."""


def slot(text: str) -> str:
    """`text` marked as what the author replaces; marks do not nest."""
    return f"{_OPEN}{text}{_CLOSE}"


def slots(text: str) -> tuple[tuple[str, bool], ...]:
    """A text cut at the marks of `slot`: each part, and whether the author replaces it."""
    parts = []
    for number, part in enumerate(text.split(_OPEN)):
        inside, closed, rest = part.partition(_CLOSE)
        if number and closed:
            parts += [(inside, True), (rest, False)]
        else:
            parts.append((part, False))
    return tuple(part for part in parts if part[0])


def unmarked(text: str) -> str:
    """A text without the marks of `slot`."""
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def code_of(step: Step) -> str:
    """The C of a step, without comments."""
    if isinstance(step, Local | Line):
        return step.text
    if isinstance(step, Guard):
        return "\n".join((step.test, *step.lines))
    if isinstance(step, Own):
        return step.undo
    return step.head if isinstance(step, Loop) else ""


class Item(Struct, frozen=True):
    """A declaration at file scope. Equal keys are written once; `rank` orders kinds: types, maps, functions."""

    rank: int
    key: str
    text: str


class Piece(Struct, frozen=True):
    """A part of a plan that yields a value: `expr` is valid once `steps` ran.

    `names`: variables that it declares; `calls`: kfuncs; `cost`: how long it is; `rcu`: it must run in an RCU
    critical section; `sleeps`: it may sleep; `label`: its reference's obligation, "" without one.
    """

    expr: str
    steps: tuple[Step, ...] = ()
    items: tuple[Item, ...] = ()
    calls: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    cost: int = 0
    rcu: bool = False
    sleeps: bool = False
    label: str = ""
    macros: tuple[str, ...] = ()
    """Constants that no vmlinux.h defines."""

    def then(self, other: Piece) -> Piece:
        """This piece, and after it `other`, whose value is that of both."""
        return replace(
            other,
            steps=self.steps + other.steps,
            items=self.items + tuple(i for i in other.items if i not in self.items),
            calls=self.calls + tuple(c for c in other.calls if c not in self.calls),
            names=self.names | other.names,
            cost=self.cost + other.cost,
            rcu=self.rcu or other.rcu,
            sleeps=self.sleeps or other.sleeps,
            macros=self.macros + tuple(m for m in other.macros if m not in self.macros),
        )

    def with_expr(self, expr: str) -> Piece:
        """The same steps with another value."""
        return replace(self, expr=expr)


class Plan(Struct, frozen=True):
    """A whole caller. `supplied`: (name, documentation) of what the author of a snippet brings along."""

    piece: Piece
    supplied: tuple[tuple[str, str], ...] = field(default=())


class NoPlan(Exception):
    """There is no way to call the kfunc there; the message says what is missing."""
