"""Comments that silence findings: `/* kfuncgen: ignore[rule, ...] reason */`.

Beside code it counts for its line, on a line of its own for the next line of code; `ignore-function` counts for
the function around or behind it, `ignore-file` for the whole file. Comments are found in the text itself, since
compilers drop them; what stands in a string is none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from kfuncgen.diagnostic import Edit, Finding, Fix, Severity, Span
from kfuncgen.records import Struct

Scope = Literal["line", "function", "file"]

TOKEN = re.compile(
    rb"""(?P<comment>//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z))|(?P<quoted>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    rb"""|(?P<open>\{)|(?P<close>\})|(?P<line>^[ \t]*\#(?:\\\r?\n|[^\n/]|/(?![/*]))*)|(?P<code>[^\s/"'{}]+|/)""",
    re.DOTALL | re.MULTILINE,
)
_WORDS = re.compile(rb"kfuncgen:\s*ignore(?P<scope>-\w+)?\s*(?:\[(?P<rules>[^\]\n]*)\])?")
_ENDS = re.compile(rb"\r\n|\r|\n")


class Suppression(Struct, frozen=True):
    """One comment. `rules` as they are written, `first` to `last` the lines for which it counts.

    `scope` is "" when its word is none that is known."""

    span: Span
    rules: tuple[str, ...]
    scope: Scope | Literal[""]
    first: int
    last: int
    removal: Span
    """What is deleted when the comment goes."""


def read_suppressions(file: str, data: bytes) -> tuple[Suppression, ...]:
    """The comments of one source, in order of place; `file` is its name in findings."""
    if b"kfuncgen:" not in data:
        return ()
    text = _Text(data)
    found = []
    for start, end in text.comments:
        words = _WORDS.search(data, start, end)
        if words is not None:
            found.append(_suppression(file, text, start, end, words))
    return tuple(found)


def _suppression(file: str, text: _Text, start: int, end: int, words: re.Match[bytes]) -> Suppression:
    line, column = text.place(start)
    end_line, end_column = text.place(end)
    names = (words["rules"] or b"").decode("utf-8", "replace").split(",")
    word = (words["scope"] or b"").decode("utf-8", "replace").removeprefix("-")
    scope: Scope | Literal[""] = "line" if not word else "function" if word == "function" else ""
    first = last = 0
    if word == "file":
        scope, first, last = "file", 1, len(text.starts)
    elif scope == "function":
        first, last = text.function(start)
    elif scope == "line":
        beside = text.code_before(start)
        first = last = line if beside else text.next_code_line(end)
    alone = text.alone(start, end)
    removal = Span(file, line, 1, end_line + 1, 1) if alone else Span(file, line, column, end_line, end_column)
    return Suppression(
        Span(file, line, column, end_line, end_column),
        tuple(name for part in names if (name := part.strip())),
        scope,
        first,
        last,
        removal,
    )


