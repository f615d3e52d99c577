"""A source's leading directives, compiled once: its mutants differ below them.

Both compilers (clang and libclang) get a precompiled header of their own; in the source the lines are left blank,
so that every line keeps its number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from clang import cindex

from benchmarks.agreement.judge import Flags, run_compiler

_DIRECTIVE = re.compile(rb"\s*#\s*(\w+)")


def preamble_lengths(text: bytes) -> list[int]:
    """Bytes of the leading lines that are directives, comments or blank, with every conditional closed: up to the
    last include, and up to that of vmlinux.h alone (headers that define maps cannot be precompiled)."""
    end = depth = at = 0
    lengths: list[int] = []
    for line in _logical_lines(text):
        at += len(line)
        stripped = line.strip()
        match = _DIRECTIVE.match(line)
        if match:
            word = match[1]
            depth += word in (b"if", b"ifdef", b"ifndef")
            depth -= word == b"endif"
            if word in (b"include", b"endif") and not depth:
                end = at
            if word == b"include" and not depth and b"vmlinux.h" in line:
                lengths.append(at)
        elif stripped and not stripped.startswith((b"//", b"/*")):
            break
    return sorted({end, *lengths} - {0}, reverse=True)


def _logical_lines(text: bytes) -> list[bytes]:
    """Lines with their continuations; a block comment that begins a line is one line."""
    return re.findall(rb"[ \t]*/\*.*?\*/[^\n]*\n|(?:[^\n]*\\\n)*[^\n]*\n?", text, re.DOTALL)[:-1]


def blank(text: bytes, length: int) -> bytes:
    """`text` with its first `length` bytes blanked, line by line."""
    return re.sub(rb"[^\n]", b" ", text[:length]) + text[length:]


def precompile_clang(preamble: bytes, path: Path, flags: Flags, output: Path) -> bool:
    """Make clang's precompiled header of the preamble of the source `path`; whether the compiler took it."""
    header = _header(preamble, output)
    return not run_compiler(["-O2", "-g", *flags.args, *_near(path), str(header), "-o", str(output)])


def precompile_libclang(preamble: bytes, path: Path, args: Sequence[str], output: Path) -> bool:
    """The same for libclang, whose format is another."""
    header = _header(preamble, output)
    index = cindex.Index.create()
    incomplete = cindex.TranslationUnit.PARSE_INCOMPLETE
    try:
        unit = index.parse(str(header), args=[*args, "-Wno-everything", *_near(path)], options=incomplete)
        if any(d.severity >= cindex.Diagnostic.Error for d in unit.diagnostics):
            return False
        unit.save(str(output))
    except (cindex.TranslationUnitLoadError, cindex.TranslationUnitSaveError):
        return False
    return True


def _header(preamble: bytes, output: Path) -> Path:
    # One for each compiler: both refuse a header that was written again since.
    header = output.with_suffix(".h")
    header.write_bytes(preamble)
    return header


def _near(path: Path) -> tuple[str, ...]:
    """The header stands elsewhere: what it includes is looked up beside the source."""
    return ("-iquote", str(path.parent), "-x", "c-header")
