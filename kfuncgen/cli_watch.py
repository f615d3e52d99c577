"""`kfuncgen lint --watch`: once more whenever a source, a header or a setting changes, until it is interrupted."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kfuncgen.cli_output import emit, say, say_error
from kfuncgen.config import CONFIG_NAME, PROJECT_NAME
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.render.summary import plural

INTERVAL = 0.3
"""Seconds between two looks. A look at a thousand files takes some milliseconds."""
SETTLED = 0.05
"""Seconds for which nothing may change: editors write in several steps, and checkouts many files."""
MAX_FILES = 20_000
SETTINGS = (CONFIG_NAME, PROJECT_NAME, "compile_commands.json", "compile_flags.txt", ".clangd")
SUFFIXES = (".c", ".h", ".yaml", ".yml")

Seen = dict[str, tuple[int, int]]
"""Time and size by file."""


def watch(paths: Sequence[str], once: Callable[[], object]) -> int:
    """Run `once` now, and after every change; what is wrong with settings or specs is told and may be mended.

    Ends with KeyboardInterrupt, and with a KfuncgenError of the first run."""
    seen = look(paths)  # before they are read: what changes meanwhile is checked again
    once()
    while True:
        say(f"kfuncgen: watching {plural(len(seen), 'file')}; Ctrl-C ends it")
        seen = wait(paths, seen)
        if sys.stdout is not None and sys.stdout.isatty():
            emit("\x1b[H\x1b[2J")
        try:
            once()
        except KfuncgenError as error:
            say_error(error)


def wait(paths: Sequence[str], seen: Seen) -> Seen:
    """Until something is no longer as it was seen, and nothing changes any more; how it is seen then."""
    while (now := look(paths)) == seen:
        time.sleep(INTERVAL)
    while True:
        time.sleep(SETTLED)
        later = look(paths)
        if later == now:
            return now
        now = later


def look(paths: Sequence[str]) -> Seen:
    """All files that could change what is found: sources, headers and specs in and beside PATH..., and settings up
    to the root."""
    seen: Seen = {}
    for name in _files(paths):
        if len(seen) >= MAX_FILES:
            break
        try:
            status = Path(name).stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            seen[name] = (status.st_mtime_ns, status.st_size)
    return seen


def _files(paths: Sequence[str]) -> Iterator[str]:
    folders: dict[Path, None] = {}
    for path in paths:
        if Path(path).is_dir():
            folders[Path(path).absolute()] = None
            for place, inner, names in os.walk(path):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                yield from (str(Path(place, name)) for name in names if _matters(name))
        else:
            yield path
            folder = Path(path).absolute().parent
            folders[folder] = None
            if folder.is_dir():
                yield from (str(file) for file in folder.iterdir() if _matters(file.name))
    for above in dict.fromkeys(above for folder in folders for above in (folder, *folder.parents)):
        yield from (str(above / name) for name in SETTINGS)


def _matters(name: str) -> bool:
    return name.endswith(SUFFIXES) or name in SETTINGS
