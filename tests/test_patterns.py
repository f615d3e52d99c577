"""Patterns of files: what of .gitignore they share, and what is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kfuncgen.patterns import PathPattern, problem


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a.c", ("a.c", "src/a.c", "a.c/b"), ("b/xa.c", "a.cc")),
        ("*.c", ("a.c", "x/y/b.c"), ("a.h", "x/c")),
        ("old", ("old/a.c", "src/old/deep/b.c"), ("older/a.c",)),
        ("old/", ("old/a.c", "src/old/b.c"), ("bold/a.c",)),
        ("/old", ("old/a.c",), ("src/old/a.c",)),
        ("src/*.c", ("src/a.c",), ("src/deep/a.c", "x/src/a.c")),
        ("src/**/a.c", ("src/a.c", "src/x/y/a.c"), ("a.c", "x/src/a.c")),
        ("**/gen/*.c", ("gen/a.c", "x/y/gen/a.c"), ("gen/x/a.c",)),
        ("src/**", ("src/a.c", "src/x/y.c"), ("a.c",)),
        ("[ab]?.c", ("a1.c", "x/b2.c"), ("c1.c", "a.c")),
        ("{a}.c", ("{a}.c",), ("a.c",)),
    ],
)
def test_patterns(pattern: str, matching: tuple[str, ...], others: tuple[str, ...], tmp_path: Path) -> None:
    one = PathPattern(pattern, tmp_path.resolve())
    assert [name for name in (*matching, *others) if one.matches(tmp_path / name)] == list(matching)
    assert not one.matches(tmp_path.parent / matching[0])


def test_a_folder_is_matched_itself_or_by_what_is_in_it(tmp_path: Path) -> None:
    one = PathPattern("old", tmp_path.resolve())
    assert one.matches_itself(tmp_path / "src/old")
    assert not one.matches_itself(tmp_path / "src/old/a.c")
    assert not one.matches_itself(tmp_path)


def test_paths_are_those_of_the_user(folder: Path) -> None:
    Path("real").mkdir()
    Path("link").symlink_to("real")
    Path("a.c").symlink_to("real/b.c")
    one = PathPattern("real/*.c", folder.resolve())
    assert one.matches("real/../real/x.c") and one.matches("link/x.c")
    assert not one.matches("a.c")


@pytest.mark.parametrize("text", ["", "/", "!a", "../a", "a/./b", "a//b", "/".join("a" * 65)])
def test_what_is_no_pattern(text: str) -> None:
    assert problem(text)
    assert not problem("a/b")


def test_no_pattern_takes_long(tmp_path: Path) -> None:
    start = time.monotonic()
    name = "a" * 200
    assert not PathPattern("*a" * 100 + "b", tmp_path.resolve()).matches(tmp_path / name)
    assert not PathPattern("/".join(["**", "a"] * 32) + "/b", tmp_path.resolve()).matches(
        tmp_path / "/".join("a" * 200)
    )
    assert time.monotonic() - start < 2
