"""What a template.yaml says: values, kfuncs, types, facts and files of one project template, each with its place.

A template is one folder with a `template.yaml`. `skeleton: _project` brings in values and files that projects
share; what the template says itself goes before them. The format is described in templates/README.md. The file is
untrusted input: every fault is one TemplateFault that names place, element and expectation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.generate import resources
from kfuncgen.generate.resources import Folder, TemplateFault
from kfuncgen.records import Struct, field, replace
from kfuncgen.spec import yamlsrc
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.words import HOOKS
from kfuncgen.spec.yamlsrc import Node, Sequence, Text

MAX_VALUE = 80
"""Characters of a value whose template sets no limit."""
MAX_FILES = 200
"""Files of one template; the largest of ours has 20."""
MAX_PATTERN = 200
"""Characters of the pattern of a value."""

TEMPLATE_KEYS = (
    "description",
    "skeleton",
    "kfuncs",
    "hooks",
    "since",
    "types",
    "values",
    "facts",
    "omit",
    "files",
)
SKELETON_KEYS = ("values", "files")
VALUE_KEYS = ("description", "default", "pattern", "max", "expected", "forbidden")
FILE_KEYS = ("path", "source", "mode", "comment", "rewrite", "generator")
GENERATORS = ("header", "types", "program")
COMMENTS = ("c", "hash", "html")
MODES = ("file", "executable")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Value(Struct, frozen=True):
    """A value that `--set NAME=VALUE` may give: `pattern` must match all of its at most `longest` characters;
    `expected` says so in words."""

    name: str
    description: str
    default: str
    pattern: str
    expected: str
    longest: int
    forbidden: tuple[str, ...] = ()

    def accepts(self, text: str) -> bool:
        """Whether `text` may be this value."""
        return (
            len(text) <= self.longest
            and text not in self.forbidden
            and re.fullmatch(self.pattern, text) is not None
        )


class FileRule(Struct, frozen=True):
    """One file of a template. `path` is itself a template; `rewrite` = ours to remake, never hand-edited."""

    path: str
    source: str
    mode: int
    comment: str
    rewrite: bool
    generator: str
    place: Place


class Template(Struct, frozen=True):
    """A project template as its template.yaml tells it. `facts` are words of its own for shared files."""

    name: str
    description: str
    values: tuple[Value, ...]
    kfuncs: tuple[str, ...]
    hooks: tuple[str, ...]
    types: tuple[str, ...]
    since: Kernel | None
    """The first kernel, where something else than the kfuncs asks for a newer one."""
    facts: Mapping[str, str | tuple[str, ...]]
    files: tuple[FileRule, ...]
    folder: Folder
    place: Place


class _Draft(Struct):
    """A value whose parts may come from a skeleton and from the template."""

    place: Place
    texts: dict[str, str] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()


def read_template(folder: Folder) -> Template:
    """The template in `folder`. TemplateFault for whatever is wrong in its template.yaml."""
    body, place = _read(folder, TEMPLATE_KEYS)
    drafts: dict[str, _Draft] = {}
    files: dict[str, FileRule] = {}
    if "skeleton" in body:
        name = _text(body["skeleton"], "'skeleton'")
        if not resources.is_shared(name):
            raise TemplateFault(
                f"bad skeleton '{name}', expected a shared folder such as _project", body["skeleton"].place
            )
        below, _ = _read(resources.builtin_folder(name), SKELETON_KEYS)
        _read_values(below, drafts)
        files |= {rule.path: _shared(rule, name) for rule in _read_files(below)}
        for path in _words(body, "omit"):
            if files.pop(path, None) is None:
                raise TemplateFault(f"skeleton '{name}' has no file '{path}'", body["omit"].place)
    _read_values(body, drafts)
    if "files" not in body:
        raise TemplateFault("missing key 'files'", place)
    files |= {rule.path: rule for rule in _read_files(body)}
    if "description" not in body:
        raise TemplateFault("missing key 'description'", place)
    hooks = _words(body, "hooks")
    for hook in hooks:
        _one_of(hook, HOOKS, "hook", body["hooks"].place)
    return Template(
        folder.name,
        _text(body["description"], "'description'"),
        tuple(_value(name, draft) for name, draft in drafts.items()),
        _words(body, "kfuncs"),
        hooks,
        _words(body, "types"),
        _since(body),
        _read_facts(body),
        tuple(files.values()),
        folder,
        place,
    )


def _read(folder: Folder, keys: tuple[str, ...]) -> tuple[dict[str, Node], Place]:
    """The entries of a folder's template.yaml."""
    file = folder.place("template.yaml")
    data = folder.read_text("template.yaml").encode()
    try:
        node = yamlsrc.parse_yaml(data, file.file, "template")
    except SpecError as error:
        raise TemplateFault(error.message, error.place) from None
    return _entries(node, "template.yaml", keys), file


def _entries(node: Node, what: str, keys: tuple[str, ...] | None) -> dict[str, Node]:
    """`node` as a mapping with known keys."""
    if not isinstance(node, yamlsrc.Mapping):
        raise TemplateFault(f"{what} is no mapping", node.place)
    for key, at in node.key_places.items():
        if keys is not None and key not in keys:
            raise TemplateFault(f"unknown key '{key}' in {what}, valid keys are: {', '.join(keys)}", at)
    return node.entries


