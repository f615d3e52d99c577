"""Function definitions and declarations in C text, found without a compiler and headers."""

from __future__ import annotations

import re

from kfuncgen.spec.normalise import plain_words

MAX_PROTOTYPE = 2000
"""Characters between a function's name and its body; the kernel's longest list of parameters has 150."""

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


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
        close = _closing(text, match.end() - 1)
        if close is None or not re.match(rf"\s*(?:__\w+\s*)*{re.escape(ending)}", text[close + 1 : close + 200]):
            continue
        head = _head(text, match.start())
        if head is not None:
            params = " ".join(plain_words(text[match.end() : close]))
            return _tidy(f"{head} {name}({params})"), text.count("\n", 0, match.start()) + 1
    return None


def declarations(source: str) -> dict[str, str]:
    """Prototype by name of the functions that C text declares or defines at file level, in its order.

    Where some are marked as kfuncs (__ksym in programs, __bpf_kfunc in kernels), only those.
    """
    text = without_comments(source)
    marked = re.findall(r"\b(\w+)\s*\([^;{}]*\)\s*(?:__weak\s+)?__ksym\b", text)
    marked += re.findall(r"\b__bpf_kfunc\b[^;{}()]*?\b(\w+)\s*\(", text)
    names = marked or re.findall(r"\b([A-Za-z_]\w*)\s*\(", text)
    found = {}
    for name in dict.fromkeys(names):
        definition = find_definition(text, name, ";") or find_definition(text, name)
        if definition is not None:
            found[name] = definition[0]
    return found


def _closing(text: str, opening: int) -> int | None:
    """The offset of the parenthesis that closes the one at `opening`."""
    depth = 0
    for at in range(opening, min(len(text), opening + MAX_PROTOTYPE)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
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
