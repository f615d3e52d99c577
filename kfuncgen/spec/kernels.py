"""Which kernels a program must load on: the argument of `--kernel`.

In: the text of the user and the specs (for the newest kernel that they know). Out: kernel releases, oldest first.
Accepted, alone or as a comma list: `6.12`, `>=6.8` (to the newest known), `<=6.12` (from the first with kfuncs),
`6.6..6.18`, `live`, and the path of a kept probe file.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.spec.model import Kernel, SpecSet

LAST_MINOR = {3: 19, 4: 20, 5: 19, 6: 19}
"""The last release of each finished series."""
FIRST = Kernel(5, 13)
"""The first kernel whose BPF programs could call kernel functions."""
MAX_PROBE_BYTES = 8 << 20
"""A probe of 6.18 has about 40 KB."""

EXPECTED = "expected for example 6.12, >=6.8, 6.6..6.18, live, or the path of a probe file"


def parse_targets(text: str, specs: SpecSet) -> tuple[Kernel, ...]:
    """The kernels that `text` names, oldest first, without repetition.

    UsageError when a part is none of the accepted forms, names a kernel that never was, or a range is empty.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"'{_short(text)}' names no kernel between its commas; {EXPECTED}")
    if len(parts) > 50:
        raise UsageError(f"{len(parts)} kernels are named, expected at most 50")
    return tuple(sorted({kernel for part in parts for kernel in _part(part, specs.newest)}))


def _part(part: str, newest: Kernel) -> tuple[Kernel, ...]:
    if part == "live":
        return (live_kernel(),)
    if match := re.fullmatch(r"(>=|<=)\s*(\S+)", part):
        bound = _release(match[2])
        return _range(bound, max(bound, newest), part) if match[1] == ">=" else _range(FIRST, bound, part)
    if match := re.fullmatch(r"([^./\s]+\.[^./\s]+)\.\.([^./\s]+\.[^./\s]+)", part):
        return _range(_release(match[1]), _release(match[2]), part)
    if re.fullmatch(r"v?\d+\.\d+", part):
        return (_release(part),)
    if "/" in part or part.endswith(".json") or _is_file(part):
        return (_probe_kernel(Path(part)),)
    raise UsageError(f"'{_short(part)}' is no kernel; {EXPECTED}")


def _is_file(text: str) -> bool:
    """Whether `text` names a file; no text is too long or too strange to ask."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def live_kernel() -> Kernel:
    """The release of the running kernel; UsageError elsewhere than on Linux."""
    if sys.platform != "linux":
        raise UsageError("--kernel live needs Linux, this is another system")
    release = os.uname().release
    try:
        return Kernel.parse(release)
    except ValueError:
        raise UsageError(f"the release '{_short(release)}' of the running kernel is no version") from None


def _release(text: str) -> Kernel:
    """A release that exists, or may exist later in the unfinished series."""
    if not re.fullmatch(r"v?\d{1,3}\.\d{1,3}", text):
        raise UsageError(f"'{_short(text)}' is no kernel version; {EXPECTED}")
    kernel = Kernel.parse(text)
    last = LAST_MINOR.get(kernel.major)
    if kernel.major < min(LAST_MINOR) or kernel.minor > (99 if last is None else last):
        known = f"the last of its series is {kernel.major}.{last}" if last is not None else EXPECTED
        raise UsageError(f"there is no kernel {kernel}; {known}")
    return kernel


def _range(first: Kernel, last: Kernel, part: str) -> tuple[Kernel, ...]:
    """Every release from `first` to `last`, both included."""
    if last < first:
        raise UsageError(f"the range '{_short(part)}' is empty: {last} is older than {first}")
    if last.major - first.major > len(LAST_MINOR):
        raise UsageError(f"the range '{_short(part)}' ends in a kernel that is not known")
    kernels = []
    kernel = first
    while kernel <= last:
        kernels.append(kernel)
        finished = kernel.minor >= LAST_MINOR.get(kernel.major, 99)
        kernel = Kernel(kernel.major + 1, 0) if finished else Kernel(kernel.major, kernel.minor + 1)
    return tuple(kernels)


def _probe_kernel(path: Path) -> Kernel:
    """The release that a probe file was taken on: JSON with "kernel" and "kfuncs"."""
    place = Place(_short(str(path)))
    expected = 'expected a probe file: JSON with "kernel" (a release) and "kfuncs" (flags and hooks by name)'
    try:
        if not _is_file(str(path)):
            raise UsageError(f"no such probe file; {EXPECTED}", place)
        with path.open("rb") as stream:
            data = stream.read(MAX_PROBE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the probe file: {error.strerror}", place) from None
    if len(data) > MAX_PROBE_BYTES:
        raise UsageError(f"the probe file is too large, expected at most {MAX_PROBE_BYTES} bytes", place)
    try:
        probe = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"not JSON; {expected}", place) from None
    release = probe.get("kernel") if isinstance(probe, dict) else None
    if not isinstance(release, str) or not isinstance(probe.get("kfuncs"), dict):
        raise UsageError(expected, place)
    try:
        return Kernel.parse(release)
    except ValueError:
        raise UsageError(f"the kernel '{_short(release)}' is no version; {expected}", place) from None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