def _text(node: Node, what: str) -> str:
    if not isinstance(node, Text):
        raise TemplateFault(f"{what} must be a string", node.place)
    return node.text.strip("\n")


def _words(entries: Mapping[str, Node], key: str) -> tuple[str, ...]:
    """`entries[key]` as a list of strings; empty when absent."""
    if key not in entries:
        return ()
    node = entries[key]
    if not isinstance(node, Sequence) or not all(isinstance(item, Text) for item in node.items):
        raise TemplateFault(f"'{key}' must be a list of strings", node.place)
    return tuple(_text(item, f"'{key}'") for item in node.items)


def _one_of(word: str, valid: Iterable[str], what: str, place: Place) -> str:
    if word not in (known := tuple(valid)):
        raise TemplateFault(f"bad {what} '{word}', expected one of: {', '.join(known)}", place)
    return word


def _since(body: Mapping[str, Node]) -> Kernel | None:
    if "since" not in body:
        return None
    text = _text(body["since"], "'since'")
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", text)
    if not match:
        raise TemplateFault(f"bad version '{text}', expected for example 6.10", body["since"].place)
    return Kernel(int(match[1]), int(match[2]))


def _read_facts(body: Mapping[str, Node]) -> dict[str, str | tuple[str, ...]]:
    facts: dict[str, str | tuple[str, ...]] = {}
    entries = _entries(body["facts"], "facts", None) if "facts" in body else {}
    for name, node in entries.items():
        if not _NAME.fullmatch(name):
            raise TemplateFault(
                f"bad name of a fact '{name}', expected lower-case letters, digits and '_'", node.place
            )
        facts[name] = _words(entries, name) if isinstance(node, Sequence) else _text(node, f"fact '{name}'")
    return facts


def _read_values(body: Mapping[str, Node], drafts: dict[str, _Draft]) -> None:
    """Adds the values of a file to `drafts`; what is said again goes before what was said, words are forbidden by
    either."""
    if "values" not in body:
        return
    for name, node in _entries(body["values"], "values", None).items():
        if not _NAME.fullmatch(name):
            raise TemplateFault(
                f"bad name of a value '{name}', expected lower-case letters, digits and '_'", node.place
            )
        entries = _entries(node, f"value '{name}'", VALUE_KEYS)
        draft = drafts.setdefault(name, _Draft(node.place))
        draft.place = node.place
        draft.forbidden += _words(entries, "forbidden")
        draft.texts |= {key: _text(item, f"'{key}'") for key, item in entries.items() if key != "forbidden"}


def _value(name: str, draft: _Draft) -> Value:
    for key in ("description", "default", "pattern", "expected"):
        if key not in draft.texts:
            raise TemplateFault(f"value '{name}': missing key '{key}'", draft.place)
    limit = draft.texts.get("max", str(MAX_VALUE))
    if not re.fullmatch(r"[1-9][0-9]{0,3}", limit):
        raise TemplateFault(f"value '{name}': 'max' must be a number of characters", draft.place)
    pattern = draft.texts["pattern"]
    try:
        if len(pattern) > MAX_PATTERN:
            raise re.error(f"longer than {MAX_PATTERN} characters")
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise TemplateFault(f"value '{name}': bad pattern: {error}", draft.place) from None
    texts = draft.texts
    value = Value(
        name, texts["description"], texts["default"], pattern, texts["expected"], int(limit), draft.forbidden
    )
    if not value.accepts(value.default):
        raise TemplateFault(
            f"value '{name}': the default {value.default!r} does not match its pattern", draft.place
        )
    return value


def _read_files(body: Mapping[str, Node]) -> list[FileRule]:
    node = body.get("files")
    if node is None:
        return []
    if not isinstance(node, Sequence):
        raise TemplateFault("'files' must be a list of files", node.place)
    if len(node.items) > MAX_FILES:
        raise TemplateFault(f"too many files, expected at most {MAX_FILES}", node.place)
    return [_file(item) for item in node.items]


def _file(node: Node) -> FileRule:
    entries = _entries(node, "a file", FILE_KEYS)
    words = {key: _text(item, f"'{key}'") for key, item in entries.items()}
    generator = words.get("generator", "")
    for key in ("path",) if generator else ("path", "source"):
        if key not in words:
            raise TemplateFault(f"a file has no '{key}'", node.place)
    for key, valid in (
        ("generator", GENERATORS),
        ("comment", COMMENTS),
        ("mode", MODES),
        ("rewrite", ("true", "false")),
    ):
        if key in words:
            _one_of(words[key], valid, key, entries[key].place)
    return FileRule(
        words["path"],
        words.get("source", ""),
        0o755 if words.get("mode") == "executable" else 0o644,
        words.get("comment", "hash"),
        words.get("rewrite") == "true",
        generator,
        node.place,
    )


def _shared(rule: FileRule, folder: str) -> FileRule:
    """A file of a skeleton: its source is in the skeleton's folder."""
    return replace(rule, source=f"{folder}/{rule.source}") if rule.source else rule
