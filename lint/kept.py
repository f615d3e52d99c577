"""Reports of unchanged sources: what was found is not looked for again.

A report is kept under a name for all that it was made from: the text of the source, flags, the folders that the
environment adds to the search, options, specs, kernels, this code and libclang. Beside it stand the headers that
were read, each with size and time, and the files that must not appear before them; it counts only while all of
that is so. Whatever is wrong with the store, sources are checked anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import kfuncgen
from kfuncgen import __version__
from kfuncgen.cachedir import cache_dir, drop_stale, read_kept, write_kept
from kfuncgen.diagnostic import Report
from kfuncgen.lint import LintOptions
from kfuncgen.plain import report_of, to_plain
from kfuncgen.records import field_names
from kfuncgen.spec.cached import identity
from kfuncgen.toolchain.dependencies import Dependencies, environment, state, unchanged

MAX_KEPT = 4000
MAX_BYTES = 16 << 20


class Reports:
    """The store of reports, in the user's cache."""

    def __init__(self, folder: Path | None = None) -> None:
        base = folder if folder is not None else cache_dir()
        self._folder = base / "reports" if base is not None else None

    def key(self, path: Path, options: LintOptions, args: Sequence[str], words: Sequence[str], data: bytes) -> str:
        """A name for the report on `data` as the content of `path`; "" when it is not to be kept.

        `words`: what else the report repeats.
        """
        specs = identity(options.specs)
        if self._folder is None or not specs or options.unsaved:
            return ""
        chosen = [
            f"{name}={_word(getattr(options, name))}"
            for name in field_names(options)
            if name not in ("specs", "unsaved")
        ]
        places = [str(Path.cwd()), str(path), *environment()]
        parts = [code(), libclang(), specs, *places, *chosen, str(tuple(args)), str(tuple(words))]
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape"))
        digest.update(b"\0" + data)
        return digest.hexdigest()[:32]

    def find(self, key: str) -> Report | None:
        """The report of that name, if all that it was made from is unchanged."""
        if self._folder is None or not key:
            return None
        data = read_kept(self._folder / key, MAX_BYTES)
        if data is None:
            return None
        try:
            told = json.loads(data)
            depends = Dependencies(told["inputs"], told["absent"])
            return report_of(told["report"]) if unchanged(depends) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep(self, key: str, report: Report, depends: Dependencies) -> None:
        """Keep a report, at once or not at all; silently when that is impossible."""
        if self._folder is None or not key:
            return
        told = {"inputs": depends.inputs, "absent": depends.absent, "report": to_plain(report)}
        try:
            write_kept(self._folder / key, json.dumps(told, separators=(",", ":")).encode("ascii"))
        except (OSError, ValueError):
            return
        self._drop_old()

    def _drop_old(self) -> None:
        """Now and then keep the newer half, and remove what was left half-written."""
        assert self._folder is not None
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            files = list(entries)
            if len(files) <= MAX_KEPT:
                return
            files.sort(key=lambda entry: entry.stat().st_mtime_ns)
            for entry in files[: len(files) - MAX_KEPT // 2]:
                Path(entry.path).unlink(missing_ok=True)
            drop_stale(self._folder)


def _word(value: object) -> str:
    """An option as a word that is the same in every process: sets have no order."""
    if isinstance(value, frozenset):
        return str(sorted(map(_word, value)))
    return str([_word(part) for part in value]) if isinstance(value, tuple) else repr(value)


@lru_cache(maxsize=1)
def libclang() -> str:
    """A word for the library that would parse sources: its file and the state of that; "" when the system's loader
    finds it. The binding would tell, but an unchanged run is quick because it does without."""
    with contextlib.suppress(ImportError, OSError):
        import clang

        file = Path(os.environ.get("LIBCLANG_LIBRARY_PATH", f"{clang.__path__[0]}/native"), "libclang.so")
        return f"{file} {state(str(file))}"
    return ""


@lru_cache(maxsize=1)
def code() -> str:
    """A word for this version of kfuncgen."""
    return code_of(Path(kfuncgen.__file__).resolve().parent)


def code_of(package: Path) -> str:
    """A word for every file of a package's linter, its specs and what they share."""
    digest = hashlib.sha256(__version__.encode())
    for part in (".", "lint", "lint/lower", "lint/rules", "spec", "specs", "toolchain"):
        with contextlib.suppress(OSError), os.scandir(package / part) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file():
                    status = entry.stat()
                    digest.update(f"{part}/{entry.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
