"""Parsing that begins while the code that needs its result is still being imported.

libclang works outside Python's lock: where there is another processor, a first source is parsed by the time that
the rest of the linter is there.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfuncgen.lint.parse import Unit
from kfuncgen.lint.parse_headers import Headers


class Ahead:
    """One source that is being parsed as `Headers.parse` does; others are parsed when they are asked for."""

    def __init__(self, headers: Headers, path: Path, args: Sequence[str], others: Mapping[str, bytes]) -> None:
        self._headers = headers
        self._asked: tuple[Path, list[str]] | None = (path, list(args))
        self._others = others
        self._unit: Unit | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=self._asked, daemon=True)
        self._thread.start()

    def _run(self, path: Path, args: list[str]) -> None:
        try:
            self._unit = self._headers.parse(path, args, None, self._others)
        except BaseException as error:
            self._error = error

    def parse(
        self, path: Path, args: Sequence[str], text: str | None = None, others: Mapping[str, bytes] | None = None
    ) -> Unit:
        """As `Headers.parse`, with its errors."""
        self._thread.join()
        asked, self._asked = self._asked, None
        if asked != (path, list(args)) or text is not None or others != self._others:
            return self._headers.parse(path, args, text, others)
        if self._error is not None:
            raise self._error
        assert self._unit is not None
        return self._unit
