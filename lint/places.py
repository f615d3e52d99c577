"""What places are, without a state: their root, their path of members, constants in read-only data."""

from __future__ import annotations

from kfuncgen.lint import ir


def path_of(place: ir.Place) -> tuple[ir.Member, ...]:
    """The members a place goes through, outermost object first."""
    members: list[ir.Member] = []
    while isinstance(place, ir.Member | ir.Element):
        if isinstance(place, ir.Member):
            members.append(place)
        place = place.base
    return tuple(reversed(members))


def is_global(place: ir.Place) -> bool:
    """Whether a place is in a variable of file scope."""
    return isinstance(ir.root_of(place), ir.Global)


def is_frozen(place: ir.Place) -> bool:
    """Whether a place is in read-only data, which is frozen before the program is loaded."""
    root = ir.root_of(place)
    return isinstance(root, ir.Global) and root.var.frozen and not root.var.extern


def frozen_value(place: ir.Place) -> int | None:
    """The value of `const` globals, known to the verifier because read-only data is frozen before load."""
    if isinstance(place, ir.Global) and is_frozen(place):
        if place.var.value is not None:
            return place.var.value
        if not place.var.initialised and not place.ctype.is_aggregate:
            return 0
    return None
