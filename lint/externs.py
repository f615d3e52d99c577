"""How a loader resolves the program's externs on one kernel, before the verifier sees anything.

A strong extern that cannot be resolved keeps the whole object from being loaded; a weak one has the address 0, and
calling it all the same is refused by the verifier. Loaders differ in two points: whether they know flavours
(`f___v1` is looked up as `f`), and what becomes of a weak extern whose prototype is not the kernel's.

Sources: bpf_object__resolve_ksym_func_btf_id() and bpf_object__collect_externs() in tools/lib/bpf/libbpf.c of
6.12; libbpf 1.1 as installed; ebpf-go by its linker's incompatible-kfunc error and its open request for flavours.
"""

from __future__ import annotations

from enum import Enum

from kfuncgen.lint import ir
from kfuncgen.lint.signatures import difference
from kfuncgen.lint.values import plain_name
from kfuncgen.spec.model import Function, Kernel, SpecSet

LOADERS = ("libbpf", "libbpf-1.1", "ebpf-go")
"""`libbpf` is any release that knows flavours of kfuncs (1.3 and newer)."""


class Resolved(Enum):
    """What a loader finds for an extern."""

    FOUND = "found"
    ABSENT = "absent"  # the kernel has no such function
    MISMATCH = "mismatch"  # it has, with another prototype
    UNKNOWN = "unknown"  # the specs do not know the function


def called_function(name: str, specs: SpecSet, loader: str) -> Function | None:
    """The kfunc that a loader looks up for an extern called `name`; None when the specs do not know it."""
    return specs.get(plain_name(name) if knows_flavours(loader) else name)


def knows_flavours(loader: str) -> bool:
    """Whether the loader strips `___suffix` from the names of kfuncs."""
    return loader == "libbpf"


def resolve(declaration: ir.Declaration, specs: SpecSet, kernel: Kernel, loader: str) -> Resolved:
    """What `loader` finds on `kernel` for a function declared `__ksym`."""
    function = called_function(declaration.name, specs, loader)
    if function is None:
        # No kernel function has such a name: it would be a kfunc's if flavours were known.
        flavoured = plain_name(declaration.name) != declaration.name
        return Resolved.ABSENT if flavoured and specs.get(plain_name(declaration.name)) else Resolved.UNKNOWN
    if not function.exists_at(kernel):
        return Resolved.ABSENT
    return Resolved.MISMATCH if difference(declaration.ctype, function.at(kernel).prototype) else Resolved.FOUND


def is_silent(declaration: ir.Declaration, loader: str) -> bool:
    """Whether the loader takes a wrongly declared extern for a missing one, without a word."""
    return declaration.weak and loader == "libbpf"
