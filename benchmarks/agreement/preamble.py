"""A source's leading directives, compiled once: its mutants differ below them.

Both compilers (clang and libclang) get a precompiled header of their own; in the source the lines are left blank,
so that every line keeps its number.
"""

from __future__ import annotations

import re
from pathlib import Path

from clang import cindex

from benchmarks.agreement.judge import Flags, run_compiler

_DIRECTIVE = re.compile(rb"\s*#\s*(\w+)")


def preamble_length(text: bytes) -> int:
    """Bytes of the leading lines that are directives, comments or blank, with every conditional closed."""
    end = depth = at = 0
    for line in _logical_lines(text):
        at += len(line)
        stripped = line.strip()
        match = _DIRECTIVE.match(line)
        if match:
            word = match[1]
            depth += word in (b"if", b"ifdef", b"ifndef")
            depth -= word == b"endif"
            if word == b"include" and not depth:
                end = at
        elif stripped and not stripped.startswith((b"//", b"/*")):
            break
        if match and match[1] == b"endif" and not depth:
            end = at
    return end


def _logical_lines(text: bytes) -> list[bytes]:
    """Lines with their continuations; a block comment that begins a line is one line."""
    return re.findall(rb"[ \t]*/\*.*?\*/[^\n]*\n|(?:[^\n]*\\\n)*[^\n]*\n?", text, re.DOTALL)[:-1]


def blank(text: bytes, length: int) -> bytes:
    """`text` with its first `length` bytes blanked, line by line."""
    return re.sub(rb"[^\n]", b" ", text[:length]) + text[length:]


def precompile(text: bytes, length: int, path: Path, flags: Flags, folder: Path) -> tuple[Path, Path] | None:
    """Precompiled headers of the first `length` bytes of the source `path` for clang and for libclang, made in
    `folder`; None when there is nothing to gain or the compiler objects."""
    if b"vmlinux.h" not in text[:length]:
        return None
    header = folder / "preamble.h"
    header.write_bytes(text[:length])
    near = ("-iquote", str(path.parent), "-x", "c-header")
    ours, theirs = folder / "clang.pch", folder / "libclang.pch"
    if run_compiler(["-O2", "-g", *flags.args, *near, str(header), "-o", str(ours)]):
        return None
    index = cindex.Index.create()
    try:
        unit = index.parse(str(header), args=[*flags.args, "-Wno-everything", *near], options=4)  # Incomplete
        if any(d.severity >= cindex.Diagnostic.Error for d in unit.diagnostics):
            return None
        unit.save(str(theirs))
    except (cindex.TranslationUnitLoadError, cindex.TranslationUnitSaveError):
        return None
    return ours, theirs
