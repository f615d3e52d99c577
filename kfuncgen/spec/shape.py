"""The first of two steps from YAML to specs: the shape of one file, without looking at any other.

In: the nodes of `yamlsrc`. Out: the `Raw*` records below, in which every word is of the right kind (a kernel
version, a known flag, a list of names ...) and keeps the place it was written at. Whether the words fit together
(the release exists, the struct has that member) is left to `load`, which also parses the C.
"""

from __future__ import annotations

from typing import Literal

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import Struct, field
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.reading import (
    IDENTIFIER,
    Word,
    entries_of,
    listed,
    mapping_of,
    named_entries,
    optional,
    read_bool,
    read_c_text,
    read_choice,
    read_config,
    read_errors,
    read_examples,
    read_expression,
    read_filter,
    read_flags,
    read_hook_flags,
    read_hooks,
    read_identifier,
    read_identifiers,
    read_integer,
    read_kernel,
    read_kernels,
    read_module,
    read_special,
    read_text,
    read_texts,
    read_values,
    read_word,
    required,
    sequence_of,
)
from kfuncgen.spec.yamlsrc import Node, Text

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
    "formerly",
    "summary",
    "notes",
    "params",
    "examples",
    "outputs",
    "errors",
)
CHANGE_KEYS = ("flags", "hooks", "prototype", "special", "present")
OPTIONS_KEYS = ("summary", "definition", "size-constant", "sizes", "error-field", "fields", "errors")
SIZE_KEYS = ("size", "since", "until")
FIELD_KEYS = (
    "direction",
    "required",
    "reserved",
    "minimum",
    "maximum",
    "values",
    "since-size",
    "example",
    "summary",
)
DIRECTIONS = ("in", "out", "inout")


class RawChange(Struct):
    """What the YAML says became different in kernel `since`; None = not said."""

    since: Kernel
    place: Place
    flags: tuple[str, ...] | None = None
    hooks: tuple[str, ...] | None = None
    special: tuple[str, ...] | None = None
    prototype: Word | None = None
    present: bool | None = None


