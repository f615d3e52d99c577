"""The folder where kfuncgen keeps what it can remake, and files in it that are whole or not there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_DIGEST = 32


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
    import tempfile

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(data).digest() + data)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