class _Text:
    """Where code, comments and the braces of functions are in a source."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.starts = [0, *(match.end() for match in _ENDS.finditer(data))]
        self.comments: list[tuple[int, int]] = []
        self._code: list[int] = []
        """Lines that hold code, ascending."""
        self._columns: dict[int, tuple[int, int]] = {}
        """First and last offset of the code of each of them."""
        self._bodies: list[tuple[int, int]] = []
        """First and last line of what stands in braces at file level, with the declaration before it."""
        depth, declared = 0, 0
        for token in TOKEN.finditer(data):
            kind, at = token.lastgroup, token.start()
            if kind == "comment":
                self.comments.append((at, token.end()))
                continue
            self._add(at, token.end())
            if kind == "line":
                continue
            declared = declared or self.place(at)[0]
            if kind == "open":
                depth += 1
            elif kind == "close":
                depth = max(depth - 1, 0)
                if not depth:
                    self._bodies.append((declared, self.place(at)[0]))
                    declared = 0
            elif not depth and token[0].endswith(b";"):
                declared = 0

    def _add(self, start: int, end: int) -> None:
        for line in range(self.place(start)[0], self.place(end - 1)[0] + 1):
            first, last = self._columns.get(line, (start, end))
            self._columns[line] = (min(first, start), max(last, end))
            if not self._code or self._code[-1] < line:
                self._code.append(line)

    def place(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def alone(self, start: int, end: int) -> bool:
        """Whether nothing else stands on the lines from `start` to `end`, other comments included."""
        first, last = self.place(start)[0], self.place(end)[0]
        stop = self.starts[last] if last < len(self.starts) else len(self._data)
        return not (self._data[self.starts[first - 1] : start] + self._data[end:stop]).strip()

    def code_before(self, offset: int) -> bool:
        """Whether code stands before it on its line."""
        found = self._columns.get(self.place(offset)[0])
        return found is not None and found[0] < offset

    def code_behind(self, offset: int) -> bool:
        """Whether code stands behind it on its line."""
        found = self._columns.get(self.place(offset)[0])
        return found is not None and found[1] > offset

    def next_code_line(self, offset: int) -> int:
        """The first line behind it that has code, its own included; 0 when there is none."""
        line = self.place(offset)[0]
        if self.code_behind(offset):
            return line
        index = bisect_right(self._code, line)
        return self._code[index] if index < len(self._code) else 0

    def function(self, offset: int) -> tuple[int, int]:
        """Lines of the function around a place, or of the next one; (0, 0) when there is none."""
        line = self.place(offset)[0]
        return next(((first, last) for first, last in self._bodies if last >= line), (0, 0))


def silence(
    findings: Iterable[Finding],
    suppressions: Mapping[str, Sequence[Suppression]],
    rules: Mapping[str, bool],
) -> tuple[list[Finding], int]:
    """Findings without the silenced ones, and how many those were; with a finding for each comment in vain.

    `suppressions` by file. `rules`: every rule's name, and whether it was asked for: a comment about a rule that
    did not run is not in vain.
    """
    kept: list[Finding] = []
    used: set[tuple[Suppression, str]] = set()
    silenced = 0
    for finding in findings:
        hits = [
            one
            for one in suppressions.get(finding.span.file, ())
            if finding.rule in one.rules and one.first <= finding.span.end_line and finding.span.line <= one.last
        ]
        used.update((one, finding.rule) for one in hits)
        silenced += bool(hits)
        if not hits:
            kept.append(finding)
    if rules.get(UNUSED):
        for file in sorted(suppressions):
            for one in suppressions[file]:
                kept += _vain(one, used, rules)
    return kept, silenced


UNUSED = "unused-suppression"


def _vain(one: Suppression, used: set[tuple[Suppression, str]], rules: Mapping[str, bool]) -> Iterable[Finding]:
    if not one.scope:
        yield _finding(one, "this comment ignores nothing: expected ignore, ignore-function or ignore-file", "")
        return
    if not one.rules:
        yield _finding(one, "this comment ignores nothing: it names no rule", "write ignore[rule] and why")
        return
    fix = None
    if all(name in rules and rules[name] and (one, name) not in used for name in one.rules):
        fix = Fix("delete the comment", (Edit(one.removal, ""),), safe=True)
    for name in one.rules:
        if name not in rules:
            from difflib import get_close_matches

            near = get_close_matches(name, rules, 1)
            hint = f"perhaps {near[0]} is meant" if near else "see 'kfuncgen explain' for the rules"
            yield _finding(one, f"there is no rule '{name}' to ignore", hint)
        elif rules[name] and (one, name) not in used:
            yield _finding(one, f"{name} is not found here, and need not be ignored", "delete the comment", fix)


def _finding(one: Suppression, message: str, advice: str, fix: Fix | None = None) -> Finding:
    return Finding(UNUSED, Severity.WARNING, one.span, message, help=advice, fix=fix)
