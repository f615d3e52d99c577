"""The JSON Schema of spec files, for completion and checking in editors.

Made from the keys and vocabularies that `shape` reads by, so that a new key or word is in it at once. What needs
more than one place of a file (who releases what, whether a prototype has such a parameter) is left to `load`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kfuncgen.spec.shape import (
    CHANGE_KEYS,
    DIRECTIONS,
    FAMILY_KEYS,
    FIELD_KEYS,
    FUNCTION_KEYS,
    OPTIONS_KEYS,
    SIZE_KEYS,
)
from kfuncgen.spec.words import FILTERS, HOOKS, KF_FLAGS, SPECIAL_EFFECTS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _text(description: str, pattern: str = r"\S", **more: Any) -> Schema:
    return {
        "type": "string",
        "description": description,
        "minLength": 1,
        "maxLength": 4000,
        "pattern": pattern,
    } | more


def _words(description: str, vocabulary: Iterable[str]) -> Schema:
    items = {"enum": list(vocabulary)}
    return {"type": "array", "description": description, "items": items, "uniqueItems": True}


def _one_or_more(item: Schema, description: str) -> Schema:
    return {"description": description, "anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _version(description: str) -> Schema:
    return _text(description, r"^\d{1,3}\.\d{1,3}$")


def _named(value: Schema, description: str, names: str = r"^[A-Za-z_]\w{0,127}$") -> Schema:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": names},
        "additionalProperties": value,
    }


def _object(keys: Iterable[str], values: Mapping[str, Schema], **more: Any) -> Schema:
    """A mapping with just `keys`; a key without a description in `values` is a mistake of this module."""
    return {
        "type": "object",
        "properties": {key: values[key] for key in keys},
        "additionalProperties": False,
    } | more


_INTEGER: Schema = {"type": "integer"}
_IDENTIFIER = r"^[A-Za-z_]\w{0,127}$"
_C = "the kernel's C with its parameter names, whose suffixes are part of the contract"

_FLAGS = _words("KF_ flags, as of `since`", KF_FLAGS)
_HOOKS = _words("whose programs may call it, as of `since`; COMMON is every program", HOOKS)
_SPECIAL = _words("what the verifier does for this name, beyond flags and suffixes", SPECIAL_EFFECTS)
_ERRORS = _named(_one_or_more(_text("a cause"), "one cause or several"), "causes by error", r"^E[A-Z0-9]{1,20}$")

_SHARED: dict[str, Schema] = {
    "summary": _text("one sentence"),
    "notes": _text("more than one sentence"),
    "since": _version("the first kernel that has it"),
    "until": _version("the first kernel that lacks it"),
    "hooks": _HOOKS,
    "filter": {"description": "the kernel's filter within the hooks", "enum": list(FILTERS)},
    "config": _one_or_more(
        _text("an option", r"^CONFIG_[A-Z0-9_]{1,60}$"), "options that the kernel needs to have it"
    ),
    "module": _text("the module that has it", r"^[a-z0-9_-]{1,60}$"),
    "errors": _ERRORS,
}

_CHANGE = _object(
    CHANGE_KEYS,
    {
        "flags": _FLAGS,
        "hooks": _HOOKS,
        "prototype": _text(_C),
        "special": _SPECIAL,
        "present": {"type": "boolean", "description": "false when it went, to come back with true"},
    },
    minProperties=1,
)
_CHANGES = _named(_CHANGE, "what is different from a kernel on", r"^\d{1,3}\.\d{1,3}$")

_FUNCTION = _object(
    FUNCTION_KEYS,
    _SHARED
    | {
        "prototype": _text(_C),
        "flags": _FLAGS,
        "hook-flags": {
            "type": "object",
            "description": "flags of hooks whose set has others than `flags`",
            "propertyNames": {"enum": list(HOOKS)},
            "additionalProperties": _FLAGS,
        },
        "special": _SPECIAL,
        "changes": _CHANGES,
        "formerly": _text("the function that did the same on older kernels", _IDENTIFIER),
        "release": _one_or_more(_text("a function", _IDENTIFIER), "what ends the reference that it acquires"),
        "params": _named(_text("what it is for"), "parameters by name"),
        "examples": _named(_text("C"), "what generated callers pass, by parameter"),
        "outputs": _one_or_more(_text("a parameter", _IDENTIFIER), "whose options struct is only written to"),
    },
    required=["prototype"],
)

_SIZE = _object(
    SIZE_KEYS,
    _SHARED | {"size": {"type": "integer", "minimum": 1, "maximum": 4096, "description": "bytes"}},
    required=["size"],
)
_FIELD = _object(
    FIELD_KEYS,
    {
        "direction": {"description": "who writes it", "enum": list(DIRECTIONS)},
        "required": {"type": "boolean", "description": "the program must set it: zero is not meant"},
        "reserved": {"type": "boolean", "description": "must be zero"},
        "minimum": _INTEGER | {"description": "the least valid value"},
        "maximum": _INTEGER | {"description": "the greatest valid value"},
        "values": _named(_INTEGER, "valid values by name"),
        "since-size": {"type": "integer", "minimum": 0, "description": "the smallest size with which it is read"},
        "example": _text("C: what generated callers set it to"),
        "summary": _SHARED["summary"],
    },
)
_OPTIONS = _object(
    OPTIONS_KEYS,
    _SHARED
    | {
        "definition": _text("the C definition: offsets and sizes are computed from it"),
        "size-constant": _text("the kernel's name for the size", _IDENTIFIER),
        "sizes": {"type": "array", "description": "sizes that the kernel accepts", "items": _SIZE},
        "error-field": _text("the member that reports errors", _IDENTIFIER),
        "fields": _named(_FIELD, "members by name"),
    },
    required=["definition", "sizes", "fields"],
)


def json_schema() -> Schema:
    """The schema of one spec file (draft 2020-12)."""
    family = _object(
        FAMILY_KEYS,
        _SHARED
        | {
            "family": _text("the family's name", r"^[a-z][a-z0-9_]{0,40}$"),
            "kernels": {
                "type": "array",
                "description": "kernels against whose own tables the facts were compared",
                "items": _version("a kernel"),
            },
            "changes": _named(
                _object(("hooks",), {"hooks": _HOOKS}, minProperties=1),
                "hooks of the whole family from a kernel on",
                r"^\d{1,3}\.\d{1,3}$",
            ),
            "kfuncs": _named({"$ref": "#/$defs/function"}, "kfuncs by name"),
            "helpers": _named({"$ref": "#/$defs/function"}, "helpers by name"),
            "options": _named({"$ref": "#/$defs/options"}, "options structs by name"),
        },
        required=["family"],
        anyOf=[{"required": ["kfuncs"]}, {"required": ["helpers"]}],
    )
    head = {"$schema": DIALECT, "title": "kfuncgen spec", "description": "One family of kfuncs or helpers"}
    return head | family | {"$defs": {"function": _FUNCTION, "options": _OPTIONS}}
