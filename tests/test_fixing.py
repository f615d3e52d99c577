"""Fixes are applied as a whole or not at all, to the right bytes, and only when the linter agrees."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.diagnostic import Edit, Finding, Fix, Severity, Span
from kfuncgen.fixing import apply_fixes, mend

FILE = "a.bpf.c"
VAIN = "/* kfuncgen: ignore[unreleased-reference] no more */\n"
CLEAN = 'char _license[] SEC("license") = "GPL";\n'
HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'


def fix(*edits: tuple[int, int, int, str], safe: bool = True) -> Fix:
    """Edits of one line each: line, first column, column behind the last one, text."""
    spans = [(Span(FILE, line, start, line, end), text) for line, start, end, text in edits]
    return Fix("mend", tuple(Edit(span, text) for span, text in spans), safe)


def applied(data: bytes, *fixes: Fix) -> tuple[bytes, tuple[int, ...]]:
    result = apply_fixes({FILE: data}, fixes)
    return result.changed.get(FILE, data), result.numbers


@pytest.mark.parametrize(
    ("data", "fixes", "wanted"),
    [
        (b"one\ntwo\n", [fix((2, 1, 4, "2"))], b"one\n2\n"),
        (b"one\ntwo", [fix((2, 4, 4, "!"))], b"one\ntwo!"),
        (b"one\r\ntwo\r\n", [fix((2, 1, 1, "a\nb\n"))], b"one\r\na\r\nb\r\ntwo\r\n"),
        # Columns count bytes, and what is no UTF-8 stays as it is.
        ("ä ö".encode(), [fix((1, 4, 6, "o"))], "ä o".encode()),
        (b"\xff x", [fix((1, 3, 4, "y"))], b"\xff y"),
        (b"f(a, b)", [fix((1, 3, 4, "1")), fix((1, 6, 7, "2"))], b"f(1, 2)"),
        # Several edits of one fix, in any order.
        (b"if (x) y;", [fix((1, 10, 10, " }"), (1, 8, 8, "{ "))], b"if (x) { y; }"),
    ],
)
def test_fixes_change_the_bytes_that_they_name(data: bytes, fixes: list[Fix], wanted: bytes) -> None:
    assert applied(data, *fixes) == (wanted, tuple(range(len(fixes))))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (fix((1, 1, 4, "x")), fix((1, 3, 6, "y"))),
        (fix((1, 2, 2, "x")), fix((1, 2, 2, "y"))),
        (fix((1, 1, 4, "x")), fix((1, 4, 4, "y"))),
        (fix((1, 1, 4, "x")), fix((1, 6, 7, "z"), (1, 2, 3, "y"))),
    ],
)
def test_of_overlapping_fixes_the_first_wins(first: Fix, second: Fix) -> None:
    alone = applied(b"abcdefg", first)
    assert applied(b"abcdefg", first, second) == alone
    assert alone[1] == (0,)


def test_the_same_edits_count_twice_and_are_made_once() -> None:
    assert applied(b"abc", fix((1, 1, 1, "x")), fix((1, 1, 1, "x"))) == (b"xabc", (0, 1))


@pytest.mark.parametrize(
    "wrong", [fix((3, 1, 2, "x")), fix((1, 7, 8, "x")), fix((1, 3, 2, "x")), fix((1, 0, 1, ""))]
)
def test_places_outside_of_the_file_are_left_alone(wrong: Fix) -> None:
    assert applied(b"abc\n", wrong) == (b"abc\n", ())


def found(line: int, rule: str, mending: Fix | None = None, column: int = 1) -> Finding:
    span = Span(FILE, line, column, line, column + 1)
    return Finding(rule, Severity.ERROR, span, f"{rule} here", function="f", fix=mending)


def run(data: bytes, lint: object, unsafe: bool = False) -> tuple[bytes, int, int]:
    def read(file: str) -> bytes:
        return data

    def linted(contents: object) -> object:
        text = contents.get(FILE, data)  # type: ignore[attr-defined]
        return lint(text)  # type: ignore[operator]

    done = mend(linted, read, lambda file: file == FILE, unsafe, {})  # type: ignore[arg-type]
    return done.sources.get(FILE, data), done.fixed, done.refused


def test_fixing_goes_on_until_nothing_is_left() -> None:
    def lint(text: bytes) -> list[Finding]:
        lines = text.split(b"\n")
        return [found(n, "bad", fix((n, 1, 4, "ok"))) for n, line in enumerate(lines, 1) if line == b"bad"][:1]

    assert run(b"bad\nbad\nbad\n", lint) == (b"ok\nok\nok\n", 3, 0)


def test_unsafe_fixes_are_applied_when_asked_for_only() -> None:
    def lint(text: bytes) -> list[Finding]:
        return [found(1, "bad", fix((1, 1, 4, "ok"), safe=False))] if text == b"bad" else []

    assert run(b"bad", lint) == (b"bad", 0, 0)
    assert run(b"bad", lint, unsafe=True) == (b"ok", 1, 0)


def test_a_fix_that_breaks_something_is_not_kept_and_costs_no_other_one() -> None:
    def lint(text: bytes) -> list[Finding]:
        lines = text.split(b"\n")
        told = [found(n, "bad", fix((n, 1, 4, "ok"))) for n, line in enumerate(lines, 1) if line == b"bad"]
        told += [found(n, "odd", fix((n, 1, 4, "no"))) for n, line in enumerate(lines, 1) if line == b"odd"]
        return told + [found(n, "worse") for n, line in enumerate(lines, 1) if line == b"no"]

    assert run(b"odd\nbad\n", lint) == (b"odd\nok\n", 1, 1)


def test_a_fix_that_does_not_compile_or_does_not_help_is_not_kept() -> None:
    def broken(text: bytes) -> list[Finding] | None:
        return [found(1, "bad", fix((1, 1, 4, "ok")))] if text == b"bad" else None

    def in_vain(text: bytes) -> list[Finding]:
        column = text.index(b"bad") + 1
        return [found(1, "bad", fix((1, 1, 1, " ")), column)]

    assert run(b"bad", broken) == (b"bad", 0, 1)
    assert run(b"bad", in_vain) == (b"bad", 0, 1)


# -- the command -----------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / FILE
    file.write_text(HEAD + VAIN + CLEAN)
    return file


def test_fix_writes_through_links_and_keeps_the_mode(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.chmod(0o640)
    link = tmp_path / "b.bpf.c"
    link.symlink_to(source.name)
    assert cli.main(["lint", "--fix", link.name]) == 0
    assert source.read_text() == HEAD + CLEAN
    assert link.is_symlink() and source.stat().st_mode & 0o777 == 0o640
    out, err = capsys.readouterr()
    assert "no findings" in out
    assert err == "kfuncgen: fixed 1 finding in 1 file\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "b.bpf.c"]
    assert cli.main(["lint", "--fix", FILE]) == 0
    assert capsys.readouterr().err == "kfuncgen: fixed 0 findings\n"


def test_diff_writes_nothing_and_patch_applies_it(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (HEAD + VAIN + CLEAN).rstrip("\n").replace("\n", "\r\n")
    source.write_bytes(text.encode())
    assert cli.main(["lint", "--diff", FILE]) == 1
    assert source.read_bytes() == text.encode()
    out, err = capsys.readouterr()
    assert err == "kfuncgen: would fix 1 finding in 1 file\n"
    assert out.startswith(f"--- {FILE}\n+++ {FILE}\n@@ ")
    subprocess.run(["git", "init", "-q"], check=True, cwd=tmp_path)
    subprocess.run(["git", "apply", "-p0", "-"], input=out.encode(), check=True, cwd=tmp_path)
    assert source.read_bytes() == text.replace(VAIN.replace("\n", "\r\n"), "").encode()
    assert cli.main(["lint", "--diff", FILE]) == 0
    assert capsys.readouterr().out == ""


def test_fixed_standard_input_goes_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (HEAD + VAIN + CLEAN, HEAD + CLEAN):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))
        assert cli.main(["lint", "--fix", "-"]) == 0
        assert capsys.readouterr().out == HEAD + CLEAN
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_does_not_compile_is_left_alone(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_text(HEAD + VAIN + "int x = ;\n")
    assert cli.main(["lint", "--fix", FILE]) == 3
    assert source.read_text() == HEAD + VAIN + "int x = ;\n"
    assert "expected expression" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "head", "changed"),
    [("own.h", "/* Ours. */\n", True), ("own.h", "/* Generated by a script */\n", False), ("../out.h", "", False)],
)
def test_only_hand_written_headers_of_the_project_are_changed(
    name: str, head: str, changed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    header = folder / name
    text = f"{head}extern void cgroup_rstat_updated(struct cgroup *cgrp, int cpu);\n"
    header.write_text(text)
    call = 'SEC("tp_btf/cgroup_mkdir")\nint a(u64 *ctx)\n{\n'
    call += "\tcgroup_rstat_updated((void *)ctx[0], 0);\n\treturn 0;\n}\n"
    (folder / FILE).write_text(f'{HEAD}#include "{name}"\n{call}{CLEAN}')
    assert cli.main(["lint", "--fix", "--kernel", "6.12", FILE]) == int(not changed)
    assert header.read_text() == (text.replace(";", " __ksym;") if changed else text)


def test_one_of_two_equal_findings_at_one_place_is_mended() -> None:
    """Two references that are lost at one `return` are told in the same words."""
    data = b"a\nb\nc\n"

    def lint(contents: object) -> tuple[Finding, ...]:
        assert isinstance(contents, dict)
        text = contents.get(FILE, data)
        line = text.split(b"\n").index(b"c") + 1
        where = Span(FILE, line, 1, line, 2)
        fixes = [fix((number, 2, 2, "!")) for number in (1, 2)]
        return tuple(
            Finding("unreleased-reference", Severity.ERROR, where, "'x' is lost", fix=one)
            for one, mark in zip(fixes, (b"a!", b"b!"), strict=True)
            if mark not in text
        )

    done = mend(lint, {FILE: data}.get, lambda file: True, False, {})
    assert (done.sources, done.fixed, done.refused) == ({FILE: b"a!\nb!\nc\n"}, 2, 0)
    # A fix for one of them that leaves both is none.
    once = lint({})[0]
    done = mend(lambda contents: (once, once), {FILE: data}.get, lambda file: True, False, {})
    assert (done.sources, done.fixed) == ({}, 0)
