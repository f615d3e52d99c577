"""Where cursors stand in the source: a macro's use or its argument, never its definition.

Most positions that lowering asks for are in the main file itself and in no macro. libclang's numbers for these are
offsets into the file (SourceLocation::getRawEncoding() without the macro bit, counted from where the file begins),
which saves four calls into the library for each; that it counts so is seen at the file's two ends first.
"""

from __future__ import annotations

import ctypes
import re
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clang import cindex

from kfuncgen.diagnostic import Span
from kfuncgen.lint.parse import Unit, string_of

_LINE_END = re.compile(rb"\r\n|\n|\r")
_generation = 0
_names: Mapping[str, str] = {}


class _MainFile:
    """The main file of the unit whose positions are asked for: `begin` and `end` of its offsets in libclang's
    numbers, and the offsets at which its lines begin."""

    __slots__ = ("begin", "end", "lines", "name")

    def __init__(self) -> None:
        self.begin = self.end = 0
        self.lines: list[int] = []
        self.name = ""


_main = _MainFile()


def begin_unit(unit: Unit) -> None:
    """Call between translation units: file handles are addresses and may be used again for other files."""
    global _generation, _names
    _generation += 1
    _names = unit.names
    _main.begin = _main.end = 0
    _find_main(unit.tu)


def _find_main(tu: Any) -> None:
    """Learn where the main file's offsets begin; nothing is known of it when libclang counts otherwise."""
    lib = cindex.conf.lib
    handle = lib.clang_getFile(tu, tu.spelling)
    if not handle:
        return
    size = ctypes.c_size_t()
    start = lib.clang_getFileContents(tu, handle, ctypes.byref(size))
    if not start or not size.value:
        return
    text = ctypes.string_at(start, size.value)
    lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
    file = cindex.File(handle)
    first = lib.clang_getLocationForOffset(tu, file, 0).int_data
    last = lib.clang_getLocationForOffset(tu, file, size.value - 1)
    if not first or last.int_data - first != size.value - 1:
        return  # a part of the file was compiled before, and is counted elsewhere
    name, line, column = location(last)
    if (line, column) != (len(lines) - (lines[-1] == size.value), size.value - lines[line - 1]):
        return
    _main.begin, _main.end, _main.lines, _main.name = first, first + size.value, lines, name


def location(loc: Any) -> tuple[str, int, int]:
    """File, line and column where the user wrote it: a macro's use, or its argument (never its definition)."""
    file = ctypes.c_void_p()
    line, column, offset = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    cindex.conf.lib.clang_getFileLocation(
        loc, ctypes.byref(file), ctypes.byref(line), ctypes.byref(column), ctypes.byref(offset)
    )
    if not file.value:
        return "", 0, 0
    return _file_name_cached(file.value, _generation), line.value, column.value


@lru_cache(maxsize=4096)
def _file_name_cached(handle: int, generation: int) -> str:
    name = string_of(cindex.conf.lib.clang_getFileName(cindex.File(ctypes.cast(handle, cindex.c_object_p))))
    return _names.get(name, name)


def span_of(cursor: Any) -> Span:
    """The stretch of source of a cursor, as `location` sees it."""
    lib = cindex.conf.lib
    extent = lib.clang_getCursorExtent(cursor)
    begin, end = extent.begin_int_data, extent.end_int_data
    if _main.begin <= begin <= end < _main.end:
        lines, begin, end = _main.lines, begin - _main.begin, end - _main.begin
        line = bisect_right(lines, begin)
        end_line = bisect_right(lines, end, line - 1)
        column, end_column = begin - lines[line - 1] + 1, end - lines[end_line - 1] + 1
        if begin == end:
            end_column = column + 1
        return Span(_main.name, line, column, end_line, end_column)
    file, line, column = location(lib.clang_getRangeStart(extent))
    end_file, end_line, end_column = location(lib.clang_getRangeEnd(extent))
    if end_file != file or (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    return Span(file, line, column, end_line, end_column)
