"""What tests of the marker `outside` share: programs of others, and a clone of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

import kfuncgen

CHECKOUT = Path(kfuncgen.__file__).resolve().parent.parent
LEAK = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

SEC("syscall")
int first(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
"""
CLEAN = LEAK.replace("\treturn 1;", "\tbpf_task_release(task);\n\treturn 1;")


def program(name: str) -> str | None:
    """Where a program is: beside this Python (it came with pip), or on PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def need(*names: str) -> None:
    """Skip the test unless all these programs are installed."""
    missing = [name for name in names if program(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def need_package_index() -> None:
    """Skip the test where pip cannot get packages."""
    problem = _pip_problem()
    if problem is not None:
        pytest.skip(f"pip gets no packages: {problem}")


@cache
def _pip_problem() -> str | None:
    command = ("install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--retries", "0", "hatchling")
    done = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.splitlines() or ["no reason told"])[-1]


def commit(folder: Path, message: str = "all", env: Mapping[str, str] | None = None) -> None:
    """Everything in `folder` as a commit."""
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True, env=env)
    subprocess.run(["git", "commit", "--quiet", "--message", message], cwd=folder, check=True, env=env)


def git_environment(home: Path) -> dict[str, str]:
    """Variables that keep git from what the user has set up, and say who commits."""
    env = {"HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "tests", f"GIT_{role}_EMAIL": "tests@example.org"}
    return env


def clone_of_checkout(folder: Path, env: Mapping[str, str]) -> Path:
    """A git repository with the checkout's files, committed or not; skips where git has no list of them."""
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: there is no list of its files")
    for name in map(os.fsdecode, filter(None, listed.stdout.split(b"\0"))):
        if os.path.lexists(CHECKOUT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(folder)], check=True, env=env)
    commit(folder, env=env)
    return folder


def without_tools(folder: Path, *names: str) -> str:
    """A PATH on which there are only these programs."""
    folder.mkdir(parents=True)
    for name in names:
        found = program(name)
        assert found is not None, name
        (folder / name).symlink_to(Path(found).resolve() if name != "python3" else found)
    return str(folder)
