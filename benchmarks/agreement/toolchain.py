"""What programs are compiled and loaded with: vmlinux.h of the running kernel, libbpf of the kernel's own tree.

Everything made is kept in the cache folder and used again. Nothing outside of it is written.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from kfuncgen.cachedir import cache_dir
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.toolchain.clang import find_clang

BTF = Path("/sys/kernel/btf/vmlinux")

_MAKE_SECONDS = 600


class BenchmarkError(KfuncgenError):
    """Something that a measurement needs is not there."""


@cache
def workspace() -> Path:
    """The folder for what is kept between runs."""
    folder = cache_dir()
    if folder is None:
        raise BenchmarkError("no cache folder: set XDG_CACHE_HOME or HOME")
    made = folder / "agreement"
    made.mkdir(parents=True, exist_ok=True)
    return made


@cache
def kernel_release() -> str:
    """The running kernel, as verdicts are kept under."""
    return f"{platform.release()} {platform.version()} {platform.machine()}"


@cache
def clang_version() -> str:
    """The first line of `clang --version`."""
    done = subprocess.run([find_clang(), "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else ""


@cache
def vmlinux_folder() -> Path:
    """A folder with the running kernel's vmlinux.h, made by bpftool (KFUNCGEN_BPFTOOL, else that of PATH)."""
    bpftool = os.environ.get("KFUNCGEN_BPFTOOL") or shutil.which("bpftool", path=_wide_path())
    if not bpftool:
        raise BenchmarkError("bpftool is needed for the running kernel's vmlinux.h")
    key = hashlib.sha256(f"{kernel_release()} {bpftool}".encode()).hexdigest()[:16]
    folder = workspace() / f"vmlinux-{key}"
    if not (folder / "vmlinux.h").is_file():
        command = [bpftool, "btf", "dump", "file", str(BTF), "format", "c"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=_MAKE_SECONDS)
        if done.returncode or b"struct task_struct {" not in done.stdout:
            raise BenchmarkError(f"bpftool made no vmlinux.h: {done.stderr.decode(errors='replace').strip()}")
        _place(folder, {"vmlinux.h": done.stdout})
    return folder


def _wide_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def _place(folder: Path, files: dict[str, bytes]) -> None:
    """Write a folder in one step: whoever renames first wins."""
    staged = Path(tempfile.mkdtemp(prefix="staged-", dir=folder.parent))
    for name, content in files.items():
        (staged / name).write_bytes(content)
    try:
        staged.rename(folder)
    except OSError:
        shutil.rmtree(staged, ignore_errors=True)


@cache
def kernel_libbpf(tree: Path) -> Path | None:
    """Where libbpf of a kernel tree is installed (its `usr`), built on first use; None when that fails."""
    key = hashlib.sha256(str(tree).encode()).hexdigest()[:16]
    root = workspace() / f"libbpf-{key}"
    if not (root / ".complete").exists():
        source = tree / "tools/lib/bpf"
        make = shutil.which("make")
        if make is None or not (source / "Makefile").is_file():
            return None
        shutil.rmtree(root, ignore_errors=True)
        (root / "build").mkdir(parents=True)
        command = [make, "-s", "-C", str(source), f"OUTPUT={root}/build/", f"DESTDIR={root}", "prefix=/usr"]
        done = subprocess.run([*command, "install"], capture_output=True, check=False, timeout=_MAKE_SECONDS)
        if done.returncode:
            return None
        shutil.rmtree(root / "build", ignore_errors=True)
        (root / ".complete").touch()
    return root / "usr"


@cache
def libbpf_library(tree: Path | None) -> Path | None:
    """The libbpf.so to load with: KFUNCGEN_LIBBPF, else that of the kernel tree; None for the system's."""
    named = os.environ.get("KFUNCGEN_LIBBPF")
    if named:
        return Path(named)
    installed = kernel_libbpf(tree) if tree is not None else None
    if installed is None:
        return None
    found = sorted(installed.glob("lib*/libbpf.so.*.*.*"))
    return found[-1] if found else None


@cache
def libbpf_version(library: Path | None) -> str:
    """major.minor of a libbpf.so (None: the system's), "?" when it cannot be loaded."""
    try:
        loaded = ctypes.CDLL(str(library) if library else "libbpf.so.1")
        return f"{loaded.libbpf_major_version()}.{loaded.libbpf_minor_version()}"
    except (OSError, AttributeError):
        return "?"
