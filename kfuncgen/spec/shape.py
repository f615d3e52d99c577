"""The first of two steps from YAML to specs: the shape of one file, without looking at any other.

In: the nodes of `yamlsrc`. Out: the `Raw*` records below, in which every word is of the right kind (a kernel
version, a known flag, a list of names ...) and keeps the place it was written at. Whether the words fit together
(the release exists, the struct has that member) is left to `load`, which also parses the C.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.words import FILTERS, HOOKS, KF_FLAGS, SPECIAL_EFFECTS
from kfuncgen.spec.yamlsrc import Mapping, Node, Sequence, Text

T = TypeVar("T")

FAMILY_KEYS = (
    "family",
    "summary",
    "notes",
    "kernels",
    "since",
    "hooks",
    "changes",
    "filter",
    "config",
    "module",
    "kfuncs",
    "helpers",
    "options",
)
FUNCTION_KEYS = (
    "prototype",
    "flags",
    "hooks",
    "hook-flags",
    "filter",
    "special",
    "since",
    "until",
    "changes",
    "config",
    "module",
    "release",
    "summary",
    "notes",
    "params",
    "outputs",
    "errors",
)
CHANGE_KEYS = ("flags", "hooks", "prototype", "special", "present")
OPTIONS_KEYS = ("summary", "definition", "size-constant", "sizes", "error-field", "fields", "errors")
SIZE_KEYS = ("size", "since", "until")
FIELD_KEYS = ("direction", "required", "reserved", "minimum", "maximum", "values", "since-size", "summary")
DIRECTIONS = ("in", "out", "inout")


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place."""

    text: str
    place: Place


@dataclass(slots=True)
class RawChange:
    """What the YAML says became different in kernel `since`; None = not said."""

    since: Kernel
    place: Place
    flags: tuple[str, ...] | None = None
    hooks: tuple[str, ...] | None = None
    special: tuple[str, ...] | None = None
    prototype: Word | None = None
    present: bool | None = None


