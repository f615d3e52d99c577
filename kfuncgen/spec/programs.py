"""What programs get from where they are attached, and what may be told of kernel objects: specs/programs/.

Facts that no prototype of a kfunc holds and that generated callers need: the arguments of tracepoints, hooks and
operations, members of iterators' contexts, what to return, names for variables. One file, read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypeVar

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import Struct
from kfuncgen.spec import yamlsrc
from kfuncgen.spec.model import Prototype
from kfuncgen.spec.prototype import PrototypeError, parse_prototype
from kfuncgen.spec.reading import mapping_of, optional, read_text, required, sequence_of

T = TypeVar("T")

_FILE = "programs.yaml"
_KEYS = (
    "targets", "iterators", "struct_ops", "returns", "plain-targets", "contexts", "results", "types",
)  # fmt: skip


class Operations(Struct, frozen=True):
    """A struct of operations: its members' prototypes by name, those without which it cannot be registered, and
    argument types that the verifier knows as another type."""

    name: str
    members: Mapping[str, Prototype]
    required: tuple[str, ...]
    promotes: Mapping[str, str]
    named: str = ""
    """The member that holds its name, "" without one."""
    families: tuple[str, ...] = ()
    """Spec families whose kfuncs are for these operations alone."""


class ObjectType(Struct, frozen=True):
    """A kernel object: the name for variables, (member, printk format) that tells one from another, and members
    that are objects themselves, by name of member."""

    variable: str = ""
    shows: tuple[str, str] | None = None
    embeds: Mapping[str, str] | None = None


class ProgramFacts(Struct, frozen=True):
    """Everything of the file. `targets`: section -> arguments; `iterators`: target -> member -> C type."""

    targets: Mapping[str, Prototype]
    iterators: Mapping[str, Mapping[str, str]]
    operations: Mapping[str, Operations]
    returns: Mapping[str, str]
    plain_targets: Mapping[str, str]
    contexts: Mapping[str, str]
    results: Mapping[str, str]
    types: Mapping[str, ObjectType]


@cache
def program_facts() -> ProgramFacts:
    """The facts of the package, read once per process; SpecError when the file is damaged."""
    data = (files("kfuncgen") / "specs" / "programs" / _FILE).read_bytes()
    return read_programs(data, f"specs/programs/{_FILE}")


def read_programs(data: bytes, file: str) -> ProgramFacts:
    """The facts in the YAML `data`; SpecError names the first mistake and its place in `file`."""
    body = mapping_of(yamlsrc.parse_yaml(data, file), "the file", _KEYS)
    return ProgramFacts(
        targets=optional(body, "targets", _prototypes, {}),
        iterators=optional(body, "iterators", _nested, {}),
        operations=optional(body, "struct_ops", _operations, {}),
        returns=optional(body, "returns", _words, {}),
        plain_targets=optional(body, "plain-targets", _words, {}),
        contexts=optional(body, "contexts", _words, {}),
        results=optional(body, "results", _words, {}),
        types=optional(body, "types", _types, {}),
    )


def _words(node: yamlsrc.Node, key: str) -> dict[str, str]:
    body = mapping_of(node, f"'{key}'")
    return {name: read_text(entry, name) for name, entry in body.entries.items()}


def _nested(node: yamlsrc.Node, key: str) -> dict[str, dict[str, str]]:
    body = mapping_of(node, f"'{key}'")
    return {name: _words(entry, name) for name, entry in body.entries.items()}


def _prototype(text: str, place: Place) -> tuple[str, Prototype]:
    try:
        return parse_prototype(text, called=False)
    except PrototypeError as error:
        raise SpecError(str(error), place) from None


def _prototypes(node: yamlsrc.Node, key: str) -> dict[str, Prototype]:
    body = mapping_of(node, f"'{key}'")
    return {name: _prototype(read_text(entry, name), entry.place)[1] for name, entry in body.entries.items()}


def _operations(node: yamlsrc.Node, key: str) -> dict[str, Operations]:
    found = {}
    for name, entry in mapping_of(node, f"'{key}'").entries.items():
        body = mapping_of(entry, name, ("members", "required", "promotes", "named", "families"))
        members = dict(
            _prototype(read_text(item, "members"), item.place)
            for item in sequence_of(required(body, "members", name), "members")
        )
        none: tuple[str, ...] = ()
        needed = optional(body, "required", _listed, none)
        promotes: dict[str, str] = optional(body, "promotes", _words, {})
        named: str = optional(body, "named", read_text, "")
        families = optional(body, "families", _listed, none)
        found[name] = Operations(name, members, needed, promotes, named, families)
    return found


def _listed(node: yamlsrc.Node, key: str) -> tuple[str, ...]:
    return tuple(read_text(item, key) for item in sequence_of(node, key))


def _types(node: yamlsrc.Node, key: str) -> dict[str, ObjectType]:
    found = {}
    for name, entry in mapping_of(node, f"'{key}'").entries.items():
        body = mapping_of(entry, name, ("variable", "shows", "embeds"))
        shows: dict[str, str] = optional(body, "shows", _words, {})
        embeds: dict[str, str] = optional(body, "embeds", _words, {})
        variable: str = optional(body, "variable", read_text, "")
        found[name] = ObjectType(variable, next(iter(shows.items()), None), embeds)
    return found
