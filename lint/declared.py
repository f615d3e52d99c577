"""Which names the headers of a source declare, whatever the state of its own code.

Asked for by those who write into a source: what is declared already must not be declared again. Only the source's
directives count; its code is replaced by a mention of every name, and the compiler says which it does not know.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from pathlib import Path

from kfuncgen.diagnostic import SourceError
from kfuncgen.lint import LintOptions
from kfuncgen.lint.compiler import compiler_args, flags_of
from kfuncgen.lint.parse_headers import Headers
from kfuncgen.lint.suppress import TOKEN
from kfuncgen.toolchain.headers import fallback_used

MAX_ROUNDS = 12
"""Parses of one question: each names some of the unknown ones, as many as a compiler says before it gives up."""
MAX_HEADER_BYTES = 1 << 20
_UNKNOWN = re.compile(r"use of undeclared identifier '(\w+)'|incomplete type '(struct \w+)'")
_NAME = re.compile(r"(?:struct )?[A-Za-z_]\w*")


def declared_names(
    path: Path, options: LintOptions, text: str, names: Collection[str], headers: Headers
) -> frozenset[str] | None:
    """Those of `names` (of functions, variables, constants, macros; types as `struct item`) that the headers of
    the source `text` declare; None when that cannot be told, as when a header is missing.
    """
    left = dict.fromkeys(name for name in names if _NAME.fullmatch(name))
    args = compiler_args(flags_of(path, options))
    directives = _directives(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    for _ in range(MAX_ROUNDS):
        try:
            unit = headers.parse(path, args, directives + _mentions(left), options.unsaved)
        except SourceError as error:
            told = "\n".join((error.message, *error.details))
            unknown = {next(filter(None, match.groups())) for match in _UNKNOWN.finditer(told)} & left.keys()
            if not unknown:
                return None
            for name in unknown:
                del left[name]
        else:
            return frozenset(left) - _bundled_alone(unit.includes, left.keys() & options.specs.functions.keys())
    return None


def _bundled_alone(includes: Collection[str], kfuncs: Collection[str]) -> frozenset[str]:
    """Those of some kfuncs that only the bundled vmlinux.h declares: the one that the source is built with may be
    of a tool that writes no prototypes."""
    if "vmlinux.h" not in fallback_used(includes):
        return frozenset()
    text = ""
    for file in includes:
        header = Path(file)
        if "vmlinux.h" in fallback_used([file]):
            continue
        with contextlib.suppress(OSError):
            if header.stat().st_size <= MAX_HEADER_BYTES:
                text += header.read_text("utf-8", "replace")
    return frozenset(kfuncs) - set(re.findall(r"\w+", text))


def _directives(data: bytes) -> bytes:
    """A source in which code is blank but for one semicolon, so that its first directives end where they did."""
    parts: list[bytes] = []
    at = 0
    begun = False
    for token in TOKEN.finditer(data):
        parts.append(data[at : token.start()])
        at = token.end()
        if token.lastgroup in ("comment", "line"):
            parts.append(token[0])
        else:
            blank = re.sub(rb"[^\r\n]", b" ", token[0])
            parts.append(blank if begun else b";" + blank[1:])
            begun = True
    return b"".join([*parts, data[at:], b"" if begun else b"\n;", b"\n"])


def _mentions(names: Collection[str]) -> str:
    lines = ["static void kfuncgen_mentions(void)", "{"]
    for name in names:
        if name.startswith("struct "):
            lines.append(f"(void)sizeof({name});")
        else:
            lines += [f"#ifndef {name}", f"(void){name};", "#endif"]
    return "\n".join([*lines, "}", ""])
