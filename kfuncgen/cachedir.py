"""The folder where kfuncgen keeps what it can remake, and files in it that are whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import zlib
from pathlib import Path

_DIGEST = 32
_STALE_SECONDS = 3600
_CHUNK = 1 << 18


TEMPORARY = "."
"""How names of what is being written begin."""


def cache_dir() -> Path | None:
    """Where kfuncgen keeps what it can remake: $XDG_CACHE_HOME/kfuncgen, else ~/.cache/kfuncgen; None without a
    home (a shared folder such as /tmp is no place for it: others could have put files there first), and when its
    name is not UTF-8 (libclang opens no such file)."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # the specification says to ignore a relative one
        base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
        str(base).encode()
    except (RuntimeError, UnicodeEncodeError):
        return None
    return base / "kfuncgen"


def read_kept(file: Path, limit: int) -> bytes | None:
    """What `write_kept` was given, up to `limit` bytes; None when there is nothing, or it was damaged."""
    try:
        with file.open("rb") as stream:
            digest, data = stream.read(_DIGEST), stream.read(limit)
    except OSError:
        return None
    return data if hashlib.sha256(data).digest() == digest else None


def write_kept(file: Path, data: bytes) -> None:
    """Keep `data` in `file`, at once or not at all; OSError when that is impossible."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A name of tempfile's would do, but it takes 5 ms to import, with all that it imports.
    new = file.with_name(f"{TEMPORARY}{file.name[:64]}-{os.getpid():x}-{time.time_ns():x}")
    try:
        with open(new, "xb", opener=_privately) as stream:
            stream.write(hashlib.sha256(data).digest() + data)
        new.replace(file)
    except FileExistsError:
        raise
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _privately(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def drop_stale(folder: Path) -> None:
    """Remove from `folder` what was being written when its writer was killed. One that is an hour old is not at it
    any more; nor one of a time to come, which a clock gave that was wrong."""
    now = time.time()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY) and is_stale(entry, now):
                if entry.is_dir(follow_symlinks=False):
                    import shutil

                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


def is_stale(file: os.DirEntry[str] | Path, now: float) -> bool:
    """Whether a file was last written more than an hour before `now` (time.time()), or after it."""
    return abs(now - file.stat(follow_symlinks=False).st_mtime) > _STALE_SECONDS


def checksum(file: str | Path) -> int:
    """A number that tells a damaged file from a whole one: 14 MB take 5 ms. OSError when it cannot be read."""
    value, buffer = 0, bytearray(_CHUNK)
    view = memoryview(buffer)
    with Path(file).open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            value = zlib.crc32(view[:count], value)
    return value