@dataclass(slots=True)
class RawFunction:
    """One entry under `kfuncs:` or `helpers:`; None = not said, so that the family's default applies."""

    name: str
    kind: Literal["kfunc", "helper"]
    place: Place
    prototype: Word
    flags: tuple[str, ...] = ()
    flags_place: Place = Place("")
    hooks: tuple[str, ...] | None = None
    hook_flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    filter: str | None = None
    special: tuple[str, ...] = ()
    since: Kernel | None = None
    until: Kernel | None = None
    changes: list[RawChange] = field(default_factory=list)
    config: tuple[str, ...] | None = None
    module: str | None = None
    release: tuple[Word, ...] = ()
    summary: str = ""
    notes: str = ""
    params: dict[str, Word] = field(default_factory=dict)
    outputs: tuple[Word, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class RawField:
    """What the YAML says of one member of an options struct."""

    place: Place
    direction: Literal["in", "out", "inout"] = "in"
    required: bool = False
    reserved: bool = False
    minimum: int | None = None
    maximum: int | None = None
    values: dict[str, int] = field(default_factory=dict)
    since_size: int = 0
    summary: str = ""


@dataclass(slots=True)
class RawSize:
    """One accepted size in bytes, with the kernels that accept it."""

    size: int
    place: Place
    since: Kernel | None = None
    until: Kernel | None = None


@dataclass(slots=True)
class RawOptions:
    """One entry under `options:`."""

    name: str
    place: Place
    summary: str
    definition: Word
    size_constant: str
    sizes: list[RawSize]
    error_field: Word | None
    fields: dict[str, RawField]
    errors: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class RawFamily:
    """One spec file."""

    name: str
    place: Place
    summary: str
    notes: str
    kernels: tuple[Kernel, ...]
    since: Kernel | None
    hooks: tuple[str, ...]
    changes: list[RawChange]
    filter: str
    config: tuple[str, ...]
    module: str
    functions: list[RawFunction]
    options: list[RawOptions]


def read_family(root: Node) -> RawFamily:
    """The records of one file; SpecError at the first word that is not of the expected kind."""
    body = _mapping(root, "the spec", FAMILY_KEYS)
    what = "the spec"
    name = _word(_required(body, "family", what), "family", r"[a-z][a-z0-9_]{0,40}", "a name such as 'task'").text
    functions = [
        _function(key, body_of, "kfunc", place) for key, body_of, place in _named(body, "kfuncs", "kfunc")
    ] + [_function(key, body_of, "helper", place) for key, body_of, place in _named(body, "helpers", "helper")]
    options = [_options(key, body_of, place) for key, body_of, place in _named(body, "options", "struct")]
    if not functions:
        raise SpecError(f"family '{name}' has neither 'kfuncs' nor 'helpers'", body.place)
    return RawFamily(
        name=name,
        place=body.place,
        summary=_optional(body, "summary", _text, ""),
        notes=_optional(body, "notes", _text, ""),
        kernels=_optional(body, "kernels", _kernels, ()),
        since=_optional(body, "since", _kernel, None),
        hooks=_optional(body, "hooks", _hooks, ()),
        changes=_optional(body, "changes", lambda n, k: _changes(n, k, ("hooks",)), []),
        filter=_optional(body, "filter", _filter, ""),
        config=_optional(body, "config", _config, ()),
        module=_optional(body, "module", _module, ""),
        functions=functions,
        options=options,
    )


def _function(name: str, node: Node, kind: Literal["kfunc", "helper"], place: Place) -> RawFunction:
    what = f"{kind} '{name}'"
    body = _mapping(node, what, FUNCTION_KEYS)
    return RawFunction(
        name=name,
        kind=kind,
        place=place,
        prototype=_c_text(_required(body, "prototype", what), "prototype"),
        flags=_optional(body, "flags", _flags, ()),
        flags_place=body.entries["flags"].place if "flags" in body.entries else place,
        hooks=_optional(body, "hooks", _hooks, None),
        hook_flags=_optional(body, "hook-flags", _hook_flags, {}),
        filter=_optional(body, "filter", _filter, None),
        special=_optional(body, "special", _special, ()),
        since=_optional(body, "since", _kernel, None),
        until=_optional(body, "until", _kernel, None),
        changes=_optional(body, "changes", _changes, []),
        config=_optional(body, "config", _config, None),
        module=_optional(body, "module", _module, None),
        release=_optional(body, "release", _identifiers, ()),
        summary=_optional(body, "summary", _text, ""),
        notes=_optional(body, "notes", _text, ""),
        params=_optional(body, "params", _texts, {}),
        outputs=_optional(body, "outputs", _identifiers, ()),
        errors=_optional(body, "errors", _errors, ()),
    )


def _changes(node: Node, key: str, keys: tuple[str, ...] = CHANGE_KEYS) -> list[RawChange]:
    changes = []
    versions = _mapping(node, f"'{key}'")
    for version, entry in versions.entries.items():
        place = versions.key_places[version]
        body = _mapping(entry, f"the change of {version}", keys)
        if not body.entries:
            raise SpecError(f"the change of {version} is empty, expected {_listed(keys)}", body.place)
        prototype = body.entries.get("prototype")
        changes.append(
            RawChange(
                since=_kernel(Text(version, place), key),
                place=place,
                flags=_optional(body, "flags", _flags, None),
                hooks=_optional(body, "hooks", _hooks, None),
                special=_optional(body, "special", _special, None),
                prototype=_c_text(prototype, "prototype") if prototype is not None else None,
                present=_optional(body, "present", _bool, None),
            )
        )
    return sorted(changes, key=lambda change: change.since)


def _options(name: str, node: Node, place: Place) -> RawOptions:
    what = f"options struct '{name}'"
    body = _mapping(node, what, OPTIONS_KEYS)
    error_field = body.entries.get("error-field")
    return RawOptions(
        name=name,
        place=place,
        summary=_optional(body, "summary", _text, ""),
        definition=_c_text(_required(body, "definition", what), "definition"),
        size_constant=_optional(body, "size-constant", _identifier, ""),
        sizes=[_size(item) for item in _sequence(_required(body, "sizes", what), "sizes")],
        error_field=Word(_identifier(error_field, "error-field"), error_field.place) if error_field else None,
        fields={
            key: _field(key, entry, key_place)
            for key, entry, key_place in _entries(_mapping(_required(body, "fields", what), "'fields'"), "field")
        },
        errors=_optional(body, "errors", _errors, ()),
    )


def _size(node: Node) -> RawSize:
    body = _mapping(node, "an entry of 'sizes'", SIZE_KEYS)
    size = _integer(_required(body, "size", "an entry of 'sizes'"), "size")
    if not 0 < size <= 4096:
        raise SpecError(f"size {size} is out of range, expected 1 to 4096 bytes", body.entries["size"].place)
    return RawSize(
        size, body.place, _optional(body, "since", _kernel, None), _optional(body, "until", _kernel, None)
    )


def _field(name: str, node: Node, place: Place) -> RawField:
    body = _mapping(node, f"field '{name}'", FIELD_KEYS)
    direction = _optional(body, "direction", lambda n, k: _choice(n, k, DIRECTIONS), "in")
    return RawField(
        place=place,
        direction="out" if direction == "out" else "inout" if direction == "inout" else "in",
        required=_optional(body, "required", _bool, False),
        reserved=_optional(body, "reserved", _bool, False),
        minimum=_optional(body, "minimum", _integer, None),
        maximum=_optional(body, "maximum", _integer, None),
        values=_optional(body, "values", _values, {}),
        since_size=_optional(body, "since-size", _integer, 0),
        summary=_optional(body, "summary", _text, ""),
    )


# Words of one kind each: (node, key) -> value. A key is named as the file spells it.


def _text(node: Node, key: str) -> str:
    """Prose in one line or several; folded lines come joined."""
    if not isinstance(node, Text) or not node.text.strip() or (node.plain and node.text in ("~", "null")):
        raise SpecError(f"'{key}' is no text", node.place)
    if len(node.text) > 4000:
        raise SpecError(f"'{key}' is too long, expected at most 4000 characters", node.place)
    return node.text.strip()


def _c_text(node: Node, key: str) -> Word:
    return Word(_text(node, key), node.place)


def _word(node: Node, key: str, pattern: str, expected: str) -> Word:
    text = _text(node, key)
    if not re.fullmatch(pattern, text):
        raise SpecError(f"'{key}' is '{_short(text)}', expected {expected}", node.place)
    return Word(text, node.place)


def _identifier(node: Node, key: str) -> str:
    return _word(node, key, r"[A-Za-z_]\w{0,127}", "a C identifier").text


def _module(node: Node, key: str) -> str:
    return _word(node, key, r"[a-z0-9_-]{1,60}", "a module name such as 'nf_conntrack'").text


def _kernel(node: Node, key: str) -> Kernel:
    text = _text(node, key)
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}", text):
        raise SpecError(f"'{key}' is '{_short(text)}', expected a kernel version such as \"6.18\"", node.place)
    return Kernel.parse(text)


