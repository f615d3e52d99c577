"""Patterns of files and folders in a configuration: those of .gitignore, without its negation.

`*`, `?` and `[a-z]` stand for characters within a name, `**` for any number of folders. A pattern without a slash
(other than at its end) is about names at any depth, others begin at the configuration's folder. What matches a
folder matches all that is in it.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from kfuncgen.records import Struct

MAX_PARTS = 64
"""Names in one pattern; no path has more folders that matter."""


class PathPattern(Struct, frozen=True):
    """One pattern, and the (real) folder that it is relative to."""

    text: str
    folder: Path

    def matches(self, path: str | Path) -> bool:
        """Whether the file or folder at `path`, or a folder around it, is meant."""
        parts = _below(self.folder, path)
        return any(self._is(parts[:number]) for number in range(1, len(parts) + 1))

    def matches_itself(self, path: str | Path) -> bool:
        """Whether the file or folder at `path` is meant, whatever is above it."""
        parts = _below(self.folder, path)
        return bool(parts) and self._is(parts)

    def _is(self, parts: tuple[str, ...]) -> bool:
        wanted = tuple(self.text.strip("/").split("/"))
        if len(wanted) == 1 and not self.text.startswith("/"):
            wanted = ("**", *wanted)
        return _fits(wanted, parts)


def problem(text: str) -> str:
    """Why `text` is no pattern, "" when it is one."""
    names = text.strip("/").split("/")
    if not text.strip("/"):
        return "is empty"
    if text.startswith("!"):
        return "begins with '!': patterns cannot be taken back"
    if ".." in names or "." in names or "" in names:
        return "has a name that is empty, '.' or '..': a pattern begins at the configuration's folder"
    if len(names) > MAX_PARTS:
        return f"has more than {MAX_PARTS} names"
    return ""


@lru_cache(maxsize=256)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def _below(folder: Path, path: str | Path) -> tuple[str, ...]:
    """The names from `folder` to `path`, none when it is not in there; a link is where it stands."""
    head, name = os.path.split(os.path.normpath(Path(path).absolute()))
    try:
        return Path(_real(head), name).relative_to(folder).parts
    except (ValueError, OSError):
        return ()


def _fits(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether names match a pattern's; in a table, as `**` may be many and lengths multiply otherwise."""
    fits = [True] + [False] * len(parts)
    for name in wanted:
        if name == "**":
            for number in range(1, len(fits)):
                fits[number] |= fits[number - 1]
        else:
            fits = [False] + [was and fnmatchcase(part, name) for was, part in zip(fits, parts, strict=False)]
    return fits[-1]
