"""Where functions, programs and names are in a source, told from its text alone.

Answers must come at once and while a line is half written: no compiler is asked. Macros are not expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from kfuncgen.records import Struct

MAX_CHARACTERS = 2 << 20
MAX_STATEMENT = 20_000
"""How far the beginning of a statement is looked for."""

_BLANKED = re.compile(
    r"""//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?"""
    r"""|^[ \t]*\#(?:\\\r?\n|[^\n/]|/(?![/*]))*""",
    re.DOTALL | re.MULTILINE,
)
_SECTION = re.compile(r'\bSEC\s*\(\s*"([^"\n]*)"\s*\)')
_ATTRIBUTES = re.compile(r"\bSEC\s*\([^()]*\)|__attribute__\s*\(\(.{0,400}?\)\)", re.DOTALL)
_NAMED = re.compile(r"(\w+)\s*\(\s*(\w*)")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"\w+")


class Function(Struct, frozen=True):
    """A definition. Offsets into the text: `start` of its declaration, `name_at`, `body` its brace, `end` behind.

    `section` is what SEC() says, "" without it.
    """

    name: str
    section: str
    start: int
    name_at: int
    body: int
    end: int


class Scan:
    """A scanned text. `code` is the text with comments, strings and directives blanked, at the same offsets.

    Texts larger than anybody's program have no code: requests about them must not hold up others.
    """

    def __init__(self, text: str) -> None:
        self.text = text if len(text) <= MAX_CHARACTERS else ""
        text = self.text
        self.comments: list[tuple[int, int]] = []
        self.code = _BLANKED.sub(self._blank, text)
        self.functions = tuple(self._functions())

    def _blank(self, match: re.Match[str]) -> str:
        if match[0].startswith("/"):
            self.comments.append(match.span())
        return re.sub(r"[^\r\n]", " ", match[0])

    def function_at(self, offset: int) -> Function | None:
        """The function in whose body a place is."""
        return next((one for one in self.functions if one.body < offset < one.end), None)

    def word_at(self, offset: int) -> tuple[str, int]:
        """The name at or just before a place and where it begins; ("", offset) without one, or in a comment."""
        start = offset = min(offset, len(self.code))
        while start > 0 and (self.code[start - 1].isalnum() or self.code[start - 1] == "_"):
            start -= 1
        match = _WORD.match(self.code, start)
        return (match[0], start) if match is not None else ("", offset)

    def calls(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """Names before a parenthesis between two offsets, with where they begin and where the call ends."""
        for match in _CALL.finditer(self.code, start, end):
            close = self._closed.get(match.end() - 1)
            if close is not None:
                yield match[1], match.start(), close + 1

    def open_call(self, offset: int) -> tuple[str, int]:
        """The call in whose parentheses a place is, and the number of the argument; ("", 0) outside of calls."""
        depth = argument = 0
        end = min(offset, len(self.code))
        for at in range(end - 1, max(end - MAX_STATEMENT, 0) - 1, -1):
            character = self.code[at]
            if character in ";{}":
                break
            if character in ")]":
                depth += 1
            elif character in "([" and depth:
                depth -= 1
            elif character == "(":
                name, start = self.word_at(len(self.code[:at].rstrip()))
                return (name, argument) if start < at else ("", 0)
            elif character == "," and not depth:
                argument += 1
        return "", 0

    @cached_property
    def _closed(self) -> dict[int, int]:
        """The parenthesis that closes each one that is closed."""
        found: dict[int, int] = {}
        opened: list[int] = []
        for match in re.finditer(r"[()]", self.code):
            if match[0] == "(":
                opened.append(match.start())
            elif opened:
                found[opened.pop()] = match.start()
        return found

    def opening(self, closed: int) -> int:
        """The offset of the parenthesis that the one at `closed` closes, -1 without one."""
        return next((one for one, other in self._closed.items() if other == closed), -1)

    def _functions(self) -> Iterator[Function]:
        depth = begun = opened = 0
        head: re.Match[str] | None = None
        for match in re.finditer(r"[{};]", self.code):
            at = match.start()
            if match[0] == "{":
                if not depth:
                    opened = at
                    bare = _ATTRIBUTES.sub(lambda found: " " * len(found[0]), self.code[begun:at])
                    head = _NAMED.search(bare) if "=" not in bare.partition("(")[0] else None
                depth += 1
            elif match[0] == "}" and depth:
                depth -= 1
                if not depth:
                    if head is not None:
                        yield self._function(head, begun, opened, at + 1)
                    begun = at + 1
            elif match[0] == ";" and not depth:
                begun = at + 1
        if depth and head is not None:  # the last one is still being written
            yield self._function(head, begun, opened, len(self.code) + 1)

    def _function(self, head: re.Match[str], begun: int, body: int, end: int) -> Function:
        """`BPF_PROG(name, ...)` and its like name the function within the parentheses."""
        group = 2 if head[1].isupper() and head[2] else 1
        section = _SECTION.search(self.text, begun, body)
        start = begun + len(self.code[begun:body]) - len(self.code[begun:body].lstrip())
        if section is not None and self.code[section.start()] != " ":
            start = min(start, section.start())
        named = section[1] if section is not None and self.code[section.start()] != " " else ""
        return Function(head[group], named, start, begun + head.start(group), body, end)
