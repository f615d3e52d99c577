"""What tests with real editors share: the generated project, and an environment in which an editor finds kfuncgen.

Editors are driven by scripts in tests/editors, which do what a person would do and tell in $ANSWER what they saw.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import kfuncgen

DRIVERS = Path(__file__).parent / "editors"
PROGRAM = "src/xdp_xfrm.bpf.c"
RELEASE = "bpf_xdp_xfrm_state_release(state);"
SECONDS = 120


@cache
def _template() -> Path:
    folder = Path(mkdtemp(prefix="kfuncgen-editors-"))
    kfuncgen_command("new", "xdp-xfrm", str(folder / "project"), "--no-prompt")
    return folder / "project"


def new_project(folder: Path) -> Path:
    """The project that `kfuncgen new xdp-xfrm` writes, in `folder`, with the types that it brings along."""
    shutil.copytree(_template(), folder / "project")
    shutil.copy(folder / "project/src/vmlinux.min.h", folder / "project/src/vmlinux.h")
    return folder / "project"


def kfuncgen_command(*args: str) -> subprocess.CompletedProcess[str]:
    """Run kfuncgen; whatever its exit status is."""
    environment = {**os.environ, "PYTHONPATH": str(Path(kfuncgen.__file__).parents[1])}
    command = [sys.executable, "-m", "kfuncgen", *args]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@cache
def clangd() -> str | None:
    """Where clangd is, whatever its distribution calls it."""
    names = ("clangd", *(f"clangd-{number}" for number in range(30, 13, -1)))
    return next(filter(None, map(shutil.which, names)), None)


def environment(folder: Path) -> dict[str, str]:
    """An environment with a home of its own, in which `kfuncgen` is this one and clangd is called that."""
    for name in ("bin", "home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    script = folder / "bin/kfuncgen"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kfuncgen "$@"\n')
    script.chmod(0o755)
    if (found := clangd()) is not None and not (folder / "bin/clangd").exists():
        (folder / "bin/clangd").symlink_to(found)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "NVIM", "VIM"))}
    return {
        **kept,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(kfuncgen.__file__).parents[1]),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "ANSWER": str(folder / "answer.json"),
    }


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program that starts others; all of them are gone afterwards. AssertionError when it takes too long."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{command[0]} takes too long\n{out}\n{err}") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def drive(
    command: Sequence[str], folder: Path, cwd: Path, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the script told that drives an editor. `folder`: what the editor has for itself."""
    done = run(command, cwd, {**environment(folder), **(variables or {})})
    answer = folder / "answer.json"
    assert answer.exists(), f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    told = json.loads(answer.read_text("utf-8"))
    assert isinstance(told, dict)
    return told
