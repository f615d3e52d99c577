"""Architectures that BPF programs are compiled for, by the names of libbpf's `__TARGET_ARCH_` macros."""

from __future__ import annotations

import os

_BY_MACHINE = {
    "x86_64": "x86",
    "amd64": "x86",
    "i386": "x86",
    "i686": "x86",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "ppc64": "powerpc",
    "ppc64le": "powerpc",
    "s390x": "s390",
    "riscv64": "riscv",
    "loongarch64": "loongarch",
    "mips": "mips",
    "mips64": "mips",
    "sparc64": "sparc",
}
"""`uname -m` -> the suffix of libbpf's __TARGET_ARCH_ macros (tools/lib/bpf/bpf_tracing.h)."""

ARCHITECTURES = ("x86", "arm64", "riscv", "s390", "powerpc", "loongarch", "arm", "mips", "sparc")
"""The architectures that `arch` takes, by these suffixes."""
BIG_ENDIAN = ("s390", "sparc")
"""Those of them for which `-target bpf` means another byte order than on most machines."""


def target_architecture(machine: str = "") -> str:
    """The __TARGET_ARCH_ suffix of `machine` (`uname -m`; default: this one), "x86" for an unknown one."""
    return _BY_MACHINE.get((machine or own_machine()).lower(), "x86")


def own_machine() -> str:
    """`uname -m` of this machine."""
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()
