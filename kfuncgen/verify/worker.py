"""The process that loads the programs of one object: `python -m kfuncgen.verify.worker OBJECT FIRST [NAME...]`.

With names only the programs called so count, without them all do. It talks to its parent (run.py) in JSON lines
on standard output: the programs, then a line with the outcome of each one from number FIRST on. The parent thus
knows at which program libbpf crashed or hung. Each program is loaded from a freshly opened object with all others
switched off, so that one rejection hides no other. Nothing is attached, run or pinned.
"""

from __future__ import annotations

import ctypes
import json
import sys
from ctypes import c_size_t

from kfuncgen.diagnostic import UsageError
from kfuncgen.toolchain.libbpf import BPF_MAP_TYPE_STRUCT_OPS, BPF_PROG_TYPE_STRUCT_OPS, Libbpf

LOG_BUFFER_BYTES = 16 * 1024 * 1024 - 1
"""The largest log that kernels before 6.4 accept (UINT_MAX >> 8); since 6.4 a longer log keeps its end."""
LOG_KEPT_BYTES = 1024 * 1024
"""How much of a log's end is handed on: the reason and the path to it stand there."""
MESSAGES_KEPT = 200


def main(arguments: list[str]) -> int:
    """Load the programs of `arguments[0]` from index `arguments[1]` on; 1 when the object cannot be opened."""
    path, first, wanted = arguments[0], int(arguments[1]), frozenset(arguments[2:])
    try:
        libbpf = Libbpf()
    except UsageError as error:
        _tell(error=error.message)
        return 1
    try:
        handle = libbpf.open(path)
    except OSError as error:
        _tell(error=error.strerror or "cannot be opened", messages=libbpf.messages[:MESSAGES_KEPT])
        return 1
    names = [
        [libbpf.text("bpf_program__name", p), libbpf.text("bpf_program__section_name", p)]
        for p in libbpf.programs(handle)
    ]
    libbpf.call("bpf_object__close", handle)
    chosen = [index for index, (name, _) in enumerate(names) if not wanted or name in wanted]
    _tell(programs=[names[index] for index in chosen])
    buffer = ctypes.create_string_buffer(LOG_BUFFER_BYTES)
    for index in chosen[first:]:
        _tell(end=index, **_load_one(libbpf, path, index, buffer))
    return 0


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _load_one(libbpf: Libbpf, path: str, index: int, buffer: ctypes.Array[ctypes.c_char]) -> dict[str, object]:
    """Load program number `index` alone: {"loaded", "log", "messages"}."""
    libbpf.messages.clear()
    buffer[0] = b"\0"
    try:
        handle = libbpf.open(path)
    except OSError as error:
        return {"loaded": False, "log": "", "messages": [*libbpf.messages, str(error.strerror)]}
    try:
        programs = libbpf.programs(handle)
        chosen = programs[index]
        for program in programs:
            libbpf.call("bpf_program__set_autoload", program, program == chosen)
        _prepare_maps(libbpf, handle, programs, chosen)
        # With level 0 libbpf asks for the log only after a failure: an accepted program costs one quick load.
        libbpf.call("bpf_program__set_log_level", chosen, 0)
        libbpf.call("bpf_program__set_log_buf", chosen, ctypes.addressof(buffer), LOG_BUFFER_BYTES)
        result = libbpf.call("bpf_object__load", handle)
        log = buffer.value
        return {
            # a load may succeed without the program, when libbpf leaves it out
            "loaded": result == 0 and libbpf.call("bpf_program__fd", chosen) >= 0,
            "log": log[-LOG_KEPT_BYTES:].decode("utf-8", "replace"),
            "cut": len(log) > LOG_KEPT_BYTES,
            "messages": libbpf.messages[:MESSAGES_KEPT],
        }
    finally:
        libbpf.call("bpf_object__close", handle)


def _prepare_maps(libbpf: Libbpf, handle: int, programs: list[int], chosen: int) -> None:
    """Unpin all maps; of the struct_ops maps create only what the chosen program needs.

    Since 1.4 libbpf loads every program of a struct_ops map that is created, whatever their autoload says, and
    needs the map to type a program; a slot of the map's initial value is a `struct bpf_program *`
    that may be cleared. Before 1.4 programs are typed without the map being created.
    """
    is_struct_ops = libbpf.call("bpf_program__type", chosen) == BPF_PROG_TYPE_STRUCT_OPS
    for item in libbpf.maps(handle):
        libbpf.call("bpf_map__set_pin_path", item, None)
        if libbpf.call("bpf_map__type", item) != BPF_MAP_TYPE_STRUCT_OPS:
            continue
        uses = is_struct_ops and libbpf.version >= (1, 4) and _leave_alone(libbpf, item, programs, chosen)
        libbpf.call("bpf_map__set_autocreate", item, uses)


def _leave_alone(libbpf: Libbpf, item: int, programs: list[int], chosen: int) -> bool:
    """Clear all programs but `chosen` from a struct_ops map's initial value; whether `chosen` is in it."""
    size = c_size_t(0)
    value = libbpf.call("bpf_map__initial_value", item, ctypes.byref(size))
    if not value:
        return False
    width = ctypes.sizeof(ctypes.c_void_p)
    slots = (ctypes.c_size_t * (size.value // width)).from_address(value)
    others = set(programs) - {chosen}
    found = False
    for position, pointer in enumerate(slots):
        found = found or pointer == chosen
        if pointer in others:
            slots[position] = 0
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
