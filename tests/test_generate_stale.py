"""`kfuncgen gen --check`: which generated files are not what their command makes now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import check_generated, stale
from kfuncgen.generate.resources import banner, banner_lines
from kfuncgen.spec.load import load_builtin


def statuses(folder: Path) -> dict[str, str]:
    """What is not current, by path."""
    found, _ = check_generated(folder, load_builtin())
    return {item.path: item.status for item in found if item.status != "current"}


@pytest.fixture
def project(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project in the current folder's `a/p`, and a header beside it."""
    assert cli.main(["new", "task-kptr", "a/p", "--set", "name=keeper"]) == 0
    assert cli.main(["gen", "header", "bpf_task_from_pid", "--minimal", "-o", "a/h.h"]) == 0
    capsys.readouterr()
    return folder / "a/p"


def test_fresh_files_are_current(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert statuses(project.parent) == {}
    found, remade = check_generated(project.parent, load_builtin())
    assert {"h.h", "p/src/kfuncs.gen.h", "p/Makefile", "p/src/keeper.bpf.c"} <= {item.path for item in found}
    assert remade == {}
    assert cli.main(["gen", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_stale_missing_and_edited_ones_are_told_apart_and_remade(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, types, program = (
        project / "src/kfuncs.gen.h",
        project / "src/vmlinux.min.h",
        project / "src/keeper.bpf.c",
    )
    expected = header.read_text(), types.read_text()
    header.write_text(header.read_text() + "/* older */\n")
    types.unlink()
    program.write_text(program.read_text() + "/* mine */\n")
    (project.parent / "h.h").write_text((project.parent / "h.h").read_text().replace("kfuncs", "kfunks"))
    assert statuses(project.parent) == {
        "h.h": "stale",
        "p/src/kfuncs.gen.h": "stale",
        "p/src/vmlinux.min.h": "missing",
        "p/src/keeper.bpf.c": "edited",
    }
    assert cli.main(["gen", "--check", "a"]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["stale", "a/h.h"],
        ["stale", "a/p/src/kfuncs.gen.h"],
        ["missing", "a/p/src/vmlinux.min.h"],
    ]
    assert "(kfuncgen new task-kptr . --set name=keeper)" in out
    assert err.endswith("generated files are stale; --update remakes them\n")

    assert cli.main(["gen", "check", "a", "--update"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["remade"] * 3
    assert (header.read_text(), types.read_text()) == expected
    assert program.read_text().endswith("/* mine */\n")
    assert statuses(project.parent) == {"p/src/keeper.bpf.c": "edited"}


def test_programs_are_current_or_their_users(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, kernel in (("a.bpf.c", []), ("b.bpf.c", ["--kernel", "6.12"])):
        words = ["gen", "program", "bpf_task_from_pid", "--section", "syscall", *kernel, "-o", name]
        assert cli.main(words) == 0, capsys.readouterr().err
    assert statuses(folder) == {}
    (folder / "b.bpf.c").write_text((folder / "b.bpf.c").read_text().replace("= 1;", "= 2;"))
    assert statuses(folder) == {"b.bpf.c": "edited"}
    assert cli.main(["gen", "--check"]) == 0


def test_project_checked_from_within_and_from_a_folder_of_it(project: Path) -> None:
    (project / "src/kfuncs.gen.h").write_text((project / "src/kfuncs.gen.h").read_text() + "\n")
    assert statuses(project) == {"src/kfuncs.gen.h": "stale"}


def marked(command: str) -> str:
    return banner("c", banner_lines(("task",), command, "Do not edit.")) + "\nint x;\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("kfuncgen new ../evil .", "not built in"),
        ("kfuncgen new /evil .", "not built in"),
        ("kfuncgen new task-kptr ../out", "none that writes files"),
        ("kfuncgen new task-kptr . --force", "none that this version writes"),
        ("kfuncgen new task-kptr . --set", "none that this version writes"),
        ("kfuncgen new task-kptr . --set name=../x", "bad value for 'name'"),
        ("kfuncgen new task-kptr . --kernel live", "otherwise than by number"),
        ("kfuncgen new task-kptr . --kernel /tmp/probe.json", "none that this version|otherwise than by number"),
        ("kfuncgen new no-such .", "unknown template"),
        ("kfuncgen new task-kptr .; touch pwned", "none that writes files"),
        ("kfuncgen new task-kptr . && touch pwned", "none that this version writes"),
        ("kfuncgen new task-kptr . $(touch pwned)", "none that this version writes"),
        ("kfuncgen gen header 'unclosed", "taken apart"),
        ("kfuncgen gen header bpf_task_from_pid -o /tmp/pwned", "none that this version writes"),
        ("kfuncgen gen header bpf_task_from_pdi", "did you mean"),
        ("kfuncgen gen header", "no kfunc named"),
        ("kfuncgen gen header bpf_task_from_pid --spec /tmp", "none that this version writes"),
        ("kfuncgen lint .", "none that writes files"),
        ("kfuncgen new task-kptr .", "no file of that name"),
    ],
)
def test_command_in_a_file_is_read_and_never_run(tmp_path: Path, command: str, reason: str) -> None:
    import re

    (tmp_path / "f.h").write_text(marked(command))
    (item,), remade = check_generated(tmp_path, load_builtin())
    assert (item.status, remade) == ("unknown", {})
    assert re.search(reason, item.reason), item.reason
    assert [path.name for path in tmp_path.iterdir()] == ["f.h"]


def test_what_is_not_ours_is_not_looked_at(tmp_path: Path) -> None:
    text = marked("kfuncgen gen header bpf_task_from_pid")
    for folder in (".git", "node_modules"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f.h").write_text(text)
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "outside/f.h").write_text(text)
    (tmp_path / "in/link").symlink_to(tmp_path / "outside")
    (tmp_path / "in/file").symlink_to(tmp_path / "outside/f.h")
    os.mkfifo(tmp_path / "in/fifo")
    (tmp_path / "in/binary").write_bytes(text.encode() + b"\xff\x00")
    (tmp_path / "in/late").write_text("\n" * 2000 + text)
    (tmp_path / "in/no-command").write_text("/* Generated by kfuncgen */\n")
    assert check_generated(tmp_path / "in", load_builtin()) == ([], {})
    assert statuses(tmp_path) == {"outside/f.h": "stale"}


def test_number_of_commands_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "MAX_COMMANDS", 2)
    for name in ("from_pid", "from_vpid", "release"):
        (tmp_path / f"{name}.h").write_text(marked(f"kfuncgen gen header bpf_task_{name}"))
    found, _ = check_generated(tmp_path, load_builtin())
    assert [item.status for item in found] == ["stale", "stale", "unknown"]
    monkeypatch.setattr(stale, "MAX_FILES", 2)
    with pytest.raises(UsageError, match="more than 2 files"):
        check_generated(tmp_path, load_builtin())


def test_wrong_folder_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gen", "--check", "none"]) == 2
    assert "there is no folder 'none'" in capsys.readouterr().err
