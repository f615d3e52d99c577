"""`python -m benchmarks.growth`: how the linter's time grows with a function, and whether its answer stays right.

Each program holds a task's reference over a stretch of N parts (branches, loops, ...) and gives it back; its twin
loses it on one way out in the middle. The first must be clean, the second must have exactly one error there.
A second table is about the whole command (benchmarks.growth_command).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import growth_command
from kfuncgen.diagnostic import KfuncgenError, Severity
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
from kfuncgen.toolchain.headers import DATA
from kfuncgen.verify import verify_files

_HEAD = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";
int input, sink;
"""
_LOST = "\tif (input == 77)\n\t\treturn 0; /* lost */\n"
_RULE = "unreleased-reference"

Body = Callable[[int], list[str]]
"""N -> the parts between acquire and release, one text each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of program: what it consists of, the sizes to try, its parts, what stands before and behind them."""

    name: str
    sizes: tuple[int, ...]
    parts: Body
    before: Callable[[int], str] = lambda size: ""
    functions: Callable[[int], str] = lambda size: ""
    behind: Callable[[int], str] = lambda size: ""


def _branches(size: int) -> list[str]:
    return [f"\tif (input & {1 << i % 30})\n\t\tsink += {i};\n" for i in range(size)]


def _loops(size: int) -> list[str]:
    return [f"\tfor (int i = 0; i < (input & 7); i++)\n\t\tsink += i * {n + 1};\n" for n in range(size)]


def _set_locals(size: int) -> list[str]:
    return [f"\tif (input & {1 << i % 30})\n\t\tv{i} = input + {i};\n" for i in range(size)]


def _declare(size: int) -> str:
    return "".join(f"\tint v{i} = {i};\n" for i in range(size))


def _use(size: int) -> str:
    return "".join(f"\tsink += v{i};\n" for i in range(size))


def _pointers(size: int) -> list[str]:
    return [f"\tif (input & {1 << i % 30})\n\t\tq{i} = p;\n" for i in range(size)]


def _calls(size: int) -> list[str]:
    return [f"\tsink += step{i}(p);\n" for i in range(size)]


def _steps(size: int) -> str:
    text = "static __always_inline int step{i}(struct task_struct *p)\n{{\n\treturn p->pid == {i} ? 1 : 2;\n}}\n\n"
    return "".join(text.format(i=i) for i in range(size))


def _chain(size: int) -> str:
    text = "static __always_inline int step0(struct task_struct *p)\n{\n\treturn p->pid;\n}\n\n"
    for i in range(1, size):
        text += (
            f"static __always_inline int step{i}(struct task_struct *p)\n{{\n"
            f"\tif (input == {i})\n\t\tsink += {i};\n\treturn step{i - 1}(p);\n}}\n\n"
        )
    return text


SHAPES = (
    Shape("branches", (10, 100, 1000), _branches),
    Shape("loops", (10, 100, 1000), _loops),
    Shape("locals set in branches", (10, 100), _set_locals, before=_declare, behind=_use),
    Shape(
        "pointers set in branches",
        (10, 100),
        _pointers,
        before=lambda size: "".join(f"\tstruct task_struct *q{i} = 0;\n" for i in range(size)),
        behind=lambda size: "".join(f"\tif (q{i})\n\t\tsink += {i};\n" for i in range(size)),
    ),
    Shape("calls in sequence", (10, 100, 1000), _calls, functions=_steps),
    Shape("chain of calls", (10, 100), lambda size: [f"\tsink += step{size - 1}(p);\n"], functions=_chain),
)


