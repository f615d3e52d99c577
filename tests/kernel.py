"""Support for tests that ask a real verifier: may we load, compile this, what does the kernel say.

On a machine that may load programs, a missing clang or libbpf is a failure of the tests and no reason to skip.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from kfuncgen.diagnostic import SourceError, UsageError
from kfuncgen.toolchain.clang import compile_bpf as run_clang
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import DATA, WITHOUT_PROTOTYPES, fallback_include_args
from kfuncgen.verify import ProgramVerdict, require_capability, verify_object

BTF = Path("/sys/kernel/btf/vmlinux")


def can_load() -> str | None:
    """Why programs cannot be loaded here, None when they can.

    With KFUNCGEN_REQUIRE_KERNEL=1 tests/conftest.py turns the skips made of it into failures.
    """
    try:
        require_capability()
    except UsageError as error:
        return error.message
    return None if BTF.exists() else "the running kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"


@cache
def vmlinux_args() -> tuple[str, ...]:
    """Include arguments for a vmlinux.h with kfunc prototypes: the running kernel's when a bpftool can print
    it (7.5 and newer), made once per process; the bundled one comes after it in any case."""
    bpftool = os.environ.get("KFUNCGEN_BPFTOOL") or shutil.which("bpftool")
    if bpftool and BTF.exists():
        command = [bpftool, "btf", "dump", "file", str(BTF), "format", "c"]
        dump = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if dump.returncode == 0 and b"bpf_task_from_pid(" in dump.stdout:
            folder = tempfile.mkdtemp(prefix="kfuncgen-vmlinux-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            (Path(folder) / "vmlinux.h").write_bytes(dump.stdout)
            return ("-I", folder, *fallback_include_args())
    return fallback_include_args()


def compile_bpf(source: str | Path, tmp_path: Path, args: tuple[str, ...] = ()) -> Path:
    """The object of `source` (C text, or a file) compiled into `tmp_path` with `args` added.

    The bundled <bpf/*.h> come before the system's, which may be too old to know bpf_for() and the like.
    """
    if isinstance(source, str):
        number = len(list(tmp_path.glob("*.bpf.c")))
        file = tmp_path / f"test{number}.bpf.c"
        file.write_text(source)
    else:
        file = source
    output = tmp_path / f"{file.stem}.o"
    first, last = find_flags(file).args, ("-isystem", str(DATA / "include"), *vmlinux_args())
    try:
        run_clang(file, output, (*first, *args, *last))
    except SourceError as error:
        if "conflicting types for" not in "\n".join(error.details):
            raise
        # The source has prototypes of its own; what is precompiled has the kernel's.
        own = args[2:] if args[:1] == ("-include-pch",) else args
        run_clang(file, output, (*first, *own, *last, WITHOUT_PROTOTYPES))
    return output


def verdicts(compiled: Path) -> dict[str, ProgramVerdict]:
    """What the kernel says of each program of an object, by program name."""
    return {verdict.program: verdict for verdict in verify_object(compiled)}
