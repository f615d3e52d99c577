"""Project templates: what there is, and its files as text for given values.

A template is one folder of templates/ with a `template.yaml`: description, kfuncs used, values with their
default and form, and the files. Views are computed here and in header.py; the .j2 files loop and test only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.generate import resources
from kfuncgen.generate.resources import TemplateFault
from kfuncgen.spec.model import Kernel, SpecSet

MAX_VALUE = 80
"""Characters of a value whose template sets no limit."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that `--set NAME=VALUE` may give: `pattern` must match all of its at most `longest` characters;
    `expected` says so in words."""

    name: str
    description: str
    default: str
    pattern: str
    expected: str
    longest: int
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRule:
    """One file of a template. `path` is itself a template; `rewrite` = ours to remake, never hand-edited."""

    path: str
    source: str
    mode: int
    comment: str
    rewrite: bool
    generator: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A project template as its template.yaml tells it."""

    name: str
    description: str
    values: tuple[Value, ...]
    kfuncs: tuple[str, ...]
    types: tuple[str, ...]
    files: tuple[FileRule, ...]


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """The text of one file and its permission bits. `rewrite`: remade in place when an older one of ours is found;
    otherwise a file that was changed since belongs to the user and is kept."""

    text: str
    mode: int = 0o644
    rewrite: bool = False


@cache
def templates() -> tuple[Template, ...]:
    """All project templates, by name. TemplateFault when one of them is malformed."""
    found = []
    for folder in sorted(resources.template_root().iterdir(), key=lambda node: node.name):
        if folder.is_dir() and not folder.name.startswith(("_", ".")) and (folder / "template.yaml").is_file():
            found.append(_read_template(folder))
    return tuple(found)


