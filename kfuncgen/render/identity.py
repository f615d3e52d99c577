"""What machines call a finding: where it stands as a URI, and a fingerprint that survives edits elsewhere.

The fingerprint leaves out line and column: it is made of rule, file, function, kfunc, the finding's line as
written (without indentation) and the lines of its path's ends. Equal ones are numbered in order of place. So a
finding keeps its identity when lines are added above it, and loses it when its own line changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from kfuncgen.diagnostic import Finding, Span
from kfuncgen.render.excerpt import Sources

LENGTH = 32
"""Hexadecimal digits of a fingerprint; 128 bits."""


def relative(file: str, folder: Path | None = None) -> str:
    """`file` below `folder` (the current one) with forward slashes, as repositories name it; others as given."""
    if folder is None and not Path(file).is_absolute():
        path = os.path.normpath(file)
    else:
        path = os.path.relpath(file, folder)
    return file if path.startswith(os.pardir) else path.replace(os.sep, "/")


def uri(file: str) -> str:
    """`file` as a relative URI reference, or as a `file:` URI where it is not below the current folder."""
    name = relative(file)
    if Path(name).is_absolute():
        return f"file://{quote(name, errors='surrogateescape')}"
    return quote(name, safe="/", errors="surrogateescape")  # no colon, which would read as a scheme


def fingerprints(findings: Sequence[Finding], sources: Sources, folder: Path | None = None) -> list[str]:
    """The fingerprint of each finding, in their order; no two are alike. Files are named relative to `folder`."""
    seen: dict[str, int] = {}
    found = []
    for finding in findings:
        parts = [
            finding.rule,
            relative(finding.span.file, folder),
            finding.function,
            finding.kfunc,
            _written(finding.span, sources),
            *(_written(event.span, sources) for event in (*finding.path[:1], *finding.path[-1:])),
        ]
        text = "\0".join(parts).encode("utf-8", "surrogateescape")
        digest = hashlib.sha256(text).hexdigest()[:LENGTH]
        number = seen[digest] = seen.get(digest, 0) + 1
        if number > 1:
            digest = hashlib.sha256(f"{digest}\0{number}".encode()).hexdigest()[:LENGTH]
        found.append(digest)
    return found


def _written(span: Span, sources: Sources) -> str:
    line = sources.line(span.file, span.line)
    return b" ".join(line.split()).decode("utf-8", "surrogateescape") if line is not None else ""


def characters(sources: Sources, file: str, line: int, column: int) -> int:
    """The 1-based column in Unicode code points of a 1-based column in UTF-8 bytes; the same when the line is not
    known."""
    text = sources.line(file, line)
    if text is None or column < 1:
        return max(column, 1)
    return len(text[: column - 1].decode("utf-8", "replace")) + 1
