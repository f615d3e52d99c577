"""Support for tests of generated code: goldens, a clang, and vmlinux.h of the running kernel."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "generate"
BTF = Path("/sys/kernel/btf/vmlinux")

CLANG = next((c for c in ("clang", *(f"clang-{n}" for n in range(22, 13, -1))) if shutil.which(c)), None)
"""Some compiler that makes BPF; Debian has only versioned names."""


def bpftool() -> str | None:
    """A bpftool, also where /usr/sbin is not searched."""
    return shutil.which("bpftool") or shutil.which("/usr/sbin/bpftool")


def check_golden(name: str, text: str) -> None:
    """Compares `text` with its golden file; KFUNCGEN_UPDATE=1 writes it instead."""
    path = GOLDEN / name
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    assert path.exists(), f"no golden file {path}, run with KFUNCGEN_UPDATE=1"
    assert text == path.read_text()


@cache
def vmlinux_h() -> Path | None:
    """A folder with vmlinux.h of the running kernel, made once; None without bpftool or BTF."""
    tool = bpftool()
    if tool is None or not BTF.exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="kfuncgen-vmlinux-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with (folder / "vmlinux.h").open("wb") as output:
        command = [tool, "btf", "dump", "file", str(BTF), "format", "c"]
        subprocess.run(command, stdout=output, check=True, timeout=60)
    return folder


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make words`; fails the test with make's output when make fails or a compiler warns."""
    changed = ("MAKEFLAGS", "CLANG", "CFLAGS", "BPFTOOL")
    env = {key: value for key, value in os.environ.items() if key not in changed}
    done = subprocess.run(
        ["make", "-C", str(folder), *words], capture_output=True, text=True, check=False, timeout=300, env=env
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "warning" not in told, told
    return done
