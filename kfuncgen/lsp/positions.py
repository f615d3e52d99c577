"""Places of findings (1-based, columns in bytes) as the protocol's positions (0-based, the client's units)."""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol import types

from kfuncgen.diagnostic import Span

_ENDS = re.compile(r"\r\n|\r|\n")


class Text:
    """A source and where its lines begin. `encoding` is the client's, of columns."""

    def __init__(self, text: str, encoding: str) -> None:
        self.text = text
        self._encoding = encoding
        self._starts = [0, *(match.end() for match in _ENDS.finditer(text))]
        ending = _ENDS.search(text)
        self.ending = ending[0] if ending is not None else "\n"
        """How the text ends its first line: what is written into it does the same."""

    def line(self, index: int) -> str:
        """A line by its 0-based number, without its end; "" behind the last one."""
        if not 0 <= index < len(self._starts):
            return ""
        stop = self._starts[index + 1] if index + 1 < len(self._starts) else len(self.text)
        return self.text[self._starts[index] : stop].rstrip("\r\n")

    def lines(self) -> list[str]:
        """The lines with their ends; the last one has none."""
        stops = [*self._starts[1:], len(self.text)]
        return [self.text[start:stop] for start, stop in zip(self._starts, stops, strict=True)]

    def position(self, line: int, column: int) -> types.Position:
        """The position of a place; 0 stands for the first line or column, too large columns for the line's end."""
        index = max(line, 1) - 1
        raw = self.line(index).encode("utf-8", "surrogatepass")[: max(column, 1) - 1]
        return types.Position(index, self._units(raw.decode("utf-8", "ignore")))

    def range(self, span: Span) -> types.Range:
        """The range of a span."""
        return types.Range(
            self.position(span.line, span.column), self.position(span.end_line or span.line, span.end_column)
        )

    def offset(self, position: types.Position) -> int:
        """The index into the text of a position of the client's."""
        if position.line >= len(self._starts):
            return len(self.text)
        if position.line < 0:
            return 0
        line, units = self.line(position.line), 0
        for index, character in enumerate(line):
            if units >= position.character:
                return self._starts[position.line] + index
            units += self._units(character)
        return self._starts[position.line] + len(line)

    def position_at(self, offset: int) -> types.Position:
        """The position of an index into the text."""
        index = bisect_right(self._starts, offset) - 1
        return types.Position(index, self._units(self.text[self._starts[index] : offset]))

    def _units(self, text: str) -> int:
        if self._encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        if self._encoding == "utf-32":
            return len(text)
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
