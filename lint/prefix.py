"""The leading `#include`s of a source: what may be compiled once for many of them.

Only lines that hold nothing but directives, comments and blanks belong to the prefix, and it ends with the last
`#include` that stands there outside of unfinished `#if`s. So it has no code that the linter would have to look at.
"""

from __future__ import annotations

import re

from kfuncgen.records import Struct

_TOKEN = re.compile(
    rb"""//(?:[^\n\\]|\\.)*|/\*.*?\*/|/\*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\\\r?\n|\n|[^\n"'/\\]+|.""",
    re.DOTALL,
)
_DIRECTIVE = re.compile(rb"\s*#\s*(\w+)")
_QUOTED = re.compile(rb"""^#[ \t]*include(?:_next)?[ \t]*"([^"\n]+)\"""", re.MULTILINE)
_OPENING = (b"if", b"ifdef", b"ifndef")
_BETWEEN = (b"else", b"elif", b"elifdef", b"elifndef")
_PLAIN = (b"define", b"undef", b"include")


class Stage(Struct, frozen=True):
    """A part of a prefix: its directives without comments, where it ends in the source, and the names that it
    includes in quotes (they are looked for beside the source first)."""

    text: bytes
    end: int
    quoted: tuple[bytes, ...]


def stages(text: bytes) -> tuple[Stage, ...]:
    """The prefix of a source in two parts, or one, or none: the first `#include`, and what follows.

    Most programs begin with the same large header, and differ in the others.
    """
    found: list[Stage] = []
    depth = position = 0
    lines: list[bytes] = []
    whole: list[bytes] = []
    end = 0
    included = False
    while position < len(text):
        line, following = _logical_line(text, position)
        if line is None:
            break
        position = following
        stripped = line.strip()
        if not stripped:
            continue
        directive = _DIRECTIVE.match(stripped)
        word = directive[1] if directive is not None else b""
        if word in _OPENING:
            depth += 1
        elif word == b"endif" and depth:
            depth -= 1
        elif word == b"include":
            included = True
        elif not (word in _PLAIN or (word in _BETWEEN and depth)):
            break
        lines.append(stripped)
        if included and not depth:
            whole, end, included = list(lines), position, False
            if not found:
                found.append(_stage(whole, end))
                lines, whole = [], []
    return (*found, _stage(whole, end)) if whole else tuple(found)


def _stage(lines: list[bytes], end: int) -> Stage:
    text = b"\n".join(lines) + b"\n"
    return Stage(text, end, tuple(_QUOTED.findall(text)))


def _logical_line(text: bytes, start: int) -> tuple[bytes | None, int]:
    """The line that begins at `start` without comments, spliced lines joined, and where the next one begins.

    None for a comment that does not end, and for a last line without an end.
    """
    parts: list[bytes] = []
    for match in _TOKEN.finditer(text, start):
        token = match[0]
        if token == b"\n":
            return b"".join(parts), match.end()
        if token == b"/*":
            return None, start
        if token.startswith((b"//", b"/*", b"\\\n", b"\\\r")):
            parts.append(b" ")
        else:
            parts.append(token)
    return None, start


def masked(text: bytes, end: int) -> bytes:
    """`text` without its first `end` bytes, whose lines stay as empty ones."""
    return b"\n" * text.count(b"\n", 0, end) + text[end:]