def _kernels(node: Node, key: str) -> tuple[Kernel, ...]:
    return tuple(_kernel(item, key) for item in _sequence(node, key))


def _integer(node: Node, key: str) -> int:
    text = _text(node, key)
    if not re.fullmatch(r"-?(0x[0-9a-fA-F]{1,16}|\d{1,20})", text):
        raise SpecError(f"'{key}' is '{_short(text)}', expected an integer", node.place)
    return int(text, 0) if "x" in text else int(text)


def _bool(node: Node, key: str) -> bool:
    return _choice(node, key, ("true", "false")) == "true"


def _choice(node: Node, key: str, valid: tuple[str, ...]) -> str:
    text = _text(node, key)
    if text not in valid:
        raise SpecError(f"unknown {key} '{_short(text)}'{_nearest(text, valid)}", node.place)
    return text


def _filter(node: Node, key: str) -> str:
    return _choice(node, key, FILTERS)


def _flags(node: Node, key: str) -> tuple[str, ...]:
    return _words(node, key, "flag", KF_FLAGS)


def _hooks(node: Node, key: str) -> tuple[str, ...]:
    return _words(node, key, "hook", HOOKS)


def _hook_flags(node: Node, key: str) -> dict[str, tuple[str, ...]]:
    """Flags by hook."""
    body = _mapping(node, f"'{key}'")
    for name in body.entries:
        _choice(Text(name, body.key_places[name]), "hook", HOOKS)
    return {name: _flags(entry, name) for name, entry in body.entries.items()}


def _special(node: Node, key: str) -> tuple[str, ...]:
    return _words(node, key, "special effect", SPECIAL_EFFECTS)


