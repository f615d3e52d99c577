"""Function definitions and declarations in C text, found without a compiler and headers."""

from __future__ import annotations

import re

from kfuncgen.spec.normalise import plain_words

MAX_PROTOTYPE = 2000
"""Characters between a function's name and its body; the kernel's longest list of parameters has 150."""

MAX_NESTING = 8
"""Parentheses within each other in a list of parameters; a function that takes a function has two."""

_PARENTHESIS = re.compile(r"[()]")
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def without_comments(text: str) -> str:
    """`text` with comments blanked; lines keep their numbers."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        return found if found[0] in "\"'" else " " + "\n" * found.count("\n")

    return _COMMENT.sub(blank, text)


def find_definition(text: str, name: str, ending: str = "{") -> tuple[str, int] | None:
    """(prototype in one line, line number) of the function `name`, which `ending` follows: `{` its body, `;` none.

    `text` is free of comments. The prototype holds no storage class and no annotation.
    """
    for match in re.finditer(rf"\b{re.escape(name)}\s*\(", text):
        prototype = _definition_at(text, match, name, ending)
        if prototype is not None:
            return prototype, text.count("\n", 0, match.start()) + 1
    return None


def _definition_at(text: str, match: re.Match[str], name: str, endings: str) -> str | None:
    """The prototype whose `name(` is `match`, when one of `endings` follows it; None when that is a call."""
    close = _closing(text, match.end() - 1)
    if close is None or not re.match(rf"\s*(?:__\w+\s*)*[{endings}]", text[close + 1 : close + 200]):
        return None
    head = _head(text, match.start())
    return None if head is None else _tidy(f"{head} {name}({' '.join(plain_words(text[match.end() : close]))})")


def declarations(source: str) -> dict[str, str]:
    """Prototype by name of the functions that C text declares or defines at file level, in its order.

    Where some are marked as kfuncs (__ksym in programs, __bpf_kfunc in kernels), only those.
    """
    text = without_comments(source)
    marked = _marked(text)
    found: dict[str, str] = {}
    for match in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", text):
        name = match[1]
        if name not in found and (not marked or name in marked):
            prototype = _definition_at(text, match, name, ";{")
            if prototype is not None:
                found[name] = prototype
    return found


def _marked(text: str) -> set[str]:
    """The names of functions with __ksym behind them or __bpf_kfunc before them."""
    names = set()
    for mark in re.finditer(r"\b__ksym\b", text):
        before = re.split(r"[;{}]", text[max(0, mark.start() - MAX_PROTOTYPE) : mark.start()])[-1]
        names.update(re.findall(r"\b(\w+)\s*\(", before)[:1])
    for mark in re.finditer(r"\b__bpf_kfunc\b", text):
        behind = re.match(r"[\w\s*]{0,300}?\b(\w+)\s*\(", text[mark.end() : mark.end() + 400])
        names.update([behind[1]] if behind else [])
    return names


def _closing(text: str, opening: int) -> int | None:
    """The offset of the parenthesis that closes the one at `opening`."""
    depth = 0
    for match in _PARENTHESIS.finditer(text, opening, opening + MAX_PROTOTYPE):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
        if depth > MAX_NESTING:
            break
    return None


def _head(text: str, end: int) -> str | None:
    """The result type in front of a function's name at `end`; None when a call stands there."""
    before = text[max(0, end - 300) : end]
    before = re.split(r"[;{}),]|^[ \t]*#.*$", before, flags=re.MULTILINE)[-1]
    words = plain_words(before)
    if not words or any(not re.fullmatch(r"\w+|\*", word) for word in words):
        return None
    if words[0] in ("return", "else", "case", "goto") or words[-1] in ("return", "if", "while", "for"):
        return None
    return " ".join(words) if re.match(r"[A-Za-z_]", words[0]) else None


def _tidy(text: str) -> str:
    """The kernel's spacing: `struct a *f(u32 b, int *c)`."""
    text = re.sub(r"\s*\*\s*", " *", text)
    text = re.sub(r"\* (?=\*)", "*", text)
    text = re.sub(r"\s*,\s*", ", ", text)
    text = re.sub(r"\s*([()\[\]])\s*", r"\1", text)
    text = re.sub(r"(?<=\w)\((\**\w+)\)\(", r" (\1)(", text)  # a pointer to a function
    return " ".join(text.split())
