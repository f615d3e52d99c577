"""Map definitions: what `__uint(type, ...)` and `__type(value, T)` of a map in section .maps say."""

from __future__ import annotations

from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Fact, Pointer

SOCKET_MAPS = (15, 18)
"""BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH: a lookup takes a reference to the socket (CONTRACT section 7)."""
ARRAY_MAPS = (2, 6)
"""BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY."""
MAPS_OF_MAPS = (12, 13)
"""BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS: their values are maps."""


def map_definition(fact: Fact) -> Type | None:
    """The definition of the map that a value is, None when that is not known."""
    return fact.ctype if isinstance(fact, Pointer) and fact.kind == "map" else None


def inner_definition(definition: Type) -> Type | None:
    """What `__array(values, struct inner)` of a map of maps says of the maps in it."""
    for field in definition.fields:
        if field.name == "values" and field.ctype.kind == "array" and field.ctype.target is not None:
            target = field.ctype.target
            return target.target if target.is_pointer else target
    return None


def map_attribute(definition: Type, name: str) -> Type | None:
    """What `__type(name, T)` in a map definition says: the field is a pointer to T."""
    for field in definition.fields:
        if field.name == name and field.ctype.is_pointer:
            return field.ctype.target
    return None


def map_number(definition: Type, name: str) -> int:
    """What `__uint(name, N)` in a map definition says: the field is a pointer to an array of N."""
    target = map_attribute(definition, name)
    return target.count if target is not None and target.kind == "array" else 0


def element_size(definition: Type, what: str) -> int:
    """Bytes of a map's "key" or "value", 0 when they are not told."""
    target = map_attribute(definition, what)
    if target is not None and target.size:
        return target.size
    return map_number(definition, f"{what}_size")
