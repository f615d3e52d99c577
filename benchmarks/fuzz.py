"""`python -m benchmarks.fuzz`: inputs that nobody would write, and whether each is answered.

A case is made from the project's own examples by a target's name and a number alone, so that it can be made again:
`--target source --first 1234 --count 1`. An answer is a report or one error of the kind that users are told of;
anything else (an internal error, a crash, more than `--limit` seconds or 2 GB) is a problem, whose input is
written to `--keep DIR`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzz_files import Baselines, Commands, Templates
from benchmarks.fuzz_lsp import Messages
from benchmarks.fuzz_targets import Configs, Databases, Sources, Specs, Target
from kfuncgen.lint import processes

TARGETS: tuple[type[Target], ...] = (
    *(Sources, Specs, Configs, Databases),
    *(Baselines, Templates, Commands, Messages),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A case without an answer."""

    target: str
    number: int
    what: str
    data: bytes


def problems(target: Target, numbers: Sequence[int], limit: float, jobs: int = 1) -> Iterator[Problem]:
    """Ask about the cases of these numbers, each in a process that may break."""

    def ask(number: int) -> str:
        try:
            return target.ask(target.make(number))
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    for number, answer in processes.answers(numbers, ask, jobs, limit):
        if answer:
            yield Problem(target.name, number, str(answer), target.make(number))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the targets in turn, for as long as asked; 1 when there was a problem."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.split("\n\n")[0])
    names = [target.name for target in TARGETS]
    parser.add_argument("--target", choices=names, action="append", help="only this one (may be repeated)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first case (0)")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="cases of each (default: by time)")
    parser.add_argument("--seconds", type=float, default=60, metavar="S", help="time for each target (60)")
    parser.add_argument("--limit", type=float, default=20, metavar="S", help="time for one case (20)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the input of each problem there")
    chosen = parser.parse_args(argv)
    found: list[Problem] = []
    for kind in TARGETS:
        if chosen.target and kind.name not in chosen.target:
            continue
        with tempfile.TemporaryDirectory(prefix="kfuncgen-fuzz-") as folder:
            target = kind(Path(folder))
            begun, first, asked = time.monotonic(), chosen.first, 0
            while asked < chosen.count if chosen.count else time.monotonic() - begun < chosen.seconds:
                size = min(200, chosen.count - asked) if chosen.count else 200
                for problem in problems(target, range(first, first + size), chosen.limit):
                    found.append(problem)
                    print(f"{problem.target} {problem.number}: {problem.what[:300]}", flush=True)
                    if chosen.keep is not None:
                        chosen.keep.mkdir(parents=True, exist_ok=True)
                        (chosen.keep / f"{problem.target}-{problem.number}{Path(kind.file).suffix}").write_bytes(
                            problem.data
                        )
                first, asked = first + size, asked + size
            print(f"{kind.name}: {asked} cases in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{len(found)} problems")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