def find_template(name: str) -> Template:
    """The template called `name`; UsageError names the valid ones."""
    known = {template.name: template for template in templates()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"expected one of: {', '.join(known)}"
    raise UsageError(f"unknown template '{name}', {hint}")


def render_project(
    template: str, values: Mapping[str, str], specs: SpecSet, kernel: Kernel | None = None
) -> dict[str, GeneratedFile]:
    """The files of `template` by relative path, in order of path.

    `values` are the user's settings; those not given take their default. `kernel` (default: the newest in
    `specs`) decides which prototypes are written. UsageError for an unknown template or value and for a value of
    the wrong form; TemplateFault when the template itself is wrong, e.g. names a kfunc that no spec has.
    """
    from kfuncgen.generate.header import kernel_words, render_header, selected
    from kfuncgen.generate.minimal import render_types
    from kfuncgen.generate.views import FamilyView, family_views

    chosen = find_template(template)
    settings = _settings(chosen, values)
    target = kernel or specs.newest
    functions = selected(chosen.kfuncs, specs)
    spec_names = tuple(sorted({function.family for function in functions}))
    command = _command(chosen, settings, kernel_words(target, specs))
    families: tuple[FamilyView, ...] = family_views(functions, target)
    views: dict[str, object] = {
        **settings,
        "families": families,
        "kfuncs": tuple(view for family in families for view in family.kfuncs),
        "options": {view.name: view for family in families for view in family.options},
        "since": str(max(function.since for function in functions)),
        "kernel": str(target),
        "config": tuple(sorted({symbol for family in families for symbol in family.config})),
        "spec_names": spec_names,
        "command": command,
    }
    files: dict[str, GeneratedFile] = {}
    for rule in chosen.files:
        path = resources.render_line(chosen.name, "template.yaml", rule.path, views)
        advice = "Do not edit." if rule.rewrite else "Yours to edit: it is not overwritten once changed."
        lines = resources.banner_lines(spec_names, command, advice)
        if rule.generator == "header":
            text = render_header(chosen.kfuncs, specs, target, command=command)
        elif rule.generator == "types":
            text = render_types(chosen.types, specs, banner=resources.banner("c", lines))
        else:
            banner = resources.banner(rule.comment, lines)
            text = resources.render(chosen.name, rule.source, {**views, "banner": banner})
        files[path] = GeneratedFile(text, rule.mode, rule.rewrite)
    return dict(sorted(files.items()))


def _command(template: Template, settings: Mapping[str, str], options: Sequence[str]) -> str:
    """The command that makes the same files again from the project's folder."""
    words = ["kfuncgen", "new", template.name, "."]
    for value in template.values:
        if settings[value.name] != value.default:
            words += ["--set", f"{value.name}={settings[value.name]}"]
    return shlex.join([*words, *options])


def _settings(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Every value of the template, checked, plus `<name>_id` (as C identifier) and `<name>_upper` for each."""
    known = {value.name: value for value in template.values}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"valid values are: {', '.join(known)}"
            raise UsageError(f"template '{template.name}' has no value '{name}', {hint}")
    settings = {}
    for value in template.values:
        text = given.get(value.name, value.default)
        if len(text) > value.longest or not re.fullmatch(value.pattern, text) or text in value.forbidden:
            raise UsageError(f"bad value for '{value.name}': {text!r}, expected {value.expected}")
        settings[value.name] = text
    for name, text in list(settings.items()):
        identifier = re.sub(r"\W", "_", text)
        settings[f"{name}_id"] = identifier
        settings[f"{name}_upper"] = identifier.upper()
    return settings


def _read_template(folder: Traversable) -> Template:
    """template.yaml, checked key by key."""
    import yaml

    place = Place(f"templates/{folder.name}/template.yaml")
    try:
        data = yaml.safe_load(resources.read_text(folder, "template.yaml"))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = Place(place.file, mark.line + 1, mark.column + 1) if mark else place
        raise TemplateFault(f"bad YAML: {getattr(error, 'problem', None) or 'too deep'}", where) from None
    body = _mapping(data, place, "template.yaml", {"description", "kfuncs", "types", "values", "files"})
    values = []
    for name, raw in _mapping(body.get("values", {}), place, "values", None).items():
        keys = {"description", "default", "pattern", "max", "expected", "forbidden"}
        entry = _mapping(raw, place, f"value '{name}'", keys)
        longest = entry.get("max", MAX_VALUE)
        if not isinstance(longest, int):
            raise TemplateFault(f"value '{name}': 'max' must be a number of characters", place)
        value = Value(
            name,
            _text(entry, "description", place),
            _text(entry, "default", place),
            _text(entry, "pattern", place),
            _text(entry, "expected", place),
            longest,
            _texts(entry, "forbidden", place),
        )
        try:
            matches = re.fullmatch(value.pattern, value.default)
        except re.error as error:
            raise TemplateFault(f"value '{name}': bad pattern: {error}", place) from None
        if not matches:
            raise TemplateFault(f"value '{name}': the default {value.default!r} does not match its pattern", place)
        values.append(value)
    files = []
    listed = body.get("files")
    if not isinstance(listed, list):
        raise TemplateFault("'files' must be a list of files", place)
    for raw in listed:
        keys = {"path", "source", "mode", "comment", "rewrite", "generator"}
        entry = _mapping(raw, place, "a file", keys)
        generator = _text(entry, "generator", place, "")
        comment = _text(entry, "comment", place, "hash")
        mode = _text(entry, "mode", place, "file")
        for key, text, valid in (
            ("generator", generator, ("", "header", "types")),
            ("comment", comment, ("c", "hash", "html")),
            ("mode", mode, ("file", "executable")),
        ):
            if text not in valid:
                words = ", ".join(filter(None, valid))
                raise TemplateFault(f"bad {key} '{text}', expected one of: {words}", place)
        files.append(
            FileRule(
                _text(entry, "path", place),
                _text(entry, "source", place, "" if generator else None),
                0o755 if mode == "executable" else 0o644,
                comment,
                bool(entry.get("rewrite", False)),
                generator,
            )
        )
    return Template(
        folder.name,
        _text(body, "description", place),
        tuple(values),
        _texts(body, "kfuncs", place),
        _texts(body, "types", place),
        tuple(files),
    )


def _mapping(data: object, place: Place, what: str, keys: set[str] | None) -> dict[str, Any]:
    """`data` as a mapping with known keys."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise TemplateFault(f"{what} is no mapping", place)
    for key in data:
        if keys is not None and key not in keys:
            raise TemplateFault(f"unknown key '{key}' in {what}, valid keys are: {', '.join(sorted(keys))}", place)
    return data


def _text(entry: Mapping[str, Any], key: str, place: Place, default: str | None = None) -> str:
    """`entry[key]` as a string; `default` when it is absent and a default is given."""
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise TemplateFault(f"'{key}' must be a string", place)
    return value.strip("\n")


def _texts(entry: Mapping[str, Any], key: str, place: Place) -> tuple[str, ...]:
    """`entry[key]` as a list of strings; empty when absent."""
    value: Sequence[Any] = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TemplateFault(f"'{key}' must be a list of strings", place)
    return tuple(value)
