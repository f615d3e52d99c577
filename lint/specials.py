"""Fields of map values that not every program type may come near (CONTRACT 4.E, special-field-prog-type)."""

from __future__ import annotations

from kfuncgen.lint.run import Run
from kfuncgen.lint.types import Type

_TRACING = frozenset(
    ("BPF_PROG_TYPE_KPROBE", "BPF_PROG_TYPE_TRACEPOINT", "BPF_PROG_TYPE_PERF_EVENT",
     "BPF_PROG_TYPE_RAW_TRACEPOINT", "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE")
)  # fmt: skip
_NOT_IN_TRACING = frozenset(
    ("bpf_list_head", "bpf_rb_root", "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq")
)


def special_field(run: Run, ctype: Type) -> str:
    """The field of a map's value that programs of this type may not even refer to, "" when there is none."""
    info = run.program.info
    if info is None:
        return ""
    if info.program_type == "BPF_PROG_TYPE_SOCKET_FILTER":
        return _find_special(ctype, 0, frozenset(("bpf_spin_lock", "bpf_res_spin_lock")))
    return _find_special(ctype, 0, _NOT_IN_TRACING) if info.program_type in _TRACING else ""


def _find_special(ctype: Type, depth: int, names: frozenset[str]) -> str:
    if ctype.name in names:
        return ctype.name
    if depth >= 4:
        return ""
    inner = [ctype.target] if ctype.kind == "array" and ctype.target is not None else []
    for part in (*inner, *(f.ctype for f in ctype.fields if f.ctype.kind in ("struct", "union", "array"))):
        found = _find_special(part, depth + 1, names)
        if found:
            return found
    return ""
