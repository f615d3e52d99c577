"""Where the keys and values of a TOML document stand: tomllib tells what a document says, but not where.

The text is one that tomllib has read, so nothing is checked here: the scanner only has to tell keys, strings and
brackets apart.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

from kfuncgen.records import Struct

Keys = tuple[str | int, ...]
"""The way to a value: names of tables and keys, numbers of elements of arrays."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_NAME = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*""")
_SCALAR = re.compile(
    r'''"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|\'\'\'(?:[^']|'{1,2}(?!'))*'{3,5}'''
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}#\n]+""",
    re.DOTALL,
)


class Located(Struct, frozen=True):
    """Where a key and its value begin: 1-based lines, and columns that count UTF-8 bytes.

    An element of an array has its own place as its key; a table that a header opens has that of the header.
    """

    key: tuple[int, int]
    value: tuple[int, int]


def locate(text: str) -> Mapping[Keys, Located]:
    """The places of all keys and elements of `text`, in their order."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.found: dict[Keys, Located] = {}
        self._counts: dict[Keys, int] = {}
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        table: Keys = ()
        self._blank()
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._blank()

    def _header(self) -> Keys:
        start = self.at
        many = self.text.startswith("[[", start)
        self.at += 2 if many else 1
        place = self._place(start)
        path: Keys = ()
        names = self._key()
        for number, name in enumerate(names, 1):
            path = (*path, name)
            if number < len(names) and path in self._counts:
                path = (*path, self._counts[path] - 1)
        if many:
            self._counts[path] = self._counts.get(path, 0) + 1
            self.found.setdefault(path, Located(place, place))
            path = (*path, self._counts[path] - 1)
        self._imply(path, place)
        self.found[path] = Located(place, place)
        self.at += 2 if many else 1
        return path

    def _pair(self, table: Keys) -> None:
        self._blank()
        start = self._place(self.at)
        path = (*table, *self._key())
        self._imply(path, start)
        self.at += 1  # the equals sign
        self._blank()
        self.found[path] = Located(start, self._place(self.at))
        self._value(path)

    def _imply(self, path: Keys, place: tuple[int, int]) -> None:
        """Tables that are there because something in them is."""
        for number in range(1, len(path)):
            self.found.setdefault(path[:number], Located(place, place))

    def _value(self, path: Keys) -> None:
        char = self.text[self.at]
        if char in "[{":
            self._several(path, "]" if char == "[" else "}")
            return
        match = _SCALAR.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _several(self, path: Keys, end: str) -> None:
        self.at += 1
        number = 0
        while True:
            self._blank()
            char = self.text[self.at]
            if char in (end, ","):
                self.at += 1
                if char == end:
                    return
            elif end == "}":
                self._pair(path)
            else:
                place = self._place(self.at)
                self.found[(*path, number)] = Located(place, place)
                self._value((*path, number))
                number += 1

    def _key(self) -> tuple[str, ...]:
        names = []
        while True:
            match = _NAME.match(self.text, self.at)
            assert match is not None
            self.at = match.end()
            names.append(_unquoted(match[1]))
            if not self.text.startswith(".", self.at):
                return tuple(names)
            self.at += 1

    def _blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, len(self.text[self._starts[line - 1] : offset].encode()) + 1


def _unquoted(word: str) -> str:
    if word[0] == '"' and "\\" in word:
        return str(tomllib.loads(f"a = {word}")["a"])
    return word[1:-1] if word[0] in "\"'" else word
