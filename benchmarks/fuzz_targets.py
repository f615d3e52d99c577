"""The kinds of input that `python -m benchmarks.fuzz` makes: the examples, and what is asked about each."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks import grammar
from kfuncgen.config import load_config
from kfuncgen.diagnostic import FileFailure, KfuncgenError
from kfuncgen.lint import LintOptions
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


def made(examples: Sequence[bytes], target: str, number: int) -> bytes:
    """The input of that number."""
    chance = random.Random(f"{target} {number}")
    data = chance.choice(examples)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = changed(data, examples, chance)
    return data


def changed(data: bytes, examples: Sequence[bytes], chance: random.Random) -> bytes:
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

    def make(self, number: int) -> bytes:
        """The input of that number."""
        return made(self.examples, self.name, number)

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
    """BPF programs: the test programs, the examples of the rules' pages, and random programs of the grammar."""

    name, file = "source", "fuzz.bpf.c"

    def read(self) -> list[bytes]:
        specs = load_specs(())
        self._checker = Checker(LintOptions((specs.newest,), specs), Headers(self.folder / "cache", at_once=True))
        pages = [page.read_bytes() for page in sorted((ROOT / "lint" / "rules").glob("*.md"))]
        blocks = [block for page in pages for block in re.findall(rb"```c[^\n]*\n(.*?)```", page, re.DOTALL)]
        grown = [grammar.made(number).source.encode() for number in range(100)]
        return [file.read_bytes() for file in sorted((ROOT / "tests" / "cases").glob("*.c"))] + blocks + grown

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
            arg
            for before, arg in pairwise(("", *args))
            if arg.startswith("@") or (_REFUSED.match(arg) and before not in _BEFORE_A_NAME)
        ]
        return f"lets through {bad}" if bad else ""
