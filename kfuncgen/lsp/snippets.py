"""Calls with all that belongs to them, as text edits: at the cursor, and what the file must declare for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from lsprotocol import types

from kfuncgen.generate import Declaration, Insertion, slots
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.surroundings import Place
from kfuncgen.records import Struct

TAB = "\t"
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b(?:\\\r?\n|[^\r\n])*(?:\r\n|\r|\n|\Z)", re.MULTILINE)
_EXTERN = re.compile(r"^extern\b[^;{}]*;[ \t]*(?:\r\n|\r|\n|\Z)", re.MULTILINE)
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b", re.MULTILINE)


class Client(Struct, frozen=True):
    """What a client does with inserted text: `snippets` have places to fill in; `adjusts` tells whether it indents
    the lines behind the first one itself, `modes` whether it can be told which."""

    snippets: bool = False
    adjusts: bool = False
    modes: bool = False

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities) -> Client:
        """What a client says of itself. Those that know snippets but no modes indent themselves, as they are used
        to from collections of snippets."""
        text = capabilities.text_document
        item = text.completion.completion_item if text is not None and text.completion is not None else None
        if item is None:
            return cls()
        modes = item.insert_text_mode_support
        known = modes.value_set if modes is not None else ()
        snippets = bool(item.snippet_support)
        if types.InsertTextMode.AsIs in known:
            return cls(snippets, False, True)
        return cls(snippets, snippets, types.InsertTextMode.AdjustIndentation in known)

    @property
    def mode(self) -> types.InsertTextMode | None:
        """What it is told with each item."""
        if not self.modes:
            return None
        return types.InsertTextMode.AdjustIndentation if self.adjusts else types.InsertTextMode.AsIs


def inserted(insertion: Insertion, place: Place, text: Text, client: Client) -> str:
    """The text that takes the place of the word at `place`."""
    lines = insertion.lines
    if place.single:
        lines = ("{", *(f"{TAB}{line}" if line else "" for line in lines), "}")
    unit = _unit(place.indent, text)
    shown = [_indented(line, unit) for line in lines]
    indent = "" if client.adjusts else place.indent
    joined = text.ending.join(
        line if not number or not line else indent + line for number, line in enumerate(shown)
    )
    return _with_tab_stops(joined) if client.snippets else plain(joined)


def plain(text: str) -> str:
    """A text in which what the author replaces is not marked."""
    return "".join(part for part, _ in slots(text))


def _with_tab_stops(text: str) -> str:
    parts, number = [], 0
    for part, replaced in slots(text):
        escaped = re.sub(r"([\\$}])", r"\\\1", part)
        if replaced:
            number += 1
            escaped = f"${{{number}:{escaped}}}"
        parts.append(escaped)
    return "".join(parts) + "$0"


def _unit(indent: str, text: Text) -> str:
    """One level of indentation: tabs, unless the source has blanks."""
    if TAB in indent or (not indent and re.search(r"^\t", text.text, re.MULTILINE)):
        return TAB
    widths = [len(blanks) for blanks in re.findall(r"^( +)\S", text.text, re.MULTILINE) if len(blanks) > 1]
    return " " * min(widths) if widths else TAB


def _indented(line: str, unit: str) -> str:
    bare = line.lstrip(TAB)
    return unit * (len(line) - len(bare)) + bare


# -- declarations ----------------------------------------------------------------------------------------------


def missing(insertion: Insertion, scan: Scan, declared: Collection[str]) -> list[Declaration]:
    """The declarations that neither the headers (`declared`) nor the file itself have."""
    return [
        one
        for one in insertion.declarations
        if one.kind == "item" or not all(name in declared or _in_file(one, name, scan) for name in one.names)
    ]


def _in_file(declaration: Declaration, name: str, scan: Scan) -> bool:
    if declaration.kind == "include":
        return re.search(r"^[ \t]*#[ \t]*include\b.*\bbpf_core_read\.h", scan.text, re.MULTILINE) is not None
    if declaration.kind == "macro":
        return re.search(rf"^[ \t]*#[ \t]*define[ \t]+{name}\b", scan.text, re.MULTILINE) is not None or (
            re.search(rf"\b{name}\s*[=,}}]", _file_scope(scan)) is not None
        )
    return re.search(rf"\b{name}\s*\(", _file_scope(scan)) is not None


def _file_scope(scan: Scan) -> str:
    """The code without the bodies of functions."""
    parts, at = [], 0
    for function in scan.functions:
        parts.append(scan.code[at : function.body])
        at = function.end
    return "".join([*parts, scan.code[at:]])


def declaring(declarations: Sequence[Declaration], scan: Scan, offset: int, text: Text) -> list[types.TextEdit]:
    """Edits that put declarations at file scope, before the function at `offset`."""
    first = min((one.start for one in scan.functions), default=0)
    start = next((one.start for one in scan.functions if one.body < offset < one.end), first)
    edits = []
    includes = [one.text for one in declarations if one.kind == "include"]
    rest = [one for one in declarations if one.kind != "include"]
    if includes:
        edits.append(_edit(text, _behind(_INCLUDE, scan.text, first), "".join(f"{line}\n" for line in includes)))
    externs = _behind(_EXTERN, scan.code, start)
    if rest and externs and all(one.kind == "extern" for one in rest):
        edits.append(_edit(text, externs, "".join(f"{one.text}\n" for one in rest)))
    elif rest:
        edits.append(_edit(text, _head(scan, first), _block(rest)))
    return edits


def _block(declarations: Sequence[Declaration]) -> str:
    """Declarations, a blank line between kinds and around what takes several lines."""
    parts: list[str] = []
    for number, one in enumerate(declarations):
        before = declarations[number - 1] if number else one
        if number and (one.kind != before.kind or (one.kind == "item" and "\n" in one.text + before.text)):
            parts.append("\n")
        parts.append(f"{one.text}\n")
    return "".join([*parts, "\n"])


def _edit(text: Text, offset: int, new: str) -> types.TextEdit:
    place = text.position_at(offset)
    if offset and text.text[offset - 1] not in "\r\n":
        new = f"\n{new}"
    return types.TextEdit(types.Range(place, place), new.replace("\n", text.ending))


def _behind(pattern: re.Pattern[str], text: str, stop: int) -> int:
    """The offset behind the last match before `stop` that is in no `#if`, 0 without one."""
    found = 0
    for match in pattern.finditer(text, 0, stop):
        if not _open_conditions(text, match.start()):
            found = match.end()
    return found


def _head(scan: Scan, start: int) -> int:
    """The beginning of the line of a function, or of what belongs to it: comments, an `#if` around it."""
    text = scan.text
    conditions = _open_conditions(text, start)
    at = text.rfind("\n", 0, conditions[0] if conditions else start) + 1
    while at:
        before = text.rfind("\n", 0, at - 1) + 1
        line = text[before:at]
        if not line.strip() or scan.code[before:at].strip() or line.lstrip().startswith("#"):
            break
        at = before
    return at


def _open_conditions(text: str, offset: int) -> list[int]:
    """Where each `#if` begins that is not ended before a place."""
    found: list[int] = []
    for match in _CONDITION.finditer(text, 0, offset):
        if match[1] != "endif":
            found.append(match.start())
        elif found:
            found.pop()
    return found
