"""The process that reads the kernel's kfunc tables: `python -m kfuncgen.facts.worker OBJECT`.

OBJECT is probe.bpf.c compiled. It talks to its parent (probe.py) in JSON lines on standard output: one for the
kernel's BTF and one for that of each loaded module, `{"name", "records": [[hook, id, flags], ...]}`, or
`{"error", "messages"}`. The iterator runs while this process reads it; nothing is attached to the system.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from ctypes import c_char, c_uint32, c_uint64

from kfuncgen.diagnostic import UsageError
from kfuncgen.toolchain.libbpf import Libbpf

BTF_FD = 200
"""The file number that the iterator looks at (KFUNC_BTF_FD when it is compiled)."""
_RECORD = struct.Struct("=III")


class _BtfInfo(ctypes.Structure):
    """struct bpf_btf_info (include/uapi/linux/bpf.h, 5.11 and newer)."""

    _fields_ = [("btf", c_uint64), ("btf_size", c_uint32), ("id", c_uint32), ("name", c_uint64),
                ("name_len", c_uint32), ("kernel_btf", c_uint32)]  # fmt: skip


class _LinkInfo(ctypes.Structure):
    """union bpf_iter_link_info, as `task` (6.1 and newer), at its full size."""

    _fields_ = [("tid", c_uint32), ("pid", c_uint32), ("rest", c_uint64)]


class _AttachOptions(ctypes.Structure):
    """struct bpf_iter_attach_opts (libbpf 1.0)."""

    _fields_ = [("sz", ctypes.c_size_t), ("link_info", ctypes.c_void_p), ("link_info_len", c_uint32)]


def main(arguments: list[str]) -> int:
    """Print the tables of all kernel BTFs; 1 when the program cannot be loaded or read."""
    try:
        libbpf = Libbpf()
    except UsageError as error:
        _tell(error=error.message, messages=[])
        return 1
    try:
        with contextlib.closing(_Iterator(libbpf, arguments[0])) as iterator:
            for name, descriptor in _kernel_btfs(libbpf):
                _tell(name=name, records=iterator.read(descriptor))
    except OSError as error:
        _tell(error=error.strerror or str(error), messages=libbpf.messages[:50])
        return 1
    return 0


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class _Iterator:
    """The loaded program and its link."""

    def __init__(self, libbpf: Libbpf, path: str) -> None:
        self._libbpf = libbpf
        self._object = libbpf.open(path)
        _require(libbpf.call("bpf_object__load", self._object) == 0, "the kernel refused the program")
        program = libbpf.programs(self._object)[0]
        own = _LinkInfo(pid=os.getpid())
        options = _AttachOptions(ctypes.sizeof(_AttachOptions), ctypes.addressof(own), ctypes.sizeof(own))
        # Before 6.1 an iterator cannot be bound to one process; the program tells them apart itself.
        self._link = libbpf.call("bpf_program__attach_iter", program, ctypes.addressof(options))
        self._link = self._link or libbpf.call("bpf_program__attach_iter", program, None)
        _require(bool(self._link), "the kernel refused the iterator")

    def read(self, descriptor: int) -> list[tuple[int, int, int]]:
        """(hook, type id, flags) of each function in the tables of the open BTF `descriptor`, which is closed."""
        os.dup2(descriptor, BTF_FD)
        os.close(descriptor)
        reader = self._libbpf.call("bpf_iter_create", self._libbpf.call("bpf_link__fd", self._link))
        _require(reader >= 0, "the iterator cannot be opened")
        data = b""
        try:
            while chunk := os.read(reader, 1 << 16):
                data += chunk
        finally:
            os.close(reader)
            os.close(BTF_FD)
        return [(hook, number, flags) for hook, number, flags in _RECORD.iter_unpack(data)]

    def close(self) -> None:
        """Unload the program."""
        self._libbpf.call("bpf_link__destroy", self._link)
        self._libbpf.call("bpf_object__close", self._object)


def _kernel_btfs(libbpf: Libbpf) -> Iterator[tuple[str, int]]:
    """(name, open descriptor) of the kernel's own BTF, `vmlinux`, and of each module's."""
    number = c_uint32(0)
    while libbpf.call("bpf_btf_get_next_id", number.value, ctypes.byref(number)) == 0:
        descriptor = libbpf.call("bpf_btf_get_fd_by_id", number.value)
        if descriptor < 0:
            continue  # gone since
        name = (c_char * 64)()
        info = _BtfInfo(name=ctypes.addressof(name), name_len=64)
        size = c_uint32(ctypes.sizeof(info))
        failed = libbpf.call("bpf_obj_get_info_by_fd", descriptor, ctypes.addressof(info), ctypes.byref(size))
        if failed or not info.kernel_btf:
            os.close(descriptor)
            continue
        yield name.value.decode("utf-8", "replace"), descriptor


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        number = ctypes.get_errno()
        raise OSError(number, f"{otherwise} ({os.strerror(number)})" if number else otherwise)


if __name__ == "__main__":
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= BTF_FD:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (BTF_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sys.exit(main(sys.argv[1:]))
