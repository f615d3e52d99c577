"""Headers for machines that have none: a kernel's vmlinux.h, small <bpf/*.h>, <linux/*.h> and compiler headers.

They come last in the search path (-idirafter), so that clang takes them only where the real ones are missing.
vmlinux.h (2.8 MB, made from a kernel's BTF) is kept compressed in the package and unpacked once into the user's
cache; everything else is used where it is installed. scripts/make_bundled_headers.py remakes what is machine-made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from kfuncgen.cachedir import TEMPORARY, cache_dir, checksum, drop_stale
from kfuncgen.diagnostic import UsageError

WITHOUT_PROTOTYPES = "-DBPF_NO_KFUNC_PROTOTYPES"
"""Leaves the kfunc prototypes out of vmlinux.h (bpftool's convention): for sources that declare kfuncs otherwise
than this kernel does, which clang calls conflicting types."""

DATA = Path(__file__).resolve().parent / "data"
_INCLUDE = DATA / "include"
_COMPRESSED = DATA / "vmlinux.h.xz"
_NAME = "vmlinux.h"
_CHECKSUM = "checksum"
_FOLDER = "headers-"
MAX_OTHERS = 3
"""Headers of other versions that are left in the cache: 3 MB each."""


_temporary: list[Path] = []
"""Folders of this process with an unpacked vmlinux.h."""


def fallback_include_args(args: Sequence[str] = ()) -> tuple[str, ...]:
    """Compiler arguments that put the bundled headers at the end of the search path, behind `args`.

    Unpacks vmlinux.h on first use: about 50 ms, once for each version of it; not where `args` name a folder that
    has one, which comes first. A cache that cannot be written is replaced by a temporary folder that goes with the
    process.
    """
    cache = cache_dir()
    folder = _place(cache) if cache is not None and _have_their_own(args) else _vmlinux_folder(cache)
    return ("-idirafter", str(folder), "-idirafter", str(_INCLUDE))


def _have_their_own(args: Sequence[str]) -> bool:
    for option, value in zip(args, (*args[1:], ""), strict=False):
        folder = value if option in ("-I", "-isystem") else option[2:] if option.startswith("-I") else ""
        if folder and Path(folder, _NAME).is_file():
            return True
    return False


def fallback_used(included: Iterable[str]) -> list[str]:
    """Which of the `included` files (paths as the compiler names them) are bundled ones: sorted short names."""
    bundled = str(_INCLUDE) + os.sep
    cache = cache_dir()
    unpacked = {str(folder / _NAME) for folder in (*_temporary, *([_place(cache)] if cache is not None else []))}
    found = set()
    for name in included:
        path = os.path.normpath(name)
        if path in unpacked:
            found.add(_NAME)
        elif path.startswith(bundled):
            found.add(path[len(bundled) :].replace(os.sep, "/"))
    return sorted(found)


def kernel_declares_struct(name: str) -> bool:
    """Whether the kernel that the bundled vmlinux.h was made from has a struct of that name."""
    return name in _kernel_structs()


def kernel_declarations() -> str:
    """The text of the bundled vmlinux.h: all types of the kernel that it was made from, then its kfuncs."""
    cache = cache_dir()
    if cache is not None:
        with contextlib.suppress(OSError):
            return (_cached(_compressed(), cache) / _NAME).read_text(encoding="utf-8")
    return _unpacked(_compressed()).decode("utf-8")


def kernel_declares_constant(name: str) -> bool:
    """Whether the bundled vmlinux.h has an enumerator of that name: macros are in no vmlinux.h."""
    return name in _kernel_constants()


@lru_cache(maxsize=1)
def _kernel_constants() -> frozenset[str]:
    return frozenset(re.findall(r"^\t([A-Z]\w+)(?: = [^;,]+)?,$", kernel_declarations(), re.MULTILINE))


@lru_cache(maxsize=1)
def _kernel_structs() -> frozenset[str]:
    """The tags of all structs in the bundled vmlinux.h (about 15 ms, once per process)."""
    return frozenset(re.findall(r"^struct (\w+) \{", kernel_declarations(), re.MULTILINE))


@lru_cache(maxsize=4)
def _vmlinux_folder(cache: Path | None) -> Path:
    """The folder with the unpacked vmlinux.h; UsageError when no place takes it."""
    compressed = _compressed()
    if cache is not None:
        with contextlib.suppress(OSError):
            return _cached(compressed, cache)
    import atexit
    import shutil
    import tempfile

    try:
        folder = Path(tempfile.mkdtemp(prefix="kfuncgen-headers-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _temporary.append(folder)
        _unpack(compressed, folder)
    except OSError as error:
        raise UsageError(f"there is no place for the bundled {_NAME} (3 MB): {error.strerror}") from None
    return folder


@lru_cache(maxsize=1)
def _compressed() -> bytes:
    return _COMPRESSED.read_bytes()


@lru_cache(maxsize=4)
def _place(cache: Path) -> Path:
    """Where the unpacked vmlinux.h is kept."""
    return cache / f"{_FOLDER}{hashlib.sha256(_compressed()).hexdigest()[:16]}"


def _cached(compressed: bytes, cache: Path) -> Path:
    """The unpacked folder in `cache`, made when it is not there; OSError when that is impossible."""
    folder = _place(cache)
    if _is_whole(folder):
        return folder
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    import shutil
    import tempfile

    staged = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{_FOLDER}", dir=cache))
    try:
        _unpack(compressed, staged)
        (staged / _CHECKSUM).write_text(str(checksum(staged / _NAME)), "ascii")
        # Whoever renames first wins; the folder is complete from the moment it has its name.
        with contextlib.suppress(OSError):
            staged.rename(folder)
        if staged.exists() and not _is_whole(folder):
            for name in (_NAME, _CHECKSUM):
                (staged / name).replace(folder / name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    if not _is_whole(folder):
        raise OSError("the cache took no folder")
    _drop_old(cache, folder)
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether the header is there, as it was written."""
    try:
        return int((folder / _CHECKSUM).read_text("ascii")) == checksum(folder / _NAME)
    except (OSError, ValueError):
        return False


def _drop_old(cache: Path, folder: Path) -> None:
    """Keep the folders that were unpacked last: other versions of kfuncgen have their own."""
    drop_stale(cache)
    with contextlib.suppress(OSError):
        import shutil

        others = [other for other in cache.glob(f"{_FOLDER}*") if other != folder]
        for old in sorted(others, key=lambda other: other.stat().st_mtime_ns, reverse=True)[MAX_OTHERS:]:
            shutil.rmtree(old, ignore_errors=True)


def _unpack(compressed: bytes, folder: Path) -> None:
    with (folder / _NAME).open("wb") as stream:
        stream.write(_unpacked(compressed))
        stream.flush()
        os.fsync(stream.fileno())


def _unpacked(compressed: bytes) -> bytes:
    import lzma

    return lzma.decompress(compressed)
