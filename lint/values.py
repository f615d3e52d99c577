"""Abstract values: what the verifier knows of a register, kept per value and not per variable.

A value is a plain int (a known constant; 0 is also NULL) or a `Ref`: (value id, byte offset). Facts belong to
the id, so whatever is learnt through one alias holds for all (CONTRACT 2.5), and a release turns every alias
into a scalar at once (CONTRACT 3.1 step 8). Facts are immutable; a state maps ids to facts.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from kfuncgen.lint.types import Type
from kfuncgen.records import Struct, replace


class Ref(NamedTuple):
    """A value that has facts. `offset` is None when it is not constant."""

    id: int
    offset: int | None = 0


Value = int | Ref

Trust = Literal["trusted", "rcu", "untrusted", "plain"]
"""CONTRACT 2.1; a reference makes any pointer count as trusted."""

PointerKind = Literal[
    "kernel",  # ptr_T: a kernel object known by type
    "alloc",  # local object from bpf_obj_new and friends
    "percpu",  # percpu object, needs bpf_this_cpu_ptr before use
    "ctx",
    "stack",
    "map",  # the map object itself
    "map-value",
    "map-key",  # the key that a callback is given
    "memory",  # slices, ringbuf records, iterator elements
    "function",
    "dynptr",  # the dynptr that a callback or global function was given (CONST_PTR_TO_DYNPTR)
    "user",  # a pointer into user memory that the kernel's BTF marks as such
    "opaque",  # a pointer of which nothing is checked
]


Demise = Literal["null", "released", "stale", "submitted", "unlocked", "undeclared", "stop"]


class Death(Struct, frozen=True):
    """Why a value that was a pointer no longer is one: `null` (its NULL branch), `released`, `stale` (a slice),
    `submitted` (a slice of a ring buffer record that was submitted), `unlocked` (a non-owning pointer),
    `undeclared` (a kptr that the kernel does not see), `stop` (a fault was reported).

    `by` names the call that did it; `origin` where the pointer came from.
    """

    how: Demise
    by: str = ""
    origin: str = ""
    site: int = 0


class Scalar(Struct, frozen=True, eq=False):
    """An integer in [low, high] without `excluded`. `expr` is the operation that made it, so that equal
    operations on equal values are the same value and a test of the result tells about the operands."""

    low: int
    high: int
    excluded: tuple[int, ...] = ()
    expr: tuple[str, Value, Value] | None = None
    death: Death | None = None
    error_of: int = 0
    """Site of the call whose options struct's error field this is; 0 = none."""
    given: bool = False
    """It comes from outside (memory, the context, a call): what is not known of it the verifier does not know
    either. Of other numbers, as those that joined paths left open, it may know more. No part of identity."""

    number: bool = False
    """It is no pointer, whatever it is cast to; of other numbers nothing is known. No part of identity."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return (self.low, self.high, self.excluded, self.expr, self.death, self.error_of)

    @property
    def known(self) -> int | None:
        """The value when only one is possible."""
        return self.low if self.low == self.high else None

    def shape(self, rename: dict[int, int]) -> tuple[object, ...]:
        """Canonical form for state comparison; operands must be in `rename` already."""
        expr = self.expr
        named: tuple[object, ...] | None = None
        if expr is not None:
            named = (
                expr[0],
                ("v", rename.get(expr[1].id, 0)) if type(expr[1]) is Ref else expr[1],
                ("v", rename.get(expr[2].id, 0)) if type(expr[2]) is Ref else expr[2],
            )
        return (self.low, self.high, self.excluded, named, self.death, self.error_of)


class Pointer(Struct, frozen=True):
    """A pointer. `null` = may be NULL (only then does a test refine it). `reference` is the id of the live
    reference it carries, 0 = none. `region` is the memory it points into, when the state models that memory;
    `size` its bytes when it is bounded memory. `parent` ties slices to their dynptr."""

    kind: PointerKind
    ctype: Type | None = None
    null: bool = False
    trust: Trust = "plain"
    reference: int = 0
    region: int | None = None
    size: int | None = None
    readonly: bool = False
    parent: int = 0
    non_owning: bool = False
    origin: str = ""
    """Name of the kfunc or helper it came from, or what else it is (`argument`, `field last_wakee`)."""
    site: int = 0
    packet: bool = False
    reach: tuple[int, int] | None = None
    """Smallest and largest offset, when a number that is not constant was added and its bounds are known."""
    tested: bool = False
    """A branch has shown the program that it is not NULL: compilers drop further tests."""
    base: int = 0
    """Offset at which the object of type `ctype` begins: graph nodes are handed out as pointers into it."""
    map: str = ""
    """Name of the map that it is or points into, "" when that is not known."""

    def shape(self, references: dict[int, int], owners: dict[int, int]) -> tuple[object, ...]:
        """Canonical form for state comparison."""
        return (
            self.kind,
            id(self.ctype),
            self.null,
            self.trust,
            references.get(self.reference, 0),
            self.region,
            self.size,
            self.readonly,
            owners.get(self.parent, 0),
            self.packet,
            self.non_owning,
            self.base,
            self.reach,
            self.tested,
            self.origin,
            self.map,
        )

    @property
    def struct(self) -> str:
        """Tag of the struct it points to, without a CO-RE flavour (`___suffix`)."""
        if self.ctype is None or self.ctype.kind not in ("struct", "union"):
            return ""
        return plain_name(self.ctype.name)


Fact = Scalar | Pointer


def plain_name(tag: str) -> str:
    """A struct's tag or an extern's name without CO-RE flavour, which is what follows the last three underscores
    (bpf_core_essential_name_len(), tools/lib/bpf/relo_core.c 6.12); `T___init` is a type of its own (no-cast
    alias, CONTRACT 4.C)."""
    flavoured = None if tag.endswith("___init") else _FLAVOUR.fullmatch(tag)
    return flavoured[1] if flavoured is not None else tag


_FLAVOUR = re.compile(r"(.*[^_])___[^_].*")


ANY = Scalar(-(1 << 63), (1 << 64) - 1)
"""Nothing known: any 64 bits, seen as signed or unsigned."""


def scalar_of(ctype: Type) -> Scalar:
    """Any value of an integer type."""
    return _scalars(ctype)[0]


def from_outside(ctype: Type) -> Scalar:
    """Any value of a type, from outside of the program."""
    return _scalars(ctype)[1]


_made: dict[tuple[str, int, bool], tuple[Scalar, Scalar]] = {}


def _scalars(ctype: Type) -> tuple[Scalar, Scalar]:
    """Any value of a type, and the same from outside; facts do not change, so one of each is enough."""
    key = (ctype.kind, ctype.size, ctype.signed)
    found = _made.get(key)
    if found is None:
        low, high = ctype.limits() if ctype.is_integer and 0 < ctype.size <= 8 else (ANY.low, ANY.high)
        found = _made[key] = (Scalar(low, high), Scalar(low, high, given=True))
    return found


def dead(how: Demise, pointer: Pointer, by: str, site: int) -> Scalar:
    """What is left of a pointer that is none any more."""
    if how == "null":
        return Scalar(0, 0, death=Death("null", by, pointer.origin, site))
    return replace(ANY, death=Death(how, by, pointer.origin, site))
