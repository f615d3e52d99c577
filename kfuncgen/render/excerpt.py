"""Source lines for people: one line of a file with a gutter, and the stretch in question underlined.

Columns come in as UTF-8 bytes (diagnostic.py) and go out as terminal columns: tabs expand to 8 as in the
kernel's style, wide characters take two cells, unsafe characters show as their escape. A long line is cut to a
window around the stretch.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kfuncgen.diagnostic import Span
from kfuncgen.records import Struct
from kfuncgen.render.escape import visible, width

TAB = 8
MAX_CELLS = 160
"""Widest excerpt in terminal columns; a machine-made line may have megabytes."""
BEFORE = 40
"""Columns kept before the stretch when a line is cut."""
LINE_END = re.compile(rb"\r\n|\r|\n")
"""What clang counts as a line end (LineOffsetMapping): not Unicode's, nor form feeds."""


class Excerpt(Struct, frozen=True):
    """One source line ready to print: `text`, and `marker` that underlines the stretch ("" = nothing to mark)."""

    line: int
    text: str
    marker: str


class Sources:
    """Lines of the sources of one rendering, each file read and split once."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._lines: dict[str, list[bytes]] = {}

    def line(self, file: str, number: int) -> bytes | None:
        """Line `number` (1-based) of `file` without its end, None when there is none."""
        if file not in self._lines:
            data = self._read(file)
            self._lines[file] = LINE_END.split(data) if data is not None else []
        lines = self._lines[file]
        return lines[number - 1] if 1 <= number <= len(lines) else None


def excerpt(sources: Sources, span: Span) -> Excerpt | None:
    """The first line of `span`, marked `^~~~`; None when the source cannot be read.

    A span over several lines is marked up to the end of the first one.
    """
    raw = sources.line(span.file, span.line)
    if raw is None:
        return None
    last = span.end_column - 1 if span.end_line == span.line else len(raw.rstrip())
    start, stop = max(span.column, 1) - 1, max(last, span.column)
    # Decoding a megabyte to show 160 columns is waste: no character takes more than 4 bytes, no cut is seen.
    origin = max(0, start - 4 * MAX_CELLS)
    cells, marks = _cells(raw[origin : start + 4 * MAX_CELLS], start - origin, stop - origin, cut=origin > 0)
    return Excerpt(span.line, *_window(cells, marks))


def _cells(raw: bytes, start: int, stop: int, cut: bool) -> tuple[list[str], list[bool]]:
    """The terminal cells of `raw` (a wide character is one entry and an empty one), and which are marked."""
    if cut:  # begin at a character, not within one
        skip = next((i for i, byte in enumerate(raw[:4]) if byte & 0xC0 != 0x80), 0)
        raw, start, stop = raw[skip:], start - skip, stop - skip
    cells: list[str] = []
    marks: list[bool] = []
    offset = 0
    for char in raw.decode("utf-8", "surrogateescape"):
        marked = start <= offset < stop
        if " " <= char <= "~":  # nearly all of them
            offset += 1
            cells.append(char)
            marks.append(marked)
            continue
        offset += len(char.encode("utf-8", "surrogateescape"))
        if char == "\t":
            shown = [" "] * (TAB - len(cells) % TAB)
        elif width(char) == 0 and visible(char) == char:
            if cells:
                cells[-1] += char
            continue
        elif visible(char) == char:
            shown = [char, ""] if width(char) == 2 else [char]
        else:
            shown = list(visible(char))
        cells += shown
        marks += [marked] * len(shown)
    if start >= offset and start - offset < MAX_CELLS:
        # The stretch begins behind the end of the line (where something is missing): mark there.
        cells += [" "] * (start - offset + 1)
        marks += [False] * (start - offset) + [True]
    return cells, marks


def _window(cells: list[str], marks: list[bool]) -> tuple[str, str]:
    """Text and marker of at most MAX_CELLS columns around the first marked cell."""
    first = marks.index(True) if True in marks else 0
    head = tail = ""
    if len(cells) > MAX_CELLS:
        begin = max(0, first - BEFORE)
        begin += begin < len(cells) and cells[begin] == ""  # not within a wide character
        head = "..." if begin else ""
        tail = "..." if begin + MAX_CELLS < len(cells) else ""
        cells, marks = cells[begin : begin + MAX_CELLS], marks[begin : begin + MAX_CELLS]
        first = marks.index(True) if True in marks else 0
    text = head + "".join(cells).rstrip() + tail
    if True not in marks:
        return text, ""
    count = marks[first:].index(False) if False in marks[first:] else len(marks) - first
    return text, " " * (len(head) + first) + "^" + "~" * (count - 1)
