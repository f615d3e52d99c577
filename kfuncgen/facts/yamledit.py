"""Changes single values of a spec file and leaves every other byte alone: comments, order, spelling, blank lines.

In: the text of a spec file that `yamlsrc` accepts (no anchors, no tags, mappings with words as keys). Places come
from the YAML parser, so flow and block style both work. Each change reads the text anew: files are small.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

WIDTH = 112
"""Longer prototypes are folded, as in the files that are there."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str, ...]
"""Keys from the top to a mapping."""
Value = str | Mapping[str, "Value"]
"""How a value is written: a word, a flow list, C; or keys (as they are written) with values."""


def words(values: Sequence[str]) -> str:
    """A list of words in flow style."""
    return f"[{', '.join(values)}]"


def quoted(text: str) -> str:
    """A word that YAML would take for a number."""
    return f'"{text}"'


def written_block(key: str, value: Value) -> str:
    """`key` with its value as lines of block style, to be indented."""
    return f"{_key(key)}:{_block(value, 2)}\n".replace("\n  ", "\n")


class SpecText:
    """The text of one spec file, changed step by step."""

    def __init__(self, text: str) -> None:
        self.text = text

    def has(self, path: Path, key: str) -> bool:
        """Whether the mapping at `path` exists and has `key`."""
        mapping = self._mapping(path)
        return mapping is not None and _entry(mapping, key) is not None

    def keys(self, path: Path) -> list[str]:
        """The keys of the mapping at `path`, none when there is no mapping."""
        mapping = self._mapping(path)
        return [key.value for key, _ in mapping.value] if mapping is not None else []

    def set(self, path: Path, key: str, value: Value, order: Sequence[str] = ()) -> None:
        """Give `key` of the mapping at `path` the value `value`.

        A new key comes behind the last one there that precedes it in `order`, at the end when `order` lacks it. A
        key that looks like a number is quoted.
        """
        mapping = self._mapping(path)
        if mapping is None:
            raise KeyError("/".join(path))
        found = _entry(mapping, key)
        if found is None:
            self._insert(mapping, key, value, order)
        else:
            self._replace(*found, value, flow=bool(mapping.flow_style))

    def delete(self, path: Path, key: str) -> None:
        """Take `key` out of the mapping at `path`, with the comments in its value."""
        mapping = self._mapping(path)
        found = _entry(mapping, key) if mapping is not None else None
        if mapping is None or found is None:
            return
        start, end = self._offset(found[0].start_mark), self._end(found[1])
        if mapping.flow_style:
            after = re.match(r"\s*,\s*", self.text[end:])
            before = re.search(r"\s*,\s*$", self.text[:start])
            end += after.end() if after else 0
            start = before.start() if before and not after else start
        else:
            start = self.text.rfind("\n", 0, start) + 1
            end = self._line_end(end)
        self.text = self.text[:start] + self.text[end:]

    def add_block(self, path: Path, block: str) -> None:
        """Add the lines of `block`, indented as needed, as last entry of the block mapping at `path`."""
        mapping = self._mapping(path)
        if mapping is None or mapping.flow_style or not mapping.value:
            raise KeyError("/".join(path))
        column = mapping.value[0][0].start_mark.column
        at = self._line_end(self._end(mapping.value[-1][1]))
        lead = "" if self.text[:at].endswith("\n") else "\n"
        self.text = self.text[:at] + lead + "\n" + textwrap.indent(block, " " * column) + self.text[at:]

    def _insert(self, mapping: Any, key: str, value: Value, order: Sequence[str]) -> None:
        spelled = _key(key)
        if mapping.flow_style:
            last = mapping.value[-1][1] if mapping.value else None
            at = self._end(last) if last is not None else self._offset(mapping.start_mark) + 1
            lead = ", " if mapping.value else ""
            self.text = self.text[:at] + f"{lead}{spelled}: {_flow(value)}" + self.text[at:]
            return
        column = mapping.value[0][0].start_mark.column
        preceding = list(order)[: list(order).index(key)] if key in order else None
        earlier = [entry for entry in mapping.value if preceding is None or entry[0].value in preceding]
        line = " " * column + f"{spelled}:{_block(value, column)}\n"
        if earlier:
            at = self._line_end(self._end(earlier[-1][1]))
            line = line if self.text[:at].endswith("\n") else "\n" + line
        else:
            at = self.text.rfind("\n", 0, self._offset(mapping.value[0][0].start_mark)) + 1
        self.text = self.text[:at] + line + self.text[at:]

    def _replace(self, key: Any, value: Any, new: Value, flow: bool) -> None:
        start = self.text.index(":", self._offset(key.end_mark)) + 1
        end = self._end(value)
        scalar = isinstance(value, yaml.ScalarNode)
        comments = [] if scalar else re.findall(r"(?:^|(?<=\s))#.*", self.text[start:end], re.MULTILINE)
        written = f" {_flow(new)}" if flow else _block(new, key.start_mark.column)
        behind = re.match(r"[ \t]*#[^\n]*", self.text[end:])
        if behind and written.startswith(" >-"):  # behind folded text a comment would be part of it
            written = written.replace(" >-", f" >-{behind[0]}", 1)
            end += behind.end()
        self.text = self.text[:start] + written + self.text[end:]
        if comments:
            line = self.text.rfind("\n", 0, self._offset(key.start_mark)) + 1
            indent = " " * key.start_mark.column
            kept = "".join(f"{indent}{comment}\n" for comment in comments)
            self.text = self.text[:line] + kept + self.text[line:]

    def _mapping(self, path: Path) -> Any:
        node: Any = yaml.compose(self.text, Loader=_LOADER)
        for key in path:
            found = _entry(node, key) if isinstance(node, yaml.MappingNode) else None
            if found is None:
                return None
            node = found[1]
        return node if isinstance(node, yaml.MappingNode) else None

    def _offset(self, mark: Any) -> int:
        """Marks count characters in lines that end with a line feed."""
        at = 0
        for _ in range(mark.line):
            at = self.text.index("\n", at) + 1
        return at + int(mark.column)

    def _end(self, node: Any) -> int:
        """The offset behind the last character of `node`: block style ends before trailing blanks and comments."""
        start, end = self._offset(node.start_mark), self._end_mark(node)
        if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
            return end
        if isinstance(node, yaml.CollectionNode) and node.flow_style:
            return end
        if isinstance(node, yaml.CollectionNode) and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        return start + len(self.text[start:end].rstrip())

    def _end_mark(self, node: Any) -> int:
        try:
            return self._offset(node.end_mark)
        except ValueError:  # behind the last line, which has no line feed
            return len(self.text)

    def _line_end(self, at: int) -> int:
        """The offset behind the line feed of the line at `at`, comments at its end included."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1


def _entry(mapping: Any, key: str) -> tuple[Any, Any] | None:
    return next(((k, v) for k, v in mapping.value if k.value == key), None)


def _key(key: str) -> str:
    return quoted(key) if re.fullmatch(r"[\d.]+", key) else key


def _is_list(value: str) -> bool:
    return value.startswith(("[", "{", '"'))


def _flow(value: Value) -> str:
    """`value` inside a flow mapping, where commas end a word."""
    if not isinstance(value, str):
        return "{" + ", ".join(f"{_key(key)}: {_flow(part)}" for key, part in value.items()) + "}"
    return value if _is_list(value) or not re.search(r"[,\[\]{}#:]", value) else quoted(value)


def _block(value: Value, column: int) -> str:
    """`value` behind the colon of a key at `column`."""
    if not isinstance(value, str):
        inner = " " * (column + 2)
        return "".join(f"\n{inner}{_key(key)}:{_block(part, column + 2)}" for key, part in value.items())
    if _is_list(value) or column + len(value) + 12 <= WIDTH:
        return f" {value}"
    indent = " " * (column + 2)
    lines = textwrap.wrap(value, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return " >-" + "".join(f"\n{indent}{line}" for line in lines)
