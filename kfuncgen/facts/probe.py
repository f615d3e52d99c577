"""The kfuncs of the running kernel, read by a BPF iterator: flags and hooks, which no file of the system tells.

In: nothing but the right to load BPF programs. Out: `KernelFacts`, modules' kfuncs included as far as the modules
are loaded. The iterator (probe.bpf.c) is compiled here and run by a worker process; it reads what
register_btf_kfunc_id_set() filed under the BTF of the kernel and of each module (kernel/bpf/btf.c, 6.0 to 6.18:
struct btf_kfunc_set_tab). Names and prototypes come from the same BTFs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.facts.btf import Btf, read_btf
from kfuncgen.facts.kconfig import running_config
from kfuncgen.facts.worker import BTF_FD
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts, flag_order
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.toolchain.clang import compile_bpf
from kfuncgen.toolchain.headers import DATA, fallback_include_args
from kfuncgen.toolchain.libbpf import require_capability

BTF_FOLDER = Path("/sys/kernel/btf")
SECONDS = 60
"""Loading and reading takes a tenth of a second, with a hundred modules a few."""

FLAG_BITS = {
    "KF_ACQUIRE": 0,
    "KF_RELEASE": 1,
    "KF_RET_NULL": 2,
    "KF_KPTR_GET": 3,
    "KF_TRUSTED_ARGS": 4,
    "KF_SLEEPABLE": 5,
    "KF_DESTRUCTIVE": 6,
    "KF_RCU": 7,
    "KF_ITER_NEW": 8,
    "KF_ITER_NEXT": 9,
    "KF_ITER_DESTROY": 10,
    "KF_RCU_PROTECTED": 11,
    "KF_FASTCALL": 12,
    "KF_ARENA_RET": 13,
    "KF_ARENA_ARG1": 14,
    "KF_ARENA_ARG2": 15,
    "KF_IMPLICIT_ARGS": 16,
}
"""include/linux/btf.h, 6.0 to 6.18: a flag keeps its bit (KF_KPTR_GET was there until 6.3); the last is of 7.0."""

_ENUM, _PREFIX = "btf_kfunc_hook", "BTF_KFUNC_HOOK_"


def probe_live(options: Iterable[str] = ()) -> KernelFacts:
    """The kfuncs of the running kernel; `options` are the configuration options whose values are wanted.

    UsageError when this process may not load programs, clang or libbpf is missing, or the kernel is too old
    (before 6.1 it has no iterator that could be used, before 6.0 no flags) or has no BTF.
    """
    require_capability()
    if not (BTF_FOLDER / "vmlinux").is_file():
        raise UsageError("the running kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
    kernel = live_kernel()
    with tempfile.TemporaryDirectory(prefix="kfuncgen-") as folder:
        program = Path(folder) / "probe.o"
        compile_bpf(Path(__file__).with_name("probe.bpf.c"), program, _compiler_args())
        tables = _read_tables(program)
    vmlinux = read_btf(BTF_FOLDER / "vmlinux")
    hooks = {number: name.removeprefix(_PREFIX) for name, number in vmlinux.enum(_ENUM).items()}
    kfuncs: dict[str, KfuncFacts] = {}
    for name, records in tables.items():
        btf = vmlinux if name == "vmlinux" else _module_btf(name, vmlinux)
        if btf is not None:
            kfuncs.update(_kfuncs(btf, "" if name == "vmlinux" else name, records, hooks))
    release = os.uname().release
    return KernelFacts(kernel, release, "probe", kfuncs, True, running_config(options), Place(f"kernel {release}"))


def _compiler_args() -> tuple[str, ...]:
    own = ("-target", "bpf", f"-DKFUNC_BTF_FD={BTF_FD}", "-isystem", str(DATA / "include"))
    return (*own, *fallback_include_args())


def _read_tables(program: Path) -> Mapping[str, list[list[int]]]:
    """The records [hook, type id, flags] by name of the BTF, from the worker."""
    root = str(Path(__file__).parents[2])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    # -P: no module may come from the current directory, which may hold anything
    command = [sys.executable, "-P", "-m", "kfuncgen.facts.worker", str(program)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": search},
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"the kernel's tables could not be read within {SECONDS} s") from None
    tables: dict[str, list[list[int]]] = {}
    for line in done.stdout.splitlines():
        fields: dict[str, Any] = json.loads(line)
        if "error" in fields:
            raise UsageError(_failure(fields))
        tables[str(fields["name"])] = fields["records"]
    if done.returncode or not tables.get("vmlinux"):
        raise UsageError(f"the kernel's tables could not be read (the process ended with {done.returncode})")
    return tables


def _failure(fields: Mapping[str, Any]) -> str:
    """Why the worker gave up: its own words, and the line of libbpf that tells most."""
    lines = [str(message).removeprefix("libbpf: ").strip() for message in fields.get("messages", ())]
    telling = [line for line in lines if line and not line.startswith(("failed to load object", "prog '"))]
    reason = f": {(telling or lines)[-1].splitlines()[0]}" if lines else ""
    return f"cannot read the kernel's tables: {fields['error']}{reason}"


def _module_btf(name: str, vmlinux: Btf) -> Btf | None:
    """The BTF of a loaded module; None when it was unloaded meanwhile."""
    try:
        data = (BTF_FOLDER / name).read_bytes()
    except OSError:
        return None
    return Btf(data, str(BTF_FOLDER / name), vmlinux)


def _kfuncs(btf: Btf, module: str, records: list[list[int]], hooks: Mapping[int, str]) -> dict[str, KfuncFacts]:
    """The functions of one table by name."""
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for hook, number, flags in records:
        found.setdefault(number, {})[hooks.get(hook, f"HOOK_{hook}")] = flag_names(flags)
    kfuncs = {}
    for number, by_hook in found.items():
        name = btf.function_name(number)
        if name:
            kfuncs[name] = KfuncFacts(name, by_hook, btf.prototype(number), module=module)
    return kfuncs


def flag_names(bits: int) -> tuple[str, ...]:
    """The names of the flags in `bits`; a bit that is not known yet is called KF_BIT_<number>."""
    names = {number: name for name, number in FLAG_BITS.items()}
    found = [names.get(number, f"KF_BIT_{number}") for number in range(32) if bits >> number & 1]
    return tuple(sorted(found, key=flag_order))