def program(shape: Shape, size: int, lost: bool) -> str:
    """The C source of one program."""
    parts = shape.parts(size)
    if lost:
        parts.insert((len(parts) + 1) // 2, _LOST)
    return (
        f"{_HEAD}\n{shape.functions(size)}"
        'SEC("syscall")\nint held(void *ctx)\n{\n\tstruct task_struct *p;\n'
        f"{shape.before(size)}\n\tp = bpf_task_from_pid(input);\n\tif (!p)\n\t\treturn 0;\n"
        f"{''.join(parts)}{shape.behind(size)}\tbpf_task_release(p);\n\treturn 0;\n}}\n"
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """One program: seconds of linting without those of an empty one, and whether the answer is right."""

    shape: str
    size: int
    lost: bool
    seconds: float
    right: bool
    answer: str
    notes: tuple[str, ...]
    kernel: str = ""
    """The running kernel's verdict, where it was asked."""


def lint(file: Path, rounds: int) -> tuple[float, str, bool, tuple[str, ...]]:
    """(best CPU seconds, errors in words, whether it is exactly the expected leak, notes) of a file."""
    specs = load_builtin()
    best = 0.0
    for number in range(rounds):
        start = time.process_time()
        result = check_paths([file], LintOptions((specs.newest,), specs, clang_args=()))
        spent = time.process_time() - start
        best = spent if not number else min(best, spent)
    errors = [f for f in result.report.findings if f.severity is Severity.ERROR]
    lines = file.read_text().splitlines()
    where = next((number for number, line in enumerate(lines, 1) if line.endswith("/* lost */")), 0)
    told = [*(f"{f.rule} in line {f.span.line}" for f in errors), *(f.error for f in result.failures)]
    leak = len(errors) == 1 and (errors[0].rule, errors[0].span.line) == (_RULE, where)
    notes = tuple(sorted({n.message for n in result.report.notes if n.kind == "incomplete"}))
    return best, ", ".join(told) or "clean", leak, notes


def measure(shapes: Iterable[Shape], rounds: int, kernel: bool) -> Iterable[Measured]:
    """Measure every shape at every size, correct and with the lost reference."""
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        file = Path(folder) / "held.bpf.c"
        file.write_text(program(Shape("", (), lambda size: []), 0, False))
        lint(file, 1)  # imports, specs and headers are loaded once
        nothing = lint(file, rounds)[0]
        for shape in shapes:
            for size in shape.sizes:
                for lost in (False, True):
                    file.write_text(program(shape, size, lost))
                    seconds, answer, leak, notes = lint(file, rounds)
                    right = leak if lost else answer == "clean"
                    told = _ask(file) if kernel else ""
                    yield Measured(
                        shape.name, size, lost, round(max(seconds - nothing, 0.0), 3), right, answer, notes, told
                    )


def _ask(file: Path) -> str:
    """What the running kernel says of the one program in `file`."""
    try:
        (said,) = verify_files([file], compile_args=("-isystem", str(DATA / "include")))
    except KfuncgenError as error:
        return f"none: {error.message}"
    return said.verdict if said.verdict == "accepted" else f"{said.verdict}: {said.message}"


def table(rows: Sequence[Measured]) -> list[str]:
    """The report: a line for each size, with the factor by which time grew against the size before."""
    lines = [f"{'program':26} {'N':>5} {'seconds':>9} {'growth':>7} {'lost: s':>9} {'growth':>7}  answers"]
    before: dict[tuple[str, bool], float] = {}
    by_key = {(r.shape, r.size, r.lost): r for r in rows}
    for row in rows:
        if row.lost:
            continue
        twin = by_key[row.shape, row.size, True]
        told = []
        for one in (row, twin):
            last = before.get((one.shape, one.lost))
            told.append(f"{one.seconds:9.3f} {f'x{one.seconds / last:.1f}' if last else '':>7}")
            before[one.shape, one.lost] = one.seconds
        answers = "right" if row.right and twin.right else f"WRONG: {row.answer}; lost: {twin.answer}"
        kernel = f"  kernel: {row.kernel}; lost: {twin.kernel}" if row.kernel else ""
        lines.append(f"{row.shape:26} {row.size:5} {told[0]} {told[1]}  {answers}{kernel}")
        lines += [f"{'':32} note: {note}" for note in sorted({*row.notes, *twin.notes})]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="take the best of N (default: 1)")
    parser.add_argument("--largest", type=int, metavar="N", help="skip larger sizes")
    parser.add_argument("--kernel", action="store_true", help="ask the running kernel too (needs root)")
    parser.add_argument("--command", action="store_true", help="only the whole command: time, memory, growth")
    options = parser.parse_args(arguments)
    largest = options.largest or 10**6
    shapes = [
        Shape(s.name, tuple(n for n in s.sizes if n <= largest), s.parts, s.before, s.functions, s.behind)
        for s in SHAPES
    ]
    rows = list(measure(shapes, options.rounds, options.kernel)) if not options.command else []
    if rows:
        print("\n".join([*table(rows), ""]))
    commands = list(growth_command.measure(largest=largest))
    print("\n".join(growth_command.table(commands)))
    if options.json is not None:
        both = {"functions": [asdict(r) for r in rows], "commands": [asdict(r) for r in commands]}
        options.json.write_text(json.dumps(both, indent=1) + "\n")
    return 0 if all(r.right for r in rows) and all(r.clean for r in commands) else 1


if __name__ == "__main__":
    sys.exit(main())