class RawFunction(Struct):
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
    formerly: Word | None = None
    summary: str = ""
    notes: str = ""
    params: dict[str, Word] = field(default_factory=dict)
    examples: dict[str, Word] = field(default_factory=dict)
    outputs: tuple[Word, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()


class RawField(Struct):
    """What the YAML says of one member of an options struct."""

    place: Place
    direction: Literal["in", "out", "inout"] = "in"
    required: bool = False
    reserved: bool = False
    minimum: int | None = None
    maximum: int | None = None
    values: dict[str, int] = field(default_factory=dict)
    since_size: int = 0
    example: str = ""
    summary: str = ""


class RawSize(Struct):
    """One accepted size in bytes, with the kernels that accept it."""

    size: int
    place: Place
    since: Kernel | None = None
    until: Kernel | None = None


class RawOptions(Struct):
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


class RawFamily(Struct):
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
    body = mapping_of(root, "the spec", FAMILY_KEYS)
    what = "the spec"
    name = read_word(
        required(body, "family", what), "family", r"[a-z][a-z0-9_]{0,40}", "a name such as 'task'"
    ).text
    functions = [
        _function(key, body_of, "kfunc", place) for key, body_of, place in named_entries(body, "kfuncs", "kfunc")
    ] + [
        _function(key, body_of, "helper", place)
        for key, body_of, place in named_entries(body, "helpers", "helper")
    ]
    options = [_options(key, body_of, place) for key, body_of, place in named_entries(body, "options", "struct")]
    if not functions:
        raise SpecError(f"family '{name}' has neither 'kfuncs' nor 'helpers'", body.place)
    return RawFamily(
        name=name,
        place=body.place,
        summary=optional(body, "summary", read_text, ""),
        notes=optional(body, "notes", read_text, ""),
        kernels=optional(body, "kernels", read_kernels, ()),
        since=optional(body, "since", read_kernel, None),
        hooks=optional(body, "hooks", read_hooks, ()),
        changes=optional(body, "changes", lambda n, k: _changes(n, k, ("hooks",)), []),
        filter=optional(body, "filter", read_filter, ""),
        config=optional(body, "config", read_config, ()),
        module=optional(body, "module", read_module, ""),
        functions=functions,
        options=options,
    )


def _function(name: str, node: Node, kind: Literal["kfunc", "helper"], place: Place) -> RawFunction:
    what = f"{kind} '{name}'"
    body = mapping_of(node, what, FUNCTION_KEYS)
    return RawFunction(
        name=name,
        kind=kind,
        place=place,
        prototype=read_c_text(required(body, "prototype", what), "prototype"),
        flags=optional(body, "flags", read_flags, ()),
        flags_place=body.entries["flags"].place if "flags" in body.entries else place,
        hooks=optional(body, "hooks", read_hooks, None),
        hook_flags=optional(body, "hook-flags", read_hook_flags, {}),
        filter=optional(body, "filter", read_filter, None),
        special=optional(body, "special", read_special, ()),
        since=optional(body, "since", read_kernel, None),
        until=optional(body, "until", read_kernel, None),
        changes=optional(body, "changes", _changes, []),
        config=optional(body, "config", read_config, None),
        module=optional(body, "module", read_module, None),
        release=optional(body, "release", read_identifiers, ()),
        formerly=optional(body, "formerly", _function_name, None),
        summary=optional(body, "summary", read_text, ""),
        notes=optional(body, "notes", read_text, ""),
        params=optional(body, "params", read_texts, {}),
        examples=optional(body, "examples", read_examples, {}),
        outputs=optional(body, "outputs", read_identifiers, ()),
        errors=optional(body, "errors", read_errors, ()),
    )


def _function_name(node: Node, key: str) -> Word:
    return read_word(node, key, IDENTIFIER, "a C identifier")


def _changes(node: Node, key: str, keys: tuple[str, ...] = CHANGE_KEYS) -> list[RawChange]:
    changes = []
    versions = mapping_of(node, f"'{key}'")
    for version, entry in versions.entries.items():
        place = versions.key_places[version]
        body = mapping_of(entry, f"the change of {version}", keys)
        if not body.entries:
            raise SpecError(f"the change of {version} is empty, expected {listed(keys)}", body.place)
        prototype = body.entries.get("prototype")
        changes.append(
            RawChange(
                since=read_kernel(Text(version, place), key),
                place=place,
                flags=optional(body, "flags", read_flags, None),
                hooks=optional(body, "hooks", read_hooks, None),
                special=optional(body, "special", read_special, None),
                prototype=read_c_text(prototype, "prototype") if prototype is not None else None,
                present=optional(body, "present", read_bool, None),
            )
        )
    return sorted(changes, key=lambda change: change.since)


def _options(name: str, node: Node, place: Place) -> RawOptions:
    what = f"options struct '{name}'"
    body = mapping_of(node, what, OPTIONS_KEYS)
    error_field = body.entries.get("error-field")
    return RawOptions(
        name=name,
        place=place,
        summary=optional(body, "summary", read_text, ""),
        definition=read_c_text(required(body, "definition", what), "definition"),
        size_constant=optional(body, "size-constant", read_identifier, ""),
        sizes=[_size(item) for item in sequence_of(required(body, "sizes", what), "sizes")],
        error_field=Word(read_identifier(error_field, "error-field"), error_field.place) if error_field else None,
        fields={
            key: _field(key, entry, key_place)
            for key, entry, key_place in entries_of(
                mapping_of(required(body, "fields", what), "'fields'"), "field"
            )
        },
        errors=optional(body, "errors", read_errors, ()),
    )


def _size(node: Node) -> RawSize:
    body = mapping_of(node, "an entry of 'sizes'", SIZE_KEYS)
    size = read_integer(required(body, "size", "an entry of 'sizes'"), "size")
    if not 0 < size <= 4096:
        raise SpecError(f"size {size} is out of range, expected 1 to 4096 bytes", body.entries["size"].place)
    return RawSize(
        size, body.place, optional(body, "since", read_kernel, None), optional(body, "until", read_kernel, None)
    )


def _field(name: str, node: Node, place: Place) -> RawField:
    body = mapping_of(node, f"field '{name}'", FIELD_KEYS)
    direction = optional(body, "direction", lambda n, k: read_choice(n, k, DIRECTIONS), "in")
    return RawField(
        place=place,
        direction="out" if direction == "out" else "inout" if direction == "inout" else "in",
        required=optional(body, "required", read_bool, False),
        reserved=optional(body, "reserved", read_bool, False),
        minimum=optional(body, "minimum", read_integer, None),
        maximum=optional(body, "maximum", read_integer, None),
        values=optional(body, "values", read_values, {}),
        since_size=optional(body, "since-size", read_integer, 0),
        example=optional(body, "example", read_expression, ""),
        summary=optional(body, "summary", read_text, ""),
    )
