"""Finds clang and compiles one BPF source with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kfuncgen.diagnostic import Place, SourceError, UsageError

COMPILE_SECONDS = 120
"""A BPF source with vmlinux.h takes a third of a second; more than this is no compile."""
COMPILE_BYTES = 4 << 30
"""Address space of the compiler: a hundred megabytes are usual, and macros that double each other have no end."""
MAX_COMPILER_LINES = 100
_QUIET = ("-fno-color-diagnostics", "-fno-crash-diagnostics")
"""Plain text; and no copy of the source in /tmp when clang crashes."""
MAX_SOURCE_BYTES = 16 * 1024 * 1024


def find_clang() -> str:
    """KFUNCGEN_CLANG, else `clang`, else the newest `clang-N` of PATH; UsageError when there is none."""
    wanted = os.environ.get("KFUNCGEN_CLANG")
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise UsageError(f"KFUNCGEN_CLANG names '{wanted}', which is no program")
        return found
    found = shutil.which("clang") or _newest_versioned()
    if not found:
        raise UsageError("clang is needed to compile BPF sources; install it or name it in KFUNCGEN_CLANG")
    return found


def _newest_versioned() -> str | None:
    """The `clang-N` with the highest N in PATH."""
    best: tuple[int, str] | None = None
    for folder in os.get_exec_path():
        try:
            names = [entry.name for entry in os.scandir(folder or ".")]
        except OSError:
            continue
        for name in names:
            match = re.fullmatch(r"clang-(\d{1,3})", name)
            if match and shutil.which(name) and (best is None or int(match[1]) > best[0]):
                best = (int(match[1]), shutil.which(name) or name)
    return best[1] if best else None


def compile_bpf(source: Path, output: Path, args: Sequence[str], shown: str = "") -> None:
    """Compile `source` to the BPF object `output` with -O2 -g and `args` (flags.py, headers.py).

    SourceError with the compiler's own lines when it does not compile; UsageError when there is no compiler or
    no readable source. `shown` is the name for messages. Relative paths in `args` are relative to the current
    directory.
    """
    place = Place(shown or str(source))
    try:
        if not source.is_file():
            raise UsageError("is no file" if source.exists() else "does not exist", place)
        if source.stat().st_size > MAX_SOURCE_BYTES:
            raise UsageError(f"larger than {MAX_SOURCE_BYTES // 1024 // 1024} MiB", place)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place) from None
    # `./` keeps a source called `-x.c` from being an option
    name = str(source) if source.is_absolute() else f".{os.sep}{source}"
    command = [find_clang(), "-O2", "-g", *args, *_QUIET, "-c", name, "-o", str(output)]
    try:
        status, told = _run(command)
    except subprocess.TimeoutExpired:
        raise SourceError(f"does not compile within {COMPILE_SECONDS} s", place) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"clang cannot be run: {error}") from None
    if status or not output.is_file():  # clang that gets no memory may end with 0
        lines = told.decode("utf-8", "replace").splitlines()[:MAX_COMPILER_LINES]
        raise SourceError("does not compile", _first_error(lines) or place, tuple(lines))


def _run(command: Sequence[str]) -> tuple[int, bytes]:
    """The status of a compiler and what it said on standard error; its time and memory have bounds."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):  # Linux has it
            import resource

            resource.prlimit(process.pid, resource.RLIMIT_AS, (COMPILE_BYTES, COMPILE_BYTES))
        try:
            told = process.communicate(timeout=COMPILE_SECONDS)[1]
        except BaseException:
            process.kill()
            raise
    return process.returncode, told


def _first_error(lines: Sequence[str]) -> Place | None:
    """The place of the first error among the compiler's lines."""
    for line in lines:
        match = re.match(r"(.+?):(\d+):(\d+): (?:fatal )?error: ", line)
        if match:
            return Place(match[1], int(match[2]), int(match[3]))
    return None
