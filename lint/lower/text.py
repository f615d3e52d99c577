"""What only clang's pretty-printed text of a function tells: absent parts of `for`, operands of inline asm.

Cursors leave absent parts of a `for` out and do not say which operands of an asm are outputs. The pretty
text has every statement in the order in which a walk over the cursors meets them.
"""

from __future__ import annotations

from kfuncgen.records import Struct


class AsmText(Struct, frozen=True):
    """One asm statement: its template and how many operands are outputs."""

    template: str
    outputs: int
    inputs: int


class BodyText(Struct, frozen=True):
    """Per `for` which of (init, condition, increment) are present; per asm its operands; in text order."""

    fors: tuple[tuple[bool, bool, bool], ...]
    asms: tuple[AsmText, ...]


def scan_body(text: str) -> BodyText:
    """Read the pretty text of one function."""
    fors: list[tuple[bool, bool, bool]] = []
    asms: list[AsmText] = []
    position, size = 0, len(text)
    while position < size:
        char = text[position]
        if char in "\"'":
            position = _skip_quoted(text, position)
            continue
        if char.isalpha() or char == "_":
            end = position
            while end < size and (text[end].isalnum() or text[end] == "_"):
                end += 1
            word = text[position:end]
            if word == "for" and text[end : end + 2] == " (":
                parts = _split(text, end + 2, ";", ")")
                padded = [*parts, "", "", ""][:3]
                fors.append((bool(padded[0].strip()), bool(padded[1].strip()), bool(padded[2].strip())))
            elif word == "asm":
                opening = text.find("(", end)
                goto = "goto" in text[end:opening]
                parts = _split(text, opening + 1, ":", ")")
                count = [len(_operands(p)) if p.strip() else 0 for p in [*parts, "", ""][1:3]]
                asms.append(AsmText(parts[0].strip(), 0 if goto else count[0], count[1]))
            position = end
            continue
        position += 1
    return BodyText(tuple(fors), tuple(asms))


def _skip_quoted(text: str, start: int) -> int:
    quote = text[start]
    position = start + 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" else 1
    return position + 1


def _split(text: str, start: int, separator: str, closing: str) -> list[str]:
    """Split from `start` at `separator` on the outermost level, up to the matching `closing`."""
    parts: list[str] = []
    depth = 0
    begin = position = start
    while position < len(text):
        char = text[position]
        if char in "\"'":
            position = _skip_quoted(text, position)
            continue
        if char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0 and char == closing:
                break
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
        position += 1
    parts.append(text[begin:position])
    return parts


def _operands(text: str) -> list[str]:
    return [p for p in _split(text, 0, ",", ")") if p.strip()]
