"""Whether a loader takes a program's extern for the kernel's function.

libbpf compares the two prototypes by shape, never by name: as many parameters, and the same *kind* of type at
every step through pointers. Widths of integers, const, and which struct it is do not matter
(bpf_core_types_are_compat() in tools/lib/bpf/relo_core.c 6.12; CONTRACT 4.J, kfunc-signature).
"""

from __future__ import annotations

from kfuncgen.lint.types import Type
from kfuncgen.spec.model import CType, Prototype

_INTEGERS = ("int", "bool")
"""BTF has one kind for both."""


def difference(declared: Type, prototype: Prototype) -> str:
    """What is wrong with a declaration for the kernel's prototype, "" when loaders take it."""
    wanted = prototype.params
    if len(declared.params) != len(wanted):
        return f"it has {_count(len(declared.params))}, the kernel's has {len(wanted)}"
    for number, (have, want) in enumerate(zip(declared.params, wanted, strict=True), 1):
        if not _compatible(have, want.ctype):
            return f"parameter {number} is {_told(have)}, the kernel's is '{want.ctype}'"
    result = declared.target
    if result is not None and not _compatible(result, prototype.result):
        return f"it returns {_told(result)}, the kernel's returns '{prototype.result}'"
    return ""


def _count(number: int) -> str:
    return f"{number} parameter{'' if number == 1 else 's'}"


def _told(ctype: Type) -> str:
    inner = ctype
    while inner.target is not None and inner.kind == "pointer":
        inner = inner.target
    missing = " (a struct that is only declared)" if inner.incomplete else ""
    return f"'{ctype}'{missing}"


def _compatible(have: Type, want: CType) -> bool:
    if have.kind in _INTEGERS:
        return want.kind in _INTEGERS
    if have.kind == "array":
        return want.is_pointer and have.target is not None and _compatible(have.target, want.pointee or want)
    if have.is_pointer:
        if not want.is_pointer or have.target is None or want.pointee is None:
            return want.is_pointer
        return _compatible(have.target, want.pointee)
    # An incomplete struct is of a kind of its own in BTF.
    return have.kind == want.kind and not have.incomplete
