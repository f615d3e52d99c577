"""Refusals that are about no kfunc contract, by what the verifier says: these are counted apart.

A contract checker works on sources; the ranges of integers, bounds of packets and of maps, the layout of contexts
and of the stack, the verifier's own limits and what a loader lacks are other checkers' business. Whatever is in
none of these classes counts as a contract's, so that a new message is never passed over in silence.
"""

from __future__ import annotations

import re
from functools import cache

from kfuncgen.lint.rule import classify_message

_POINTERS = r"(?:fp|ctx|pkt|pkt_end|pkt_meta|map_key|map_value|map_ptr|mem|rdonly_mem|buf|rdonly_buf|sock|func)"

_CLASSES: dict[str, tuple[str, ...]] = {
    "packet-bounds": (
        "invalid access to packet", "offset is outside of the packet", "on pkt(?:_end|_meta)? prohibited",
        "math between pkt", "cannot write into packet", "helper access to the packet", "writes? to packet data",
    ),
    "map-bounds": (
        "invalid access to map (?:value|key)", "math between map_value", "makes map_value pointer",
        "map_value pointer offset", "(?:write into|read from) map forbidden", "misaligned value access",
    ),
    "context-access": (
        "invalid bpf_context access", "(?:negative offset|variable) ctx", "math between ctx", "makes ctx pointer",
        "only read from bpf_array", "is bpf_array invalid", "access beyond the end of member",
    ),
    "stack-access": (
        "invalid (?:indirect )?(?:read|write|access) (?:from|to) (?:indirect )?stack", "misaligned stack",
        "invalid (?:unbounded )?variable-offset", "math between fp", "fp pointer offset",
        "frame pointer is read only", "subtraction from stack",
    ),
    "scalar-range": (
        "min value is negative", "unbounded memory access", "invalid zero-sized", r"makes \w+ pointer be out of",
        "unbounded min value", "div by zero", "register with unbounded", "invalid rdwr buffer",
        "variable buffer offset",
    ),
    "pointer-arithmetic": (
        r"pointer \+= pointer", "subtract pointer from scalar", r"arithmetic on (?!.*or_null)\S+ prohibited",
        "bit pointer arithmetic",
        "pointer comparison prohibited",
    ),
    "socket-field": (r"invalid \w*sock\w* access", "cannot write into sock"),
    "return-range": ("At program exit the register", "At callback return the register R0 has"),
    "verifier-limit": (
        "BPF program is too large", "jumps is too complex", "infinite loop detected", "back-edge",
        "combined stack size", r"call stack of \d+ frames",
    ),
    "malformed-code": (
        "unreachable insn", "last insn is not an exit", "jump out of range", "BPF_(?:ATOMIC|LD_)", "LD_ABS",
        "invalid size of register", "unknown opcode", r"R\d+ is invalid",
    ),
    "merged-instructions": ("same insn cannot be used with different pointers",),
    "program-type": (
        "program of this type cannot use helper", "attach to unsupported member", "device-bound program",
        "unknown func",
    ),
    "map-type": ("cannot pass map_type", "doesn't support non-zero flags", r"fd \d+ is not pointing to valid"),
    "relocation": (
        "failed to resolve CO-RE relocation", "failed to find the address for kernel symbol",
        "is referenced but wasn't resolved",
    ),
    "helper-argument-type": (rf"R\d+ type={_POINTERS} expected=",),
}  # fmt: skip


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile("|".join(texts))) for name, texts in _CLASSES.items())


def names() -> tuple[str, ...]:
    """All classes, in the order in which they are tried."""
    return tuple(_CLASSES)


@cache
def class_of(message: str) -> str:
    """The class of a verifier message, "" for none."""
    return next((name for name, pattern in _patterns() if pattern.search(message)), "")


@cache
def out_of_scope(message: str) -> str:
    """The class of a refusal that is about no contract, "" for the others. What a rule claims is a contract's."""
    return "" if classify_message(message) else class_of(message)
