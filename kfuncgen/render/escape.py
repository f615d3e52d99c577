"""Untrusted text made safe to show: file names, source lines and messages come from strangers.

A terminal must not obey them (escape sequences), and a reader must not be misled (bidirectional controls that
reorder source text, CVE-2021-42574). Such characters are shown as their escape, everything else unchanged.
"""

from __future__ import annotations

import unicodedata

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that are shown escaped: controls, format controls (bidi, zero width), surrogates (bytes of
file names that are no UTF-8), line and paragraph separators."""


def visible(char: str) -> str:
    """`char` as it may be shown: itself, or `\\x1b`, `\\u202e`; an undecodable byte as `\\xff`."""
    if unicodedata.category(char) not in UNSAFE_CATEGORIES:
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: one byte that was no UTF-8
        code -= 0xDC00
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """`text` on one line, without characters a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(visible(char) for char in text)


def no_command(line: str) -> str:
    """A line that GitHub's runner takes for no command, wherever it prints it: those are `::...` at its beginning,
    and `##[...]` anywhere."""
    if line.lstrip().startswith("::"):
        line = line.replace("::", ": :", 1)
    return line.replace("##[", "# #[")


def width(char: str) -> int:
    """Terminal columns of one visible character: 2 for wide and emoji, 0 for combining marks."""
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def repaired(text: str) -> str:
    """`text` as valid Unicode for machines: bytes of file names that are no UTF-8 become U+FFFD."""
    if text.isascii():
        return text
    return "".join("\ufffd" if 0xD800 <= ord(char) <= 0xDFFF else char for char in text)
