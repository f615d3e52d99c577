"""`kfuncgen lint --show-settings`: what is in force for sources, and where each setting comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded, say_failures
from kfuncgen.cli_request import STDIN_NAME, Asked, Group
from kfuncgen.cli_sources import no_sources
from kfuncgen.render.json import dump
from kfuncgen.render.summary import plural
from kfuncgen.settings import Setting, effective
from kfuncgen.toolchain.flags import Flags, find_flags

FORMATS = ("text", "json")
VERSION = 1
LISTED = 3
"""Files that the text names; JSON has all."""


def show(asked: Asked, output_format: str | None, output: str | None) -> int:
    """Print the settings of all groups of sources."""
    chosen = options.one_of(output_format or "text", FORMATS, "output format for --show-settings")
    groups = list(_groups(asked))
    shown = [(group, _settings(asked, group), _flags(group)) for group in groups]
    if chosen == "json":
        emit(dump({"version": VERSION, "groups": [_json(*one) for one in shown]}), output)
    else:
        emit("\n".join(folded(_text(*one), output) for one in shown), output)
    say_failures(asked.failures)
    return 3 if asked.failures else 0


def _groups(asked: Asked) -> Iterator[Group]:
    """The groups of the sources; of folders without any, what would count in them."""
    if "-" in asked.paths:
        name = asked.stdin_filename or STDIN_NAME
        yield from asked.groups(name)
        return
    empty = [Path(path) for path in asked.paths if no_sources(path, asked.configs)]
    asked.paths = [path for path in asked.paths if Path(path) not in empty]
    if asked.paths:
        yield from asked.groups()
    for folder in empty:
        yield asked.group(asked.configs.of(folder), [])


def _settings(asked: Asked, group: Group) -> list[Setting]:
    return effective(group.config, group.options, asked.given, group.fail_on, group.baseline, asked.spec or ())


def _flags(group: Group) -> list[Flags]:
    chosen = group.options
    return [
        find_flags(
            file,
            chosen.clang_args,
            chosen.build_dir,
            chosen.configured_args,
            chosen.configured_dir,
            chosen.arch,
        )
        for file in group.files
    ]


def _json(group: Group, settings: Sequence[Setting], flags: Sequence[Flags]) -> dict[str, Any]:
    return {
        "config": str(group.config.path) if group.config.path is not None else None,
        "settings": {one.name: {"value": one.value, "from": list(one.origins)} for one in settings},
        "files": [
            {"file": str(file), "flags": {"from": one.origin, "arguments": list(one.args)}}
            for file, one in zip(group.files, flags, strict=True)
        ],
    }


def _text(group: Group, settings: Sequence[Setting], flags: Sequence[Flags]) -> Iterator[str]:
    """TOML that would say the same, with the origins as comments."""
    names = ", ".join(str(file) for file in group.files[:LISTED])
    more = f" and {len(group.files) - LISTED} more" if len(group.files) > LISTED else ""
    yield f"# {names or 'no sources'}{more}: {group.config.path or 'no configuration'}"
    values = [(_toml(one), ", ".join(one.origins)) for one in settings]
    width = min(max(len(text) for text, _ in values), 60)
    for text, origin in values:
        yield f"{text:{width}}  # {origin}"
    origins = [one.origin for one in flags]
    for origin in dict.fromkeys(origins):
        yield f"# compiler flags of {plural(origins.count(origin), 'file')}: {origin}"


def _toml(setting: Setting) -> str:
    if setting.value is None:
        return f"# {setting.name}: {'all rules' if setting.name == 'select' else 'none'}"
    if isinstance(setting.value, dict):
        rows = ", ".join(f"{_word(key)} = {_word(value)}" for key, value in setting.value.items())
        return f"{setting.name} = {{ {rows} }}" if rows else f"{setting.name} = {{}}"
    return f"{setting.name} = {_word(setting.value)}"


def _word(value: str | list[str]) -> str:
    """A value in TOML: its strings are those of JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
