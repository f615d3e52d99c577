"""A `SpecSet` as bytes and back, for the cache: JSON of plain data, so that no file can make code run.

The form follows the model's own dataclasses, whatever fields they have: a list of nodes in which each refers to
earlier ones by number. A node is a scalar (as it is), or `[kind, number...]`: a tuple, a set, a mapping, an enum's
member, or a record of the model. Equal values are one node. Whoever reads it takes nothing for granted.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from kfuncgen.diagnostic import Place
from kfuncgen.records import fields, is_dataclass
from kfuncgen.spec import model

_RECORDS: tuple[type, ...] = (
    Place,
    *sorted(
        (found for found in vars(model).values() if isinstance(found, type) and is_dataclass(found)
         and found.__module__ == model.__name__),
        key=lambda found: found.__name__,
    ),
)  # fmt: skip
_ENUMS: tuple[type[Enum], ...] = tuple(
    found for found in vars(model).values()
    if isinstance(found, type) and issubclass(found, Enum) and found.__module__ == model.__name__
)  # fmt: skip
_TUPLE, _SET, _MAPPING, _FIRST_ENUM = 0, 1, 2, 3
_FIRST_RECORD = _FIRST_ENUM + len(_ENUMS)


def layout() -> str:
    """A word that is different whenever the form of the stored records is."""
    members_of = ((record.__name__, [f.name for f in fields(record)]) for record in _RECORDS)
    members = ((enum.__name__, [member.value for member in enum]) for enum in _ENUMS)
    return json.dumps([*members_of, *members])


def encode(specs: model.SpecSet) -> bytes:
    """`specs` as bytes."""
    return json.dumps(_Encoder(specs).nodes, separators=(",", ":")).encode("ascii")


class _Encoder:
    """Collects the nodes of one set; the last one is the set itself."""

    def __init__(self, specs: model.SpecSet) -> None:
        self.nodes: list[Any] = []
        self._known: dict[object, int] = {}
        self._node(specs)

    def _node(self, value: Any) -> int:
        """The number of the node of `value`. Records without equality are known by identity."""
        number = self._known.get(id(value))
        if number is not None:
            return number
        row = self._row(value)
        key: object = (type(value), tuple(row)) if isinstance(row, list) else (type(value), row)
        if is_dataclass(value) and type(value).__eq__ is object.__eq__:
            key = id(value)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.nodes)
            self.nodes.append(row)
        if is_dataclass(value):
            self._known[id(value)] = number  # alive as long as the set that holds it
        return number

    def _row(self, value: Any) -> Any:
        if value is None or isinstance(value, str | int):
            return value
        if isinstance(value, tuple):
            return [_TUPLE, *map(self._node, value)]
        if isinstance(value, frozenset):
            return [_SET, *map(self._node, sorted(value))]
        if isinstance(value, Mapping):
            return [_MAPPING, *(self._node(part) for pair in value.items() for part in pair)]
        if isinstance(value, Enum):
            return [_FIRST_ENUM + _ENUMS.index(type(value)), self._node(value.value)]
        parts = (self._node(getattr(value, field.name)) for field in fields(value))
        return [_FIRST_RECORD + _RECORDS.index(type(value)), *parts]


def decode(data: bytes) -> model.SpecSet:
    """What `encode` was given; ValueError when `data` is nothing of it.

    Python's collector of cycles is held off meanwhile: it would look in vain at each of some ten thousand new
    objects, several times, which takes as long as making them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        values: list[Any] = []
        value_at = values.__getitem__
        for row in json.loads(data):
            if type(row) is list:
                values.append(_MAKERS[row[0]](*map(value_at, row[1:])))
            else:
                values.append(row)
        result = values[-1]
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"no stored specs: {error}") from None
    finally:
        if collecting:
            gc.enable()
    if not isinstance(result, model.SpecSet):
        raise ValueError("no stored specs")
    return result


def _mapping(*parts: Any) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


_MAKERS: tuple[Callable[..., Any], ...] = (
    lambda *parts: parts,
    lambda *parts: frozenset(parts),
    _mapping,
    *_ENUMS,
    *_RECORDS,
)
