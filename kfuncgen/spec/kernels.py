"""Which kernels a program must load on: the argument of `--kernel`.

In: the text of the user and the specs (for the newest kernel that they know). Out: kernel releases, oldest first.
Accepted, alone or as a comma list: `6.12`, `>=6.8` (to the newest known), `<=6.12` (from the first with kfuncs),
`6.6..6.18`, `live`, and the path of a kept probe file.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from kfuncgen.diagnostic import UsageError
from kfuncgen.spec.kernelfacts import read_facts
from kfuncgen.spec.model import Kernel, SpecSet

LAST_MINOR = {3: 19, 4: 20, 5: 19, 6: 19}
"""The last release of each finished series."""
FIRST = Kernel(5, 13)
"""The first kernel whose BPF programs could call kernel functions."""

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
    if _names_probe(part):
        return (read_facts(Path(part)).kernel,)
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


def probe_files(text: str) -> tuple[Path, ...]:
    """The probe files among the kernels that `text` names."""
    return tuple(Path(part) for part in map(str.strip, text.split(",")) if _names_probe(part))


def _names_probe(part: str) -> bool:
    if part == "live" or re.fullmatch(r"(>=|<=).*|v?\d+\.\d+|[^./\s]+\.[^./\s]+\.\.[^./\s]+\.[^./\s]+", part):
        return False
    return "/" in part or part.endswith(".json") or _is_file(part)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
