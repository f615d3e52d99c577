"""Known findings, kept in a file: what is new is told, whatever moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.diagnostic import UsageError
from kfuncgen.render.baseline import parse

HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nchar _license[] SEC("license") = "GPL";\n'
LEAK = (
    'SEC("tc") int {}(void *x)\n{{\n\tstruct task_struct *t = bpf_task_from_pid({});\n\n\treturn t ? 1 : 0;\n}}\n'
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.bpf.c").write_text(HEAD + LEAK.format("a", 1) + LEAK.format("b", 2))
    return tmp_path


def lint(*arguments: str) -> int:
    return cli.main(["lint", *arguments])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_what_is_known_is_left_out_until_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint("--baseline", "known.json", "--write-baseline", "src") == 0
    assert said(capsys) == "2 findings written to known.json"
    assert lint("--baseline", "known.json", "src") == 0
    assert said(capsys) == "no findings in 1 file (2 programs); 2 findings known by the baseline"
    source = Path("src/a.bpf.c")
    source.write_text(
        source.read_text().replace("int b(", 'int added(void *ctx) { return 0; }\n\nSEC("tc") int b(')
    )
    assert lint("--baseline", "known.json", "src") == 0
    source.write_text(source.read_text() + LEAK.format("c", 3))
    capsys.readouterr()
    assert lint("--baseline", "known.json", "--output-format", "concise", "src") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "unreleased-reference" in line


def test_entries_that_are_gone_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    lint("--baseline", "known.json", "--write-baseline", "src")
    Path("src/a.bpf.c").write_text(HEAD + LEAK.format("a", 1))
    Path("src/other.bpf.c").write_text(HEAD)
    assert lint("--baseline", "known.json", "src/other.bpf.c") == 0
    assert "no longer found" not in capsys.readouterr().out
    assert lint("--baseline", "known.json", "src") == 0
    assert "known.json: note: 1 entry is no longer found; --write-baseline renews it" in capsys.readouterr().out


def test_the_configuration_may_name_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("kfuncgen.toml").write_text('baseline = "known.json"\n')
    assert lint("--write-baseline", "src") == 0
    monkeypatch.chdir(folder / "src")
    assert lint("a.bpf.c") == 0
    assert lint(str(folder / "src/a.bpf.c")) == 0
    (folder / "known.json").unlink()
    assert lint("a.bpf.c") == 2


def test_the_file_is_the_same_for_the_same_findings() -> None:
    lint("--baseline", "one.json", "--write-baseline", "src")
    lint("--baseline", "two.json", "--write-baseline", str(Path("src").resolve()))
    assert Path("one.json").read_bytes() == Path("two.json").read_bytes()
    entries = json.loads(Path("one.json").read_text())["findings"]
    assert [(entry["file"], entry["rule"], entry["function"]) for entry in entries] == [
        ("src/a.bpf.c", "unreleased-reference", "a"),
        ("src/a.bpf.c", "unreleased-reference", "b"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a baseline"),
        ("[]", "not a baseline: expected"),
        ('{"version": 1}', "not a baseline: expected"),
        ('{"version": 2, "findings": []}', "a baseline of version 1 was expected"),
        ('{"version": 1, "findings": [{"file": "a"}]}', "entry 1 of the baseline has no fingerprint and file"),
        ('{"version": 1, "findings": [7]}', "entry 1 of the baseline"),
        ("[" * 100_000, "not a baseline"),
    ],
)
def test_what_is_none_is_refused_in_one_line(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        parse(Path("known.json"), text)
    Path("known.json").write_text(text)
    assert lint("--baseline", "known.json", "src") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_a_baseline_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint("--write-baseline", "src") == 2
    assert "needs --baseline FILE" in capsys.readouterr().err
    assert lint("--baseline", "missing.json", "src") == 2
    assert "cannot read the baseline 'missing.json'" in capsys.readouterr().err


def test_what_was_not_checked_stays_known(capsys: pytest.CaptureFixture[str]) -> None:
    Path("src/b.bpf.c").write_text(HEAD + LEAK.format("c", 1))
    assert lint("--baseline", "known.json", "--write-baseline", "src") == 0
    whole = Path("known.json").read_text()
    assert lint("--baseline", "known.json", "--write-baseline", "src/a.bpf.c") == 0
    assert Path("known.json").read_text() == whole
    Path("src/b.bpf.c").write_text("nonsense\n")
    assert lint("--baseline", "known.json", "--write-baseline", "src") == 3
    assert Path("known.json").read_text() == whole
    Path("src/b.bpf.c").unlink()
    assert lint("--baseline", "known.json", "--write-baseline", "src") == 0
    assert [row["file"] for row in json.loads(Path("known.json").read_text())["findings"]] == ["src/a.bpf.c"] * 2


def test_no_other_file_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("mine\n")
    assert lint("--baseline", "notes.txt", "--write-baseline", "src") == 2
    assert "notes.txt: not a baseline" in capsys.readouterr().err
    assert Path("notes.txt").read_text() == "mine\n"


def test_fixes_leave_what_is_known_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lint("--baseline", "known.json", "--write-baseline", "src")
    source = Path("src/a.bpf.c")
    before = source.read_text().replace("return t ? 1 : 0;", "if (!t)\n\t\treturn 0;\n\treturn 1;")
    source.write_text(before)
    lint("--baseline", "known.json", "--write-baseline", "src")
    new = LEAK.format("c", 3).replace("return t ? 1 : 0;", "if (!t)\n\t\treturn 0;\n\treturn 1;")
    source.write_text(before + new)
    assert lint("--fix", "--baseline", "known.json", "src") == 0
    text = source.read_text()
    assert text.startswith(before) and text.count("bpf_task_release(t);") == 1
    Path("kfuncgen.toml").write_text('baseline = "known.json"\n')
    assert lint("--fix", "src") == 0
    assert source.read_text() == text
    assert lint("--fix", "--no-baseline", "src") == 0
    assert source.read_text().count("bpf_task_release(t);") == 3
    assert lint("--no-baseline", "--write-baseline", "src") == 2
