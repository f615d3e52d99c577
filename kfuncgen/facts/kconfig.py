"""The configuration of the running kernel, as far as specs name its options."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 4 << 20
"""A distribution's configuration has 300 KB."""


def running_config(options: Iterable[str]) -> dict[str, str] | None:
    """`y`, `m`, `n` or a value for each of `options`; None when the kernel's configuration is not to be had.

    Read from /proc/config.gz (CONFIG_IKCONFIG_PROC), else where distributions keep it.
    """
    text = _text()
    if text is None:
        return None
    values = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.MULTILINE))
    return {option: values.get(option, "n")[:100] for option in sorted(set(options))}


def _text() -> str | None:
    try:
        with gzip.open("/proc/config.gz") as stream:
            return stream.read(MAX_BYTES).decode("utf-8", "replace")
    except (OSError, EOFError):
        pass
    release = os.uname().release
    for name in (f"/boot/config-{release}", f"/lib/modules/{release}/config", f"/lib/kernel/config-{release}"):
        try:
            with Path(name).open("rb") as stream:
                return stream.read(MAX_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
    return None
