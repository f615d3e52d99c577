"""How far a long command has come: a line at the bottom of the terminal, gone when it is done.

On standard error, and only when that is a terminal: no pipe, file or log ever holds it. It appears after a second,
so that short runs do not flicker.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import TextIO

DELAY = 1.0
"""Seconds without a line."""
INTERVAL = 0.1
"""Seconds between two drawings."""
MAX_BAR = 40


class Progress:
    """A context in which `step` says what is done of `total`. Files come in groups that follow each other: `step`
    counts within one, `begin` goes on to the next."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = total
        self._stream = stream if stream is not None else sys.stderr
        self._before = self._in_group = 0
        self._shown = False
        self._next = time.monotonic() + DELAY
        self._wanted = total > 1 and _is_terminal(self._stream)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._write("\r\x1b[K")

    def begin(self, size: int) -> None:
        """The next `size` files begin."""
        self._before += self._in_group
        self._in_group = size

    def step(self, done: int, total: int = 0) -> None:
        """`done` files of those that began last are done."""
        now = time.monotonic()
        if not self._wanted or now < self._next:
            return
        from shutil import get_terminal_size

        self._next = now + INTERVAL
        self._shown = True
        self._write(f"\r{line(self._before + done, self._total, get_terminal_size().columns)}\x1b[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def line(done: int, total: int, columns: int) -> str:
    """`[=====>    ]  37/120 files`, at most as wide as the terminal."""
    counted = f"{done:{len(str(total))}}/{total} files"
    width = min(columns - len(counted) - 4, MAX_BAR)
    if width < 4:
        return counted[: max(columns - 1, 0)]
    full = width * done // total if total else width
    bar = "=" * full if full == width else f"{'=' * full}>".ljust(width)
    return f"[{bar}] {counted}"


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM") not in (None, "dumb")
