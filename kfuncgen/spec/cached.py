"""Specs from the cache: as `load.load_specs`, without reading YAML and C again.

A stored set is found by what it was made from: every byte of every spec file, and this version of the code that
reads them. So an edit is seen at once, and nothing is ever out of date. Whatever is wrong with the cache (no home,
no right to write, damage), the specs are read from their files, silently.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from kfuncgen import __version__
from kfuncgen.cachedir import cache_dir, read_kept, write_kept
from kfuncgen.spec.model import SpecSet

KEPT = 8
"""Stored sets: one for the built-in specs, one for each combination with users' own. A set has half a megabyte."""
MAX_BYTES = 64 << 20
_PREFIX = "specs-"


_loaded: list[tuple[SpecSet, str]] = []
"""The sets that were loaded, each with its key: few, and alive as long as the process."""


def load_specs(extra: Sequence[Path] = ()) -> SpecSet:
    """The built-in specs and those of `extra`, as `load.load_specs` gives them, with its errors."""
    from kfuncgen.spec import store

    key = _key(extra, store.layout())
    specs = _load(extra, key)
    _loaded.append((specs, key))
    del _loaded[:-KEPT]
    return specs


def identity(specs: SpecSet) -> str:
    """A word for the contents of a set that `load_specs` gave; "" for others, and when that is not known."""
    return next((key for known, key in _loaded if known is specs), "")


def _load(extra: Sequence[Path], key: str) -> SpecSet:
    from kfuncgen.spec import store

    folder = cache_dir()
    file = folder / f"{_PREFIX}{key}" if folder is not None and key else None
    if file is not None:
        data = read_kept(file, MAX_BYTES)
        if data is not None:
            with contextlib.suppress(ValueError):
                return store.decode(data)
    from kfuncgen.spec import load

    specs = load.load_specs(extra) if extra else load.load_builtin()
    # A file that was edited meanwhile gives another key: what was read is then stored under neither.
    if file is not None and _key(extra, store.layout()) == key:
        with contextlib.suppress(OSError):
            _write(file, store.encode(specs))
    return specs


def _key(extra: Iterable[Path], layout: str) -> str:
    """A name for the contents of all spec files and of the code; "" when one of them cannot be read."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(f"{__version__}\n{layout}\n".encode())
    try:
        for code in sorted(package.glob("*.py")):
            status = code.stat()
            digest.update(f"{code.name} {status.st_size} {status.st_mtime_ns}\n".encode())
        for path in (package.parent / "specs", *extra):
            digest.update(f"{path}\n".encode("utf-8", "surrogateescape"))
            for file in _files(path):
                data = file.read_bytes()
                digest.update(f"{file.name} {len(data)}\n".encode("utf-8", "surrogateescape"))
                digest.update(data)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()[:32]


def _files(path: Path) -> list[Path]:
    """The spec files at `path`, in a fixed order."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))


def _write(file: Path, data: bytes) -> None:
    """Store `data`, and drop what was stored longest ago."""
    write_kept(file, data)
    stored = sorted(file.parent.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in stored[KEPT:]:
        old.unlink(missing_ok=True)
