"""The JSON Schema of kfuncgen.toml, by which editors complete and check it (Taplo, Even Better TOML).

Made from the keys that `config` reads by, so that a new key or word is in it at once. What needs more than the
file (kernels that there never were, folders that are not there) is left to `config` and `settings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfuncgen.config import FAIL_ON, KEYS, LOADERS, Key
from kfuncgen.spec.typetags import TYPE_TAGS

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""Taplo reads no newer one."""
DEFAULTS = {"fail-on": FAIL_ON[0], "loader": LOADERS[0], "type-tags": TYPE_TAGS[0]}


def config_schema(rules: Iterable[str]) -> Schema:
    """The schema, with the names of all rules."""
    names = sorted(rules)
    return {
        "$schema": DIALECT,
        "title": "kfuncgen.toml",
        "description": "Settings of kfuncgen; in a pyproject.toml they are the table tool.kfuncgen.",
        "type": "object",
        "properties": {name: _schema(name, key, names) for name, key in KEYS.items()},
        "additionalProperties": False,
    }


def _schema(name: str, key: Key, rules: list[str]) -> Schema:
    about: Schema = {"description": key.summary}
    if name in DEFAULTS:
        about["default"] = DEFAULTS[name]
    if key.kind == "word":
        return about | {"enum": list(key.choices)}
    if key.kind == "text":
        return about | {"type": "string", "minLength": 1}
    word: Schema = {"enum": rules} if key.rules else {"type": "string", "minLength": 1}
    words = {"anyOf": [word, {"type": "array", "items": word}]}
    return about | (words if key.kind == "words" else {"type": "object", "additionalProperties": words})
