"""The folder where kfuncgen keeps what it can remake."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path | None:
    """Where kfuncgen keeps what it can remake: $XDG_CACHE_HOME/kfuncgen, else ~/.cache/kfuncgen; None without a
    home (a shared folder such as /tmp is no place for it: others could have put files there first)."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if Path(configured).is_absolute():  # the specification says to ignore a relative one
        return Path(configured) / "kfuncgen"
    try:
        return Path.home() / ".cache" / "kfuncgen"
    except RuntimeError:
        return None
