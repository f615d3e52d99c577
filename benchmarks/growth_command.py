"""How time and memory of the whole command grow with a source, or with their number: part of benchmarks.growth.

Each row is `kfuncgen lint` as users run it, in a process of its own, with headers compiled before and no report
kept. Time is processor time of it and its workers; memory is that of the largest of these processes.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import kfuncgen

HEAD = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";
int input, sink;

"""
_ACQUIRE = "\tp = bpf_task_from_pid({i});\n\tif (!p)\n\t\treturn 0;\n"
_RELEASE = "\tbpf_task_release(p);\n"


def _program(name: str, body: str, functions: str = "") -> str:
    head = f'{functions}SEC("syscall")\nint {name}(void *ctx)\n'
    return f"{head}{{\n\tstruct task_struct *p;\n\n{body}\treturn 0;\n}}\n\n"


def _held(body: str) -> str:
    return _program("held", _ACQUIRE.format(i=1) + body + _RELEASE)


def _branches(size: int) -> str:
    return _held("".join(f"\tif (p->pid & {1 << i % 30})\n\t\tsink += {i};\n" for i in range(size)))


def _functions(size: int) -> str:
    return "".join(_program(f"f{i}", _ACQUIRE.format(i=i) + _RELEASE) for i in range(size))


def _pairs(size: int) -> str:
    return _program("pairs", "".join(_ACQUIRE.format(i=i) + _RELEASE for i in range(size)))


def _cases(size: int) -> str:
    cases = "".join(f"\tcase {i}:\n\t\tsink += p->tgid;\n\t\tbreak;\n" for i in range(size))
    return _held(f"\tswitch (p->pid) {{\n{cases}\t}}\n")


def _otherwise(size: int) -> str:
    parts = "\telse ".join(f"if (p->pid == {i})\n\t\tsink += {i};\n" for i in range(size))
    return _held(f"\t{parts}")


def _chains(size: int) -> str:
    """Forty programs, each with a chain of its own."""
    text = ""
    for n in range(40):
        text += f"static int step{n}_0(struct task_struct *p)\n{{\n\treturn p->pid;\n}}\n\n"
        for i in range(1, size):
            text += f"static int step{n}_{i}(struct task_struct *p)\n"
            text += f"{{\n\treturn p->tgid == {i} ? 0 : step{n}_{i - 1}(p);\n}}\n\n"
        call = f"\tsink = step{n}_{size - 1}(p);\n"
        text += _program(f"held{n}", _ACQUIRE.format(i=n) + call + _RELEASE)
    return text


# What a process takes includes what the one had that started it (Linux counts through exec): this one is small.
_MEASURED = """\
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """What grows: its name, the sizes to try, the text of a source of that size; `files`: as many sources."""

    name: str
    sizes: tuple[int, ...]
    text: Callable[[int], str]
    files: bool = False


SCALES = (
    Scale("branches", (100, 400, 1600, 6400), _branches),
    Scale("functions", (50, 200, 800, 3200), _functions),
    Scale("pairs of calls", (50, 200, 800, 3200), _pairs),
    Scale("cases of a switch", (50, 200, 800, 3200, 12_800), _cases),
    Scale("else if", (50, 200, 800), _otherwise),
    Scale("depth of calls", (2, 4, 8, 15), _chains),
    Scale("files", (5, 20, 80), lambda size: _functions(20) + f"int number_{size};\n", files=True),
)


@dataclass(frozen=True, slots=True)
class Grown:
    """One command: its seconds without those of an empty source, and megabytes."""

    scale: str
    size: int
    seconds: float
    megabytes: int
    clean: bool


def measure(scales: Sequence[Scale] = SCALES, largest: int = 10**6) -> Iterator[Grown]:
    """Run the command for every scale at every size up to `largest`."""
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        for number in range(3):  # the first ones unpack and compile headers
            _lint(folder, [f"{HEAD}int empty{number};\n"])
        nothing = _lint(folder, [f"{HEAD}int empty;\n"])[0]
        for scale in scales:
            for size in (size for size in scale.sizes if size <= largest):
                texts = [scale.text(number) for number in range(size)] if scale.files else [scale.text(size)]
                seconds, megabytes, clean = _lint(folder, [HEAD + text for text in texts])
                yield Grown(scale.name, size, round(max(seconds - nothing, 0.001), 3), megabytes, clean)


def _lint(folder: Path, texts: Sequence[str]) -> tuple[float, int, bool]:
    """(processor seconds, megabytes of the largest process, whether nothing was found) of linting these texts."""
    for old in folder.glob("*.bpf.c"):
        old.unlink()
    for number, text in enumerate(texts):
        (folder / f"s{number}.bpf.c").write_text(text)
    command = [sys.executable, "-P", "-m", "kfuncgen", "lint", "--jobs", "1", "."]
    search = str(Path(kfuncgen.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    status, seconds, kilobytes = run.stderr.splitlines()[-1].split()
    return float(seconds), int(kilobytes) >> 10, status == "0" and "no findings" in run.stdout


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """x of the power N^x that fits (N, seconds) best: the slope of their logarithms (least squares)."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points]
    middle_x = sum(x for x, _ in logs) / len(logs)
    middle_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - middle_x) ** 2 for x, _ in logs)
    return sum((x - middle_x) * (y - middle_y) for x, y in logs) / spread if spread else 0.0


def table(rows: Sequence[Grown]) -> list[str]:
    """A line for each row, and what it grows with; last the largest memory."""
    lines = [f"{'the whole command':26} {'N':>5} {'seconds':>9} {'MB':>5}  grows with"]
    for row in rows:
        same = [(other.size, other.seconds) for other in rows if other.scale == row.scale]
        grows = f"N^{exponent(same):.2f}" if len(same) > 1 and row.size == max(size for size, _ in same) else ""
        wrong = "" if row.clean else "  WRONG: findings or failures"
        lines.append(f"{row.scale:26} {row.size:5} {row.seconds:9.3f} {row.megabytes:5}  {grows}{wrong}".rstrip())
    return [*lines, f"largest process: {max(row.megabytes for row in rows)} MB"] if rows else lines
