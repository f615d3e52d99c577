"""Sources of every kind on the command line: what cannot be read, what does not compile, which flags were used."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_linter import FakeLinter

import kfuncgen.verify
from kfuncgen import cli, cli_sources
from kfuncgen.cli_output import folded
from kfuncgen.diagnostic import SourceError

PROGRAM = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders and files named `closed*` cannot be opened (root could open them, whatever their mode)."""
    scandir, open_file = os.scandir, cli_sources.open_without_waiting

    def refuse(path: Any) -> None:
        if Path(path).name.startswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def scandir_or_refuse(path: Any) -> Any:
        refuse(path)
        return scandir(path)

    def open_or_refuse(file: str, flags: int) -> int:
        refuse(file)
        return open_file(file, flags)

    monkeypatch.setattr(os, "scandir", scandir_or_refuse)
    monkeypatch.setattr(cli_sources, "open_without_waiting", open_or_refuse)


def test_what_cannot_be_read_fails_and_the_rest_is_checked(
    folder: Path, closed: None, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("src/a.bpf.c", "src/closed.bpf.c", "src/closed-folder/b.bpf.c"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("error\n")
    assert cli.main(["lint", "src"]) == 3
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "kfuncgen: error: src/closed-folder: cannot be read: Permission denied",
        "kfuncgen: error: src/closed.bpf.c: cannot be read: Permission denied",
    ]
    assert "src/a.bpf.c:1:1: error" in out
    assert out.endswith("1 error in 1 of 3 files (1 program); 2 could not be read or parsed\n")


def test_a_folder_that_cannot_be_read_is_not_called_empty(
    folder: Path, closed: None, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("closed").mkdir()
    assert cli.main(["lint", "closed"]) == 3
    out, err = capsys.readouterr()
    assert err == "kfuncgen: error: closed: cannot be read: Permission denied\n"
    assert out == "nothing was checked: 1 file could not be read or parsed\n"
    assert cli.main(["lint", "closed", "--select", "no-such-rule"]) == 2, "options are checked all the same"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not UTF-8")
def test_a_name_that_is_not_utf8(folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.bpf.c").write_text("int x;\n")
    Path(os.fsdecode(b"b\xff.bpf.c")).write_text("int x;\n")
    assert cli.main(["lint", ".", "--output-format", "json"]) == 3
    out, err = capsys.readouterr()
    assert err == "kfuncgen: error: b\\xff.bpf.c: its name is not UTF-8, and libclang opens no other files\n"
    document = json.loads(out)
    assert document["summary"]["files"] == 2
    assert document["summary"]["failed"] == 1
    assert document["notes"][0]["file"] == "b\ufffd.bpf.c"


def test_a_kernel_newer_than_the_specs_is_said(
    folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text("int x;\n")
    assert cli.main(["lint", "a.bpf.c", "--kernel", "9.1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("note: kernel 9.1 is newer than the specs, which end at ")
    assert cli.main(["lint", "a.bpf.c", "--kernel", "7.1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("note: kernel 7.1 was not compared with the specs (kernels up to 6.18 ")
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert "newer" not in capsys.readouterr().out


# With the real linter: it words the note that the command line hides


def test_verbose_says_where_flags_came_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.bpf.c").write_text(PROGRAM)
    Path("compile_flags.txt").write_text("-DX\n")
    assert cli.main(["lint", "a.bpf.c"]) == 0
    out, err = capsys.readouterr()
    assert "flags" not in out
    assert cli.main(["lint", "a.bpf.c", "-v"]) == 0
    out, err = capsys.readouterr()
    assert f"a.bpf.c: note: flags are those of {folder / 'compile_flags.txt'}\n" in out
    assert err == ""


def test_a_source_that_does_not_compile_says_where_flags_came_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text('#include "mine.h"\n')
    assert cli.main(["lint", "a.bpf.c"]) == 3
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("kfuncgen: error: a.bpf.c:1:10: 'mine.h' file not found")
    assert last == "  flags are those of BPF defaults"
    Path("a.bpf.c").write_text("int f( {\n")
    assert cli.main(["lint", "a.bpf.c", "--", "-DX"]) == 3
    assert capsys.readouterr().err.splitlines()[-1] == "  flags are those of the command line"


def test_verify_goes_on_after_a_source_that_does_not_compile(
    folder: Path, linter: FakeLinter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify_files(paths: list[Path], *args: Any, **more: Any) -> list[SimpleNamespace]:
        (path,) = paths
        if path.name == "bad.c":
            raise SourceError(f"{path}: does not compile", None, ("expected ';'",))
        facts = {"file": str(path), "program": "p", "section": "xdp", "message": "", "rule": "", "log": ""}
        return [SimpleNamespace(**facts, line=0, verdict="accepted")]

    monkeypatch.setattr(kfuncgen.verify, "verify_files", verify_files)
    assert cli.main(["verify", "bad.c", "good.c"]) == 3
    out, err = capsys.readouterr()
    assert out == "good.c: accepted: p (xdp)\n1 program: 1 accepted, 0 rejected, 0 not-loaded\n"
    assert err == "kfuncgen: error: bad.c: does not compile\n  expected ';'\n"
    assert cli.main(["verify", "bad.c"]) == 3
    assert capsys.readouterr().out == ""
    assert cli.main(["verify", "bad.c", "--output-format", "json"]) == 3
    assert json.loads(capsys.readouterr().out) == {"programs": []}


def test_long_lines_are_folded_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "  name:  " + "word " * 30 + "\x1b[31m"
    assert folded([line]) == f"{line[:-5]}\\x1b[31m\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "70")
    first, *more = folded([line, "short"]).splitlines()
    assert first.startswith("  name:  word")
    assert more.pop() == "short"
    assert all(part.startswith("         word") and len(part) <= 70 for part in more)
    assert folded([line], path="a.txt") == f"{line[:-5]}\\x1b[31m\n"
    assert "b" * 200 in folded(["a " + "b" * 200]), "names and numbers stay whole"
