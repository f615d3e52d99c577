"""YAML text to nodes that know where they were written.

In: the bytes of one file, untrusted. Out: a tree of `Text`, `Sequence` and `Mapping`, each with its `Place`; every
scalar stays text, so that `6.10` is never the number 6.1. Guaranteed: one document, UTF-8 without control
characters, no anchors, aliases, tags or merge keys, no duplicate keys, and size, depth and node count within the
limits below. What the words mean is left to `load`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import Struct, field

MAX_BYTES = 1 << 20
"""A family of 50 functions takes 30 KB; 1 MiB is no spec."""
MAX_DEPTH = 12
"""The deepest place of the format is 7 levels down."""
MAX_NODES = 50_000
"""A node costs about 200 bytes: the bound keeps a hostile file below 10 MB of memory."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML has it (10 times faster), its Python twin elsewhere."""


class Text(Struct, frozen=True):
    """A scalar, as written; `plain` tells `null` from `"null"`."""

    text: str
    place: Place
    plain: bool = True


class Sequence(Struct):
    """A list of nodes."""

    place: Place
    items: list[Node] = field(default_factory=list)


class Mapping(Struct):
    """Keys with their own places, in file order."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)


Node = Text | Sequence | Mapping


def read_yaml(path: Path) -> Node:
    """The node tree of the file at `path`; SpecError when it can't be read or is no acceptable YAML."""
    return parse_yaml(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a spec file, one byte more than MAX_BYTES of it at most; SpecError when it can't be read."""
    file = str(path)
    try:
        if not path.is_file():
            what = "a directory" if path.is_dir() else "no regular file" if path.exists() else "missing"
            raise SpecError(f"cannot read the spec: it is {what}", Place(file))
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"cannot read the spec: {error.strerror}", Place(file)) from error
    except ValueError:
        raise SpecError("cannot read the spec: its name holds a NUL character", Place(repr(file))) from None


def parse_yaml(data: bytes, file: str, what: str = "spec") -> Node:
    """The node tree of `data`; `file` is the name that places carry. SpecError names place and expectation; `what`
    is its word for such a file."""
    if len(data) > MAX_BYTES:
        raise SpecError(f"{what} is too large, expected at most {MAX_BYTES} bytes", Place(file))
    text = decoded(data, file, what)
    lines = text.split("\n")

    def place(mark: Any) -> Place:
        return _place(file, lines, mark.line, mark.column)

    try:
        return _build(yaml.parse(text, Loader=_LOADER), place, file, what)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "syntax error").rstrip(".")
        raise SpecError(f"not valid YAML: {problem}", place(mark) if mark else Place(file)) from None
    except yaml.YAMLError as error:
        raise SpecError(f"not valid YAML: {str(error).splitlines()[0]}", Place(file)) from None


def decoded(data: bytes, file: str, what: str = "spec") -> str:
    """`data` as text; binary files are told by NUL and control bytes before a YAML parser sees them."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise SpecError(f"{what} is not UTF-8 text", Place(file, line, column)) from None
    text = text.replace("\r\n", "\n")
    for number, line_text in enumerate(text.split("\n"), 1):
        for column, char in enumerate(line_text, 1):
            # The printable set of YAML 1.1 without the exotic line breaks, which editors do not count as lines.
            if (char < " " and char != "\t") or char in "\x7f\x85\u2028\u2029\ufeff" or "\x80" <= char < "\xa0":
                raise SpecError(
                    f"{what} holds the control character U+{ord(char):04X}, expected text",
                    Place(file, number, len(line_text[: column - 1].encode()) + 1),
                )
    return text


def _place(file: str, lines: list[str], line: int, column: int) -> Place:
    """PyYAML counts characters from 0; places count bytes from 1."""
    text = lines[line] if line < len(lines) else ""
    return Place(file, line + 1, len(text[:column].encode()) + 1)


def _build(events: Iterable[Any], place: Any, file: str, what: str) -> Node:
    """Nodes from parser events, without recursion; refuses what could make the tree bigger than the text."""
    root: Node | None = None
    stack: list[Sequence | Mapping] = []
    keys: list[Text | None] = []
    count = 0
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SpecError(f"a {what} file holds one YAML document, found a second", place(event.start_mark))
        elif isinstance(event, yaml.AliasEvent):
            raise SpecError(f"YAML aliases are not accepted in {what}s", place(event.start_mark))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            stack.pop()
            keys.pop()
        elif isinstance(event, yaml.NodeEvent):
            at = place(event.start_mark)
            count += 1
            if count > MAX_NODES:
                raise SpecError(f"{what} has too many elements, expected at most {MAX_NODES}", at)
            if event.anchor is not None:
                raise SpecError(f"YAML anchors are not accepted in {what}s", at)
            if getattr(event, "tag", None) is not None:
                raise SpecError(f"YAML tags are not accepted in {what}s", at)
            node = _node(event, at)
            if stack:
                _attach(stack[-1], keys, node)
            else:
                root = node
            if not isinstance(node, Text):
                if len(stack) >= MAX_DEPTH:
                    raise SpecError(f"{what} is nested too deeply, expected at most {MAX_DEPTH} levels", at)
                stack.append(node)
                keys.append(None)
    if root is None:
        raise SpecError(f"{what} is empty, expected a mapping", Place(file))
    return root


def _node(event: Any, at: Place) -> Node:
    """The node that `event` begins."""
    if isinstance(event, yaml.ScalarEvent):
        return Text(event.value, at, plain=event.style is None or event.style == "")
    return Sequence(at) if isinstance(event, yaml.SequenceStartEvent) else Mapping(at)


def _attach(parent: Sequence | Mapping, keys: list[Text | None], node: Node) -> None:
    """Adds `node` to `parent`: as an item, as a key, or as the value of the key before it."""
    if isinstance(parent, Sequence):
        parent.items.append(node)
        return
    key = keys[-1]
    if key is None:
        if not isinstance(node, Text):
            raise SpecError("expected a word as key, found a list or mapping", node.place)
        if node.text in parent.entries:
            first = parent.key_places[node.text]
            raise SpecError(f"duplicate key '{node.text}', first given in line {first.line}", node.place)
        if node.text == "<<" and node.plain:
            raise SpecError("YAML merge keys are not accepted in specs", node.place)
        parent.key_places[node.text] = node.place
        keys[-1] = node
    else:
        parent.entries[key.text] = node
        keys[-1] = None
