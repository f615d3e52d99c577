"""Parsing the same sources again and again, as editors need it: what the `#include`s say is read once.

libclang keeps a source's leading directives compiled (a preamble) and looks itself whether one of those files has
changed. A source with vmlinux.h takes some 150 ms to parse, and 10 ms to parse again. Only for sources that are on
disk, whatever their text there: others take the whole time.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clang import cindex

from kfuncgen.diagnostic import Place, SourceError
from kfuncgen.lint.parse import Unit, finished, library

_OPTIONS = cindex.TranslationUnit.PARSE_PRECOMPILED_PREAMBLE | 0x100
"""CXTranslationUnit_CreatePreambleOnFirstParse (clang-c/Index.h), which the binding does not name."""

MAX_KEPT = 8
"""Sources kept at once, the ones used last: each takes tens of megabytes."""


class KeptUnits:
    """Parsed sources by name and flags. libclang's objects stay on one thread, and so must this."""

    def __init__(self) -> None:
        self._index: Any = None
        self._units: OrderedDict[tuple[str, tuple[str, ...]], Any] = OrderedDict()

    def parse(self, path: Path, args: Sequence[str], text: str | None = None) -> Unit:
        """As `kfuncgen.lint.parse.parse`, for `text`; it invalidates the unit got before for the same source."""
        library()
        name, key = str(path), (str(path), tuple(args))
        if text is None:
            raise SourceError("only sources whose text is given are kept", Place(name))
        tu = self._units.pop(key, None)
        try:
            if tu is not None:
                tu.reparse([(name, text)])
            else:
                self._index = self._index or cindex.Index.create()
                tu = self._index.parse(name, ["-x", "c", *args], [(name, text)], _OPTIONS)
        except ctypes.ArgumentError:
            raise SourceError("the source or its name is not valid UTF-8", Place(name)) from None
        except cindex.TranslationUnitLoadError:
            what = "libclang could not parse the source; check the compiler flags"
            raise SourceError(what, Place(name)) from None
        self._units[key] = tu
        while len(self._units) > MAX_KEPT:
            self._units.popitem(last=False)
        return finished(tu, name)
