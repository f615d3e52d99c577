"""`lint --watch`: what changes is checked again, and what is wrong meanwhile ends nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.cli_watch import look, watch

HEADER = """\
static int peek(void)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int pid = 0;

	if (task) {
		pid = task->pid;
		bpf_task_release(task);
	}
	return pid;
}
"""
SOURCE = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "peek.h"
char _license[] SEC("license") = "GPL";

SEC("tc") int a(void *ctx)
{
	return peek();
}
"""


class Watching:
    """A `lint --watch` in a process of its own."""

    def __init__(self, *args: str) -> None:
        command = [sys.executable, "-m", "kfuncgen", "lint", "--watch", "--output-format", "concise", *args]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.process.stdout is not None
        self.file = self.process.stdout.fileno()

    def until(self, text: str, seconds: float = 60) -> str:
        """What is printed up to a line with that text."""
        said, end = "", time.monotonic() + seconds
        while text not in said or not said.endswith("\n"):
            assert select.select([self.file], [], [], max(end - time.monotonic(), 0))[0], said
            part = os.read(self.file, 65536).decode()
            assert part, f"ended: {said}"
            said += part
        return said


@pytest.fixture
def watching(folder: Path) -> Iterator[Watching]:
    Path("src").mkdir()
    Path("src/peek.h").write_text(HEADER)
    Path("src/a.bpf.c").write_text(SOURCE)
    process = Watching("src")
    yield process
    process.process.kill()
    process.process.communicate()


def write(name: str, text: str) -> None:
    """As editors do: the file is never seen half-written."""
    Path("new").write_text(text)
    Path("new").rename(name)


def test_every_kind_of_change_is_seen(watching: Watching) -> None:
    assert "unchecked-null" not in watching.until("watching 2 files; Ctrl-C ends it")
    write("src/peek.h", HEADER.replace("if (task) {", "{"))
    assert "unchecked-null" in watching.until("Ctrl-C")
    write("kfuncgen.toml", "ignore = ['unchecked-null']\n")
    assert "unchecked-null" not in watching.until("watching 3 files")
    write("kfuncgen.toml", "ignored = ['unchecked-null']\n")
    assert "kfuncgen.toml:1:1: unknown key 'ignored'" in watching.until("Ctrl-C")
    Path("kfuncgen.toml").unlink()
    assert "unchecked-null" in watching.until("watching 2 files")
    write("src/b.bpf.c", "nonsense\n")
    assert "src/b.bpf.c:1:1: unknown type name 'nonsense'" in watching.until("watching 3 files")
    Path("src/b.bpf.c").unlink()
    write("src/peek.h", HEADER)
    assert "unchecked-null" not in watching.until("watching 2 files")
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(10) == cli.INTERRUPTED


def test_what_changes_during_a_run_is_checked_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.bpf.c").write_text("int x;\n")
    runs = []

    def once() -> None:
        runs.append(Path("a.bpf.c").read_text())
        if len(runs) == 1:
            write("a.bpf.c", "int changed;\n")
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(["a.bpf.c"], once)
    assert runs == ["int x;\n", "int changed;\n"]


def test_what_is_wrong_at_first_is_an_error(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "kfuncgen", "lint", "--watch", "none"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2 and "cannot read 'none'" in run.stderr


@pytest.mark.parametrize(
    "args",
    [["--fix"], ["--diff"], ["-o", "x"], ["--output-format", "json"], ["--show-settings"], ["--write-baseline"]],
)
def test_what_does_not_go_together(args: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.bpf.c").write_text("int x;\n")
    assert cli.main(["lint", "--watch", "a.bpf.c", *args]) == 2
    assert "--watch" in capsys.readouterr().err


def test_files_beside_a_named_one_are_watched(folder: Path) -> None:
    for name in ("src/a.bpf.c", "src/a.h", "src/deep/b.h", ".hidden/c.h", "src/notes.txt", "kfuncgen.toml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x\n")

    def names(*paths: str) -> set[str]:
        return {
            os.path.relpath(name) for name in look(paths) if Path(name).resolve().is_relative_to(folder.resolve())
        }

    assert names("src/a.bpf.c") == {"src/a.bpf.c", "src/a.h", "kfuncgen.toml"}
    assert names("src") == {"src/a.bpf.c", "src/a.h", "src/deep/b.h", "kfuncgen.toml"}
    assert names("none.bpf.c") == {"kfuncgen.toml"}