def _words(node: Node, key: str, noun: str, valid: tuple[str, ...]) -> tuple[str, ...]:
    """A list of distinct words of a fixed vocabulary, in the vocabulary's order."""
    found: set[str] = set()
    for item in _sequence(node, key):
        text = _text(item, key)
        if text not in valid:
            raise SpecError(f"unknown {noun} '{_short(text)}'{_nearest(text, valid)}", item.place)
        if text in found:
            raise SpecError(f"{noun} '{text}' is given twice", item.place)
        found.add(text)
    return tuple(word for word in valid if word in found)


def _config(node: Node, key: str) -> tuple[str, ...]:
    return tuple(
        _word(item, key, r"CONFIG_[A-Z0-9_]{1,60}", "an option such as CONFIG_XFRM").text
        for item in _one_or_more(node, key)
    )


def _identifiers(node: Node, key: str) -> tuple[Word, ...]:
    return tuple(Word(_identifier(item, key), item.place) for item in _one_or_more(node, key))


def _texts(node: Node, key: str) -> dict[str, Word]:
    body = _mapping(node, f"'{key}'")
    return {name: Word(_text(entry, name), place) for name, entry, place in _entries(body, key)}


def _values(node: Node, key: str) -> dict[str, int]:
    return {name: _integer(entry, name) for name, entry, _ in _entries(_mapping(node, f"'{key}'"), key)}


def _errors(node: Node, key: str) -> tuple[tuple[str, str], ...]:
    """`EINVAL: cause` or `EINVAL: [cause, cause]`, flattened in file order."""
    causes = []
    body = _mapping(node, f"'{key}'")
    for name, entry in body.entries.items():
        if not re.fullmatch(r"E[A-Z0-9]{1,20}", name):
            raise SpecError(f"'{_short(name)}' is no error, expected a name such as EINVAL", body.key_places[name])
        causes += [(name, _text(item, name)) for item in _one_or_more(entry, name)]
    return tuple(causes)


# Structure.


def _mapping(node: Node, what: str, keys: tuple[str, ...] | None = None) -> Mapping:
    if not isinstance(node, Mapping):
        raise SpecError(f"{what} is {_kind(node)}, expected keys and values", node.place)
    if keys is not None:
        for key in node.entries:
            if key not in keys:
                raise SpecError(
                    f"{what} has the unknown key '{_short(key)}'{_nearest(key, keys)}", node.key_places[key]
                )
    return node


def _sequence(node: Node, key: str) -> list[Node]:
    if not isinstance(node, Sequence):
        raise SpecError(f"'{key}' is {_kind(node)}, expected a list", node.place)
    return node.items


def _one_or_more(node: Node, key: str) -> list[Node]:
    if isinstance(node, Text):
        return [node]
    items = _sequence(node, key)
    if not items:
        raise SpecError(f"'{key}' is an empty list, expected one word or more", node.place)
    return items


def _required(body: Mapping, key: str, what: str) -> Node:
    if key not in body.entries:
        raise SpecError(f"{what} lacks the key '{key}'", body.place)
    return body.entries[key]


def _optional(body: Mapping, key: str, read: Callable[[Node, str], T], default: T) -> T:
    node = body.entries.get(key)
    return default if node is None else read(node, key)


def _named(body: Mapping, key: str, noun: str) -> Iterable[tuple[str, Node, Place]]:
    """The named entries of an optional section, whose names are C identifiers."""
    node = body.entries.get(key)
    return () if node is None else _entries(_mapping(node, f"'{key}'"), noun)


def _entries(body: Mapping, noun: str) -> Iterable[tuple[str, Node, Place]]:
    for name, entry in body.entries.items():
        place = body.key_places[name]
        if not re.fullmatch(r"[A-Za-z_]\w{0,127}", name):
            raise SpecError(f"'{_short(name)}' is no name of a {noun}, expected a C identifier", place)
        yield name, entry, place


def _kind(node: Node) -> str:
    return {Text: "a word", Sequence: "a list", Mapping: "a mapping"}[type(node)]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _nearest(word: str, valid: tuple[str, ...]) -> str:
    """The end of a message about an unknown word: the nearest valid one, and all of them unless they are many."""
    near = difflib.get_close_matches(word[:100], valid, 1, 0.6)
    if not near:
        return f"; valid are {_listed(valid)}"
    hint = f", did you mean '{near[0]}'?"
    return hint if len(valid) > 20 else f"{hint} valid are {_listed(valid)}"


def _short(text: str) -> str:
    """A word of the file for a message: one line, bounded."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
