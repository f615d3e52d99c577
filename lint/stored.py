"""Numbers that stand where a pointer was meant: what comes from memory in which the verifier keeps no pointers.

check_mem_access() (kernel/bpf/verifier.c 6.12 and 6.18): a load from a map's value or from global data gives an
unknown scalar, kptrs and their like apart, and so does a load from the context where the program type's context
holds no pointers that the verifier knows. Compilers may hand a stored pointer on without reading it again; where a
pointer was stored, nothing is said therefore, unless the object is volatile.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.fields import map_type, type_tags
from kfuncgen.lint.run import Run
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Pointer, Value

ANY_MAP, _ARENA = "", 33
"""BPF_MAP_TYPE_ARENA: include/uapi/linux/bpf.h."""

_NUMBERS_ONLY = frozenset(
    ("KPROBE", "RAW_TRACEPOINT", "RAW_TRACEPOINT_WRITABLE", "TRACEPOINT", "PERF_EVENT", "SYSCALL")
)
"""Program types whose context is registers, numbers or memory (the is_valid_access() of each)."""


def keeps_number(run: Run, fact: Pointer, place: ir.Place, ctype: Type) -> bool:
    """Whether a word read through a pointer is a number for certain."""
    if ctype.size != 8 or type_tags(place):
        return False
    if fact.kind == "ctx":
        info = run.program.info
        return info is not None and info.program_type.removeprefix("BPF_PROG_TYPE_") in _NUMBERS_ONLY
    return fact.kind == "map-value" and ANY_MAP not in run.stored and not _has_arena(run)


def global_keeps_number(run: Run, var: ir.GlobalVariable, place: ir.Place, ctype: Type) -> bool:
    """Whether a word read from a global is a number for certain."""
    if ctype.size != 8 or type_tags(place) or var.frozen or var.extern:
        return False
    if var.ctype.volatile:
        return not _has_arena(run)
    # Of static variables compilers know all values that they ever have.
    return not (var.static or var.initialised or var.name in run.stored or _has_arena(run))


def remember(run: Run, where: str, value: Value, ctype: Type) -> None:
    """A pointer is stored in a global called `where`, or in a map (ANY_MAP)."""
    if ctype.size == 8 and value != 0:
        run.stored.add(where)


def remember_all(run: Run, var: ir.GlobalVariable | None) -> None:
    """A struct is copied into a global, or through a pointer (None): pointers may be in it."""
    run.stored.add(var.name if var is not None else ANY_MAP)


def _has_arena(run: Run) -> bool:
    """Whether the module has an arena: pointers into it may be kept anywhere."""
    if run.arena is None:
        maps = [name for name, var in run.module.globals.items() if var.section == ".maps"]
        run.arena = any(map_type(run.module, name) == _ARENA for name in maps)
    return run.arena
