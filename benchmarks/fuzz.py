"""`python -m benchmarks.fuzz`: inputs that nobody would write, and whether each is answered.

A case is made from the project's own examples by a target's name and a number alone, so that it can be made again:
`--target source --first 1234 --count 1`. An answer is a report or one error of the kind that users are told of;
anything else (an internal error, a crash, more than `--limit` seconds or 2 GB) is a problem, whose input is
written to `--keep DIR`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kfuncgen.config import load_config
from kfuncgen.diagnostic import FileFailure, KfuncgenError
from kfuncgen.lint import LintOptions, processes
from kfuncgen.lint.batch import Checker
from kfuncgen.lint.parse_headers import Headers
from kfuncgen.settings import lint_options
from kfuncgen.spec.cached import load_specs
from kfuncgen.spec.load import load_specs as load_files
from kfuncgen.toolchain.flags import find_flags

ROOT = Path(__file__).parents[1]
_TOKEN = re.compile(rb"\w+|\s+|[^\w\s]")
_ODD = (
    *(b"", b"\0", b"\xff\xfe", b"\x1b[31m", "\u202e".encode(), b"((((((((((", b"{", b"}", b"[", b"]", b'"', b"'"),
    *(b"/*", b"*/", b"//", b"\\\n", b"#", b"#include ", b"#define X X\n", b"0x", b"-1", b"18446744073709551616"),
    *(b"*", b"&", b"sizeof", b"NULL", b"return ", b"goto x;", b"while (1) ", b"switch (0) case 0:", b"?:", b"..."),
    *(
        b"struct { int a; }",
        b"__attribute__((cleanup(f)))",
        b"a" * 5000,
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"\n",
        b"\t",
    ),
    *(b"!!python/object:x ", b"\r\n", b"@x", b"-fplugin=x.so", b"`id`", b"../" * 40),
)
_REFUSED = re.compile(r"-fplugin|-load|-Xclang|-o|@|-B|-specs|-fpass-plugin|-MF|-wrapper|-E$|-S$")
_BEFORE_A_NAME = ("-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-I", "-D", "-U")


@dataclass(frozen=True, slots=True)
class Problem:
    """A case without an answer."""

    target: str
    number: int
    what: str
    data: bytes


class Target:
    """One kind of input: the examples it is made from, and what is asked about it."""

    name = ""
    file = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.examples = self.read()

    def read(self) -> list[bytes]:
        """The examples."""
        raise NotImplementedError

    def ask(self, data: bytes) -> str:
        """What is wrong with the answer, "" when nothing is."""
        path = self.folder / self.file
        path.write_bytes(data)
        try:
            return self.answer(path)
        except KfuncgenError as error:
            text = str(error)
            return "" if text and "\n" not in text else f"not one line: {text!r}"

    def answer(self, path: Path) -> str:
        """As `ask`, of a file with the data; KfuncgenError where the data is refused."""
        raise NotImplementedError


class Sources(Target):
    """BPF programs: the test programs, and the examples of the rules' pages."""

    name, file = "source", "fuzz.bpf.c"

    def read(self) -> list[bytes]:
        specs = load_specs(())
        self._checker = Checker(LintOptions((specs.newest,), specs), Headers(self.folder / "cache", at_once=True))
        pages = [page.read_bytes() for page in sorted((ROOT / "lint" / "rules").glob("*.md"))]
        blocks = [block for page in pages for block in re.findall(rb"```c[^\n]*\n(.*?)```", page, re.DOTALL)]
        return [file.read_bytes() for file in sorted((ROOT / "tests" / "cases").glob("*.c"))] + blocks

    def answer(self, path: Path) -> str:
        result = self._checker.check(path)
        if not isinstance(result, FileFailure):
            return ""
        return result.error if re.search("internal error|out of memory", result.error) else ""


class Specs(Target):
    """Spec files."""

    name, file = "spec", "fuzz.yaml"

    def read(self) -> list[bytes]:
        return [file.read_bytes()[:6000] for file in sorted((ROOT / "specs").glob("*.yaml"))]

    def answer(self, path: Path) -> str:
        load_files((path,))
        return ""


class Configs(Target):
    """Configurations."""

    name, file = "config", "kfuncgen.toml"

    def read(self) -> list[bytes]:
        blocks = re.findall(rb"```toml\n(.*?)```", (ROOT / "README.md").read_bytes(), re.DOTALL)
        return [
            *blocks,
            b'kernels = ">=6.8"\nselect = ["unchecked-null"]\nper-file-ignores = {"a*" = ["unchecked-null"]}\n',
        ]

    def answer(self, path: Path) -> str:
        lint_options(load_config(path))
        return ""


class Databases(Target):
    """Compile databases: nothing of them may load code, write files or run programs."""

    name, file = "database", "compile_commands.json"

    def read(self) -> list[bytes]:
        asked = (
            ("clang", "-Iinclude", "-DX=1", "-O2", "-c", "a.bpf.c"),
            ("clang", "-I", "include", "-fplugin=x.so", "@x", "-Xclang", "-load", "-o", "/x", "a.bpf.c"),
            ("gcc", "-isystem", "x", "-include", "y.h", "-B.", "-specs=z", "-MF", "d", "a.bpf.c"),
        )
        entry = {"directory": ".", "file": "a.bpf.c"}
        lists = [[entry | {"arguments": words}] for words in asked]
        texts = [[entry | {"command": " ".join(words)} for words in asked]]
        return [json.dumps(database).encode() for database in (*lists, *texts)]

    def answer(self, path: Path) -> str:
        args = find_flags(path.parent / "a.bpf.c").args
        bad = [
            arg for before, arg in pairwise(("", *args)) if _REFUSED.match(arg) and before not in _BEFORE_A_NAME
        ]
        return f"lets through {bad}" if bad else ""


TARGETS: tuple[type[Target], ...] = (Sources, Specs, Configs, Databases)


def made(examples: Sequence[bytes], target: str, number: int) -> bytes:
    """The input of that number."""
    chance = random.Random(f"{target} {number}")
    data = chance.choice(examples)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = _changed(data, examples, chance)
    return data


def _changed(data: bytes, examples: Sequence[bytes], chance: random.Random) -> bytes:
    how = chance.randrange(8)
    if how == 0 and data:
        at = chance.randrange(len(data))
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if how == 1 and data:
        at = chance.randrange(len(data))
        return data[:at] + data[at + chance.randrange(1, 40) :]
    if how == 2:
        return data[: chance.randrange(len(data) + 1)]
    if how in (3, 4):
        tokens = _TOKEN.findall(data)
        at = chance.randrange(len(tokens) + 1)
        tokens[at : at + chance.randrange(3)] = [chance.choice(_ODD)]
        return b"".join(tokens)
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    if how == 5:
        del lines[at]
    elif how == 6:
        lines.insert(at, lines[other])
    else:
        more = chance.choice(examples).splitlines(keepends=True)
        lines.insert(at, chance.choice(more) if more else b"\n")
    return b"".join(lines)


def problems(target: Target, numbers: Sequence[int], limit: float, jobs: int = 1) -> Iterator[Problem]:
    """Ask about the cases of these numbers, each in a process that may break."""

    def ask(number: int) -> str:
        try:
            return target.ask(made(target.examples, target.name, number))
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    for number, answer in processes.answers(numbers, ask, jobs, limit):
        if answer:
            yield Problem(target.name, number, str(answer), made(target.examples, target.name, number))


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
