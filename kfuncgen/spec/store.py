"""A `SpecSet` as bytes and back, for the cache: JSON of plain data, so that no file can make code run.

The form follows the model's own records, whatever fields they have: a list of nodes in which each refers to
earlier ones by number. A node is a scalar (as it is), or `[kind, number...]`: a tuple, a set, a mapping, an enum's
member, or a record of the model. Equal values are one node.

What is read is made when it is asked for: a source calls a few of five hundred functions.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from kfuncgen.diagnostic import Place
from kfuncgen.records import Struct, field_names
from kfuncgen.spec import model

_RECORDS: tuple[type[Struct], ...] = (
    Place,
    *sorted(
        (found for found in vars(model).values() if isinstance(found, type) and issubclass(found, Struct)
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
    members_of = ((record.__name__, field_names(record)) for record in _RECORDS)
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
        if isinstance(value, Struct) and not type(value).__struct_config__.eq:
            key = id(value)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.nodes)
            self.nodes.append(row)
        if isinstance(value, Struct):
            self._known[id(value)] = number  # alive as long as the set that holds it
        return number

    def _row(self, value: Any) -> Any:
        if value is None or isinstance(value, str | int):
            return value
        if isinstance(value, tuple | _Families):
            return [_TUPLE, *map(self._node, value)]
        if isinstance(value, frozenset):
            return [_SET, *map(self._node, sorted(value))]
        if isinstance(value, Mapping):
            return [_MAPPING, *(self._node(part) for pair in value.items() for part in pair)]
        if isinstance(value, Enum):
            return [_FIRST_ENUM + _ENUMS.index(type(value)), self._node(value.value)]
        parts = (self._node(getattr(value, name)) for name in field_names(value))
        return [_FIRST_RECORD + _RECORDS.index(type(value)), *parts]


def decode(data: bytes) -> model.SpecSet:
    """What `encode` was given; ValueError when `data` is nothing of it. Whether it is whole is for others to see
    to (kfuncgen.cachedir): what is inside of a set is taken as it is.

    Python's collector of cycles is held off meanwhile: it would look in vain at each of some ten thousand new
    objects.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        rows = json.loads(data)
        nodes = _Nodes(rows)
        kind, families, functions, options, newest, checked = rows[-1]
        if kind != _FIRST_RECORD + _RECORDS.index(model.SpecSet):
            raise ValueError("no set")
        made = _Families(nodes, families), _Lazy(nodes, functions), _Lazy(nodes, options)
        found = model.SpecSet(*made, nodes.value(newest), nodes.value(checked))
        if not isinstance(found.newest, model.Kernel):
            raise ValueError("no kernel")
        return found
    except (ValueError, TypeError, IndexError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(f"no stored specs: {error}") from None
    finally:
        if collecting:
            gc.enable()


class _Nodes:
    """The values of nodes, each made when it is first asked for."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows
        self._values: dict[int, Any] = {}

    def value(self, number: int) -> Any:
        """The value of a node."""
        row = self.rows[number]
        if type(row) is not list:
            return row
        values = self._values
        if number not in values:
            values[number] = _MAKERS[row[0]](*map(self.value, row[1:]))
        return values[number]


class _Lazy(Mapping[str, Any]):
    """A mapping whose values are made when they are asked for."""

    def __init__(self, nodes: _Nodes, number: int) -> None:
        kind, *parts = nodes.rows[number]
        keys = [nodes.rows[key] for key in parts[::2]]
        if kind != _MAPPING or not all(type(key) is str for key in keys):
            raise ValueError("no names")
        self._value = nodes.value
        self._numbers = dict(zip(keys, parts[1::2], strict=True))

    def __getitem__(self, key: str) -> Any:
        return self._value(self._numbers[key])

    def get(self, key: str, default: Any = None) -> Any:
        """As of every mapping, but at once."""
        number = self._numbers.get(key)
        return self._value(number) if number is not None else default

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class _Families(Sequence[model.Family]):
    """The families of a set, made when they are asked for: they hold all functions, and few want them."""

    def __init__(self, nodes: _Nodes, number: int) -> None:
        self._nodes = nodes
        self._number = number

    @property
    def _made(self) -> tuple[model.Family, ...]:
        found: tuple[model.Family, ...] = self._nodes.value(self._number)
        return found

    def __getitem__(self, index: Any) -> Any:
        return self._made[index]

    def __len__(self) -> int:
        return len(self._made)

    def __eq__(self, other: object) -> bool:
        return self._made == (other._made if isinstance(other, _Families) else other)

    def __hash__(self) -> int:
        return hash(self._made)


def _mapping(*parts: Any) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


_MAKERS: tuple[Callable[..., Any], ...] = (
    lambda *parts: parts,
    lambda *parts: frozenset(parts),
    _mapping,
    *_ENUMS,
    *_RECORDS,
)
