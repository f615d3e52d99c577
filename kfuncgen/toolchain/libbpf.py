"""The few functions of libbpf's stable C API (1.0 and newer) that verify and facts need, through ctypes.

Nothing is compiled: libbpf.so.1 is looked up at run time. Only worker processes call into it, so that a crash
or a hang in C ends a worker and not the run. Pointers are opaque; a library lacking a needed function is an error.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from pathlib import Path

from kfuncgen.diagnostic import UsageError

BPF_PROG_TYPE_STRUCT_OPS = 27
"""include/uapi/linux/bpf.h, enum bpf_prog_type."""
BPF_MAP_TYPE_STRUCT_OPS = 26
"""include/uapi/linux/bpf.h, enum bpf_map_type."""

_CAP_SYS_ADMIN, _CAP_BPF = 21, 39  # include/uapi/linux/capability.h

NEEDED = "libbpf 1.0 or newer is needed"

_PRINT = CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_MESSAGE_BYTES = 16 * 1024

_SIGNATURES: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "libbpf_major_version": (c_uint32, ()),
    "libbpf_minor_version": (c_uint32, ()),
    "libbpf_set_print": (c_void_p, (_PRINT,)),
    "bpf_object__open_file": (c_void_p, (c_char_p, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_object__next_map": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__name": (c_char_p, (c_void_p,)),
    "bpf_program__section_name": (c_char_p, (c_void_p,)),
    "bpf_program__type": (c_int, (c_void_p,)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__set_autoload": (c_int, (c_void_p, ctypes.c_bool)),
    "bpf_program__set_log_buf": (c_int, (c_void_p, c_void_p, c_size_t)),
    "bpf_program__set_log_level": (c_int, (c_void_p, c_uint32)),
    "bpf_program__attach_iter": (c_void_p, (c_void_p, c_void_p)),
    "bpf_link__fd": (c_int, (c_void_p,)),
    "bpf_link__destroy": (c_int, (c_void_p,)),
    "bpf_iter_create": (c_int, (c_int,)),
    "bpf_btf_get_next_id": (c_int, (c_uint32, ctypes.POINTER(c_uint32))),
    "bpf_btf_get_fd_by_id": (c_int, (c_uint32,)),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, ctypes.POINTER(c_uint32))),
    "bpf_map__type": (c_int, (c_void_p,)),
    "bpf_map__set_autocreate": (c_int, (c_void_p, ctypes.c_bool)),
    "bpf_map__set_pin_path": (c_int, (c_void_p, c_char_p)),
    "bpf_map__initial_value": (c_void_p, (c_void_p, ctypes.POINTER(c_size_t))),
}


def require_capability() -> None:
    """UsageError unless this process may load BPF programs."""
    if not sys.platform.startswith("linux"):
        raise UsageError("programs are loaded into the running kernel, which must be Linux")
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return  # no /proc: let the kernel say so itself
    words = next((line.split() for line in status.splitlines() if line.startswith("CapEff:")), [])
    effective = int(words[1], 16) if len(words) == 2 else 0
    if not effective & (1 << _CAP_BPF | 1 << _CAP_SYS_ADMIN):
        raise UsageError(
            "loading BPF programs needs CAP_BPF (and CAP_PERFMON, CAP_NET_ADMIN by program type): run as root"
        )


class Libbpf:
    """A loaded libbpf. `call(name, ...)` calls a function of _SIGNATURES; `messages` collects its warnings."""

    def __init__(self) -> None:
        """Load the library named by KFUNCGEN_LIBBPF, else the system's; UsageError says what is missing."""
        name = os.environ.get("KFUNCGEN_LIBBPF") or ctypes.util.find_library("bpf") or "libbpf.so.1"
        try:
            self._library = ctypes.CDLL(name, use_errno=True)
            self._libc = ctypes.CDLL(None)
        except OSError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{NEEDED} to load programs (package libbpf1): {reason}") from None
        for function, (result, arguments) in _SIGNATURES.items():
            try:
                pointer = getattr(self._library, function)
            except AttributeError:
                raise UsageError(f"{NEEDED}: {name} has no {function}()") from None
            pointer.restype = result
            pointer.argtypes = arguments
        self.version = (self.call("libbpf_major_version"), self.call("libbpf_minor_version"))
        self.messages: list[str] = []
        self._print = _PRINT(self._collect)  # kept alive as long as libbpf may call it
        self.call("libbpf_set_print", self._print)

    def call(self, function: str, *arguments: object) -> int:
        """The result of `function`; pointers are integers, NULL is 0 (ctypes' None is folded into it)."""
        return getattr(self._library, function)(*arguments) or 0

    def text(self, function: str, pointer: int) -> str:
        """The result of a function that returns a string."""
        value: bytes | None = getattr(self._library, function)(pointer)
        return (value or b"").decode("utf-8", "replace")

    def _collect(self, level: int, template: bytes, arguments: int) -> int:
        """libbpf_print_fn_t. va_list reaches a callback as a pointer in every 64-bit Linux ABI that clang
        targets (array type, or passed by reference), which is what vsnprintf takes in turn."""
        if level > 0:  # LIBBPF_WARN is 0; information and debugging are not wanted
            return 0
        buffer = ctypes.create_string_buffer(_MESSAGE_BYTES)
        self._libc.vsnprintf(buffer, c_size_t(_MESSAGE_BYTES), template, c_void_p(arguments))
        self.messages.append(buffer.value.decode("utf-8", "replace").rstrip("\n"))
        return 0

    def open(self, path: str) -> int:
        """Open (not load) an object file; OSError with libbpf's errno when it is unusable."""
        ctypes.set_errno(0)
        handle = self.call("bpf_object__open_file", os.fsencode(path), None)
        if not handle:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return handle

    def programs(self, handle: int) -> list[int]:
        """The entry programs of an open object, in file order."""
        return list(_walk(lambda previous: self.call("bpf_object__next_program", handle, previous)))

    def maps(self, handle: int) -> list[int]:
        """The maps of an open object, in file order."""
        return list(_walk(lambda previous: self.call("bpf_object__next_map", handle, previous)))


def _walk(following: Callable[[int | None], int]) -> Iterator[int]:
    item = following(None)
    while item:
        yield item
        item = following(item)
