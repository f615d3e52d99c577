"""Snippets of C and their IR as text: what the tests of lowering share."""

from __future__ import annotations

import re
from pathlib import Path

from kfuncgen.lint import ir
from kfuncgen.lint.dump import dump
from kfuncgen.lint.lower import lower
from kfuncgen.lint.parse import parse

PRELUDE = """\
int x(int); int y(int); int z(int); int w(int, int); void done(int *);
struct s { int a, b; struct { int c, d; } in; union { int m; struct { int n; }; }; unsigned f : 3; };
"""
"""What every snippet may use; the body of the function begins in the line after."""


def module(source: str) -> ir.Module:
    """The IR of a whole source."""
    return lower(parse(Path("snippet.c"), ["-target", "bpf", "-Wno-everything"], source))


def function(body: str, params: str = "int a, int b, int c", before: str = "") -> ir.Function:
    """The IR of a function with that body."""
    head = f'{PRELUDE}{before}__attribute__((section("t"))) int f({params})'
    return module(f"{head} {{\n{body}\n}}\n").functions["f"]


def text(lowered: ir.Function) -> str:
    """The IR as text without the function's head, temporaries numbered by appearance."""
    names: dict[str, str] = {}
    body = dump(lowered).split("\n", 1)[1]
    return re.sub(r"%\d+", lambda m: names.setdefault(m[0], f"%{len(names) + 1}"), body)


def expected(indented: str) -> str:
    """The IR as the tests below write it: without their indentation."""
    lines = [line[4:] for line in indented.splitlines()[1:]]
    return "\n".join(lines).rstrip() + "\n"


def calls(lowered: ir.Function) -> list[ir.Call]:
    return [i for b in lowered.blocks for i in b.instructions if isinstance(i, ir.Call)]


def assert_lowers(body: str, wanted: str, params: str = "int a, int b, int c", before: str = "") -> None:
    lowered = function(body, params, before)
    assert text(lowered) == expected(wanted)
    assert lowered.opaque == []
