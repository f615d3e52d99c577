"""Specs ready to use: as `load.load_specs`, without reading YAML and C again.

Wheels bring the built-in specs in that form (`write_shipped`, which the build runs), and the cache has them for
checkouts, and together with users' own. A stored set is found by what it was made from: every byte of every spec
file, and of the code that reads them. So an edit is seen at once, and nothing is ever out of date. Whatever is
wrong with what is stored (no home, no right to write, damage), the specs are read from their files, silently.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kfuncgen import __version__
from kfuncgen.cachedir import cache_dir, drop_stale, read_kept, write_kept
from kfuncgen.spec.model import SpecSet

KEPT = 8
"""Stored sets: one for the built-in specs, one for each combination with users' own. A set has half a megabyte."""
MAX_BYTES = 64 << 20
MAX_FILE_BYTES = 1 << 20
"""Larger files are no specs (kfuncgen.spec.yamlsrc refuses them)."""
_PREFIX = "specs-"
_PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = _PACKAGE / "spec" / "builtin.specs"
"""A file that wheels bring: the key of what it holds, and the set."""

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


def write_shipped(file: Path) -> None:
    """Write the built-in specs as wheels bring them."""
    from kfuncgen.spec import load, store

    write_kept(file, _key((), store.layout()).encode("ascii") + store.encode(load.load_builtin()))


def _load(extra: Sequence[Path], key: str) -> SpecSet:
    from kfuncgen.spec import store

    folder = cache_dir()
    file = folder / f"{_PREFIX}{key}" if folder is not None and key else None
    data = _shipped(key) if key and not extra else None
    if data is None and file is not None:
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


def _shipped(key: str) -> bytes | None:
    """The set of that name which the installation brought; None when it has another, or none."""
    data = read_kept(SHIPPED, MAX_BYTES)
    if data is None or data[: len(key)] != key.encode("ascii"):
        return None
    return data[len(key) :]


def _key(extra: Sequence[Path], layout: str) -> str:
    """A name for the contents of all spec files and of the code; "" when one of them cannot be read.

    It is the same wherever the package is installed, but names the folders of users' own: places tell of them.
    """
    digest = hashlib.sha256(f"{__version__}\n{layout}\n".encode())
    try:
        for label, suffixes, path in (
            ("code", (".py",), _PACKAGE / "spec"),
            ("specs", (".yaml",), _PACKAGE / "specs"),
            *((str(path), (".yaml", ".yml"), path) for path in extra),
        ):
            digest.update(f"{label}\n".encode("utf-8", "surrogateescape"))
            for name, file in _files(path, suffixes):
                data = _content(file)
                digest.update(f"{name} {len(data)}\n".encode("utf-8", "surrogateescape"))
                digest.update(data)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()[:32]


def _files(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Names and paths of the files at `path` that end so, in a fixed order; of `path` itself if it is a file."""
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208 (of sixty files, at each start)
    except NotADirectoryError:
        yield path.name, str(path)
        return
    for name in names:
        if name.endswith(suffixes):
            yield name, f"{path}/{name}"


def _content(file: str) -> bytes:
    """The bytes of a file; OSError for what is no spec, which must not be waited for, nor read without end."""
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise OSError("no spec")
        return os.read(handle, MAX_FILE_BYTES)
    finally:
        os.close(handle)


def _write(file: Path, data: bytes) -> None:
    """Store `data`, and drop what was stored longest ago."""
    write_kept(file, data)
    stored = sorted(file.parent.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in stored[KEPT:]:
        old.unlink(missing_ok=True)
    drop_stale(file.parent)
