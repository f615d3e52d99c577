"""Parameters of global functions: what their prototypes and tags make of them, and what callers may pass.

Sources: btf_prepare_func_args() (kernel/bpf/btf.c), btf_check_func_arg_match() (kernel/bpf/verifier.c), 6.12 and
6.18; CONTRACT 3.2, 4.C (global-arg).
"""

from __future__ import annotations

from typing import Literal

from kfuncgen.diagnostic import Place
from kfuncgen.lint import ir
from kfuncgen.lint.argument import Arguments, kind_word
from kfuncgen.lint.buffers import check_room, member_room
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.records import is_kernel_struct
from kfuncgen.lint.run import Program
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value, plain_name
from kfuncgen.records import Struct
from kfuncgen.spec.model import Contract, CType, Effects, Function, Kernel, Param, Prototype, Role

_CONTEXTS = frozenset(
    ("__sk_buff", "xdp_md", "bpf_sock", "bpf_sock_addr", "bpf_sock_ops", "sk_msg_md", "bpf_sk_lookup",
     "sk_reuseport_md", "bpf_sysctl", "bpf_sockopt", "bpf_cgroup_dev_ctx", "bpf_nf_ctx")
)  # fmt: skip
"""Contexts that a struct's name makes out, in programs whose context it is."""
_TRACING_CONTEXTS = frozenset(
    ("pt_regs", "bpf_perf_event_data", "user_pt_regs", "bpf_user_pt_regs_t", "user_regs_struct",
     "bpf_raw_tracepoint_args")
)  # fmt: skip

_TRACING_TYPES = frozenset(("KPROBE", "PERF_EVENT", "TRACEPOINT", "RAW_TRACEPOINT", "RAW_TRACEPOINT_WRITABLE"))

Kind = Literal["number", "context", "dynptr", "trusted", "untrusted", "arena", "memory"]


class GlobalParameter(Struct, frozen=True):
    """What a parameter is to the verifier. `wrong` says why it takes no such parameter, "" when it does."""

    kind: Kind
    nullable: bool = False
    size: int = 0
    """Bytes of memory, 0 when not known."""
    wrong: str = ""


def global_parameter(body: ir.Function, index: int, program: Program) -> GlobalParameter:
    """The kind of one parameter, by its type and `arg:` tags, in programs like that of the caller."""
    ctype = body.params[index].ctype
    tags = body.tags[index] if index < len(body.tags) else ()
    words = {tag.removeprefix("arg:") for tag in tags if tag.startswith("arg:")}
    if not ctype.is_pointer:
        wrong = "" if ctype.is_integer else f"{ctype} is neither a number nor a pointer"
        return GlobalParameter("number", wrong="tags are for pointers" if words else wrong)
    target = ctype.target
    name = plain_name(target.name) if target is not None else ""
    if "ctx" in words or _is_context(name, program):
        return GlobalParameter("context", wrong=_alone(words, "ctx"))
    if name == "bpf_dynptr":
        return GlobalParameter("dynptr", wrong="dynptrs take no tags" if words else "")
    if "untrusted" in words:
        return GlobalParameter("untrusted")
    if "trusted" in words:
        wrong = "__arg_trusted and __arg_nonnull exclude each other" if "nonnull" in words else ""
        if not wrong and target is not None and target.kind == "struct" and not is_kernel_struct(name):
            wrong = f"the kernel has no struct {name}"
        return GlobalParameter("trusted", nullable="nullable" in words, wrong=wrong)
    if "arena" in words:
        return GlobalParameter("arena", wrong=_alone(words, "arena"))
    return _memory_parameter(target, words)


def _memory_parameter(target: Type | None, words: set[str]) -> GlobalParameter:
    size = target.size if target is not None else 0
    wrong = ""
    if "nullable" in words:
        wrong = "__arg_nullable is for trusted pointers"
    elif target is None or target.kind in ("void", "function") or (target.kind == "struct" and not size):
        wrong = f"the size of {target} is not known"
    return GlobalParameter("memory", nullable="nonnull" not in words, size=size, wrong=wrong)


def _alone(words: set[str], tag: str) -> str:
    return f"__arg_{tag} excludes other tags" if words - {tag} else ""


def _is_context(name: str, program: Program) -> bool:
    """Whether a struct is the context of a program's type (btf_is_prog_ctx_type)."""
    info = program.info
    if info is None or info.program_type == "BPF_PROG_TYPE_EXT":
        return name in _CONTEXTS or name in _TRACING_CONTEXTS
    if info.program_type.removeprefix("BPF_PROG_TYPE_") in _TRACING_TYPES:
        return name in _TRACING_CONTEXTS
    return bool(name) and name == info.ctx_struct


def wrong_result(body: ir.Function) -> str:
    """Why the verifier does not take what a global function returns, "" when it does."""
    return "" if body.result.is_integer else f"it returns {body.result}, not a number"


def global_contract(body: ir.Function, kernel: Kernel) -> Contract:
    """A global function as a contract of which nothing but the parameters' names and types matters."""
    number = CType("int", "long", 8, signed=True)
    params = []
    for index, var in enumerate(body.params):
        ctype = number
        if var.ctype.is_pointer:
            target = var.ctype.target
            struct = target.name if target is not None and target.kind in ("struct", "union") else ""
            ctype = CType("pointer", size=8, pointee=CType("struct", struct) if struct else CType("void", "void"))
        params.append(Param(var.name or f"arg{index + 1}", ctype, Role.POINTER))
    prototype = Prototype("", number, tuple(params))
    function = Function(body.name, "helper", "", prototype, (), (), kernel, Place(""))
    return Contract(function, kernel, (), (), prototype, Effects())


def check_global_argument(a: Arguments, index: int, want: GlobalParameter) -> bool:
    """Whether an argument of a global function is what its parameter wants; what is not is reported."""
    value = a.args[index]
    fact = a.state.fact(value)
    if want.kind == "number":
        if isinstance(fact, Scalar) or fact.kind == "opaque":
            return True
        return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="number", got=kind_word(fact, value))
    if want.kind in ("dynptr", "untrusted", "arena"):
        return True
    life = a.evaluator.life(a.state, value)
    if life is Life.STOPPED or (isinstance(fact, Pointer) and fact.kind == "opaque"):
        return True
    if life in (Life.RELEASED, Life.STALE, Life.UNLOCKED):
        fault = judge(life, Use.PASS)
        return fault is None or a.fault(fault, index, value)
    if want.kind == "context":
        return _context(a, index, value, fact)
    if want.kind == "trusted":
        return _object(a, index, value, fact, life, want)
    return _memory(a, index, value, fact, life, want)


def _context(a: Arguments, index: int, value: Value, fact: Pointer | Scalar) -> bool:
    if isinstance(fact, Pointer) and fact.kind == "ctx" and isinstance(value, Ref) and value.offset == 0:
        return True
    if isinstance(fact, Scalar) and fact.known is None:
        return True
    got = kind_word(fact, value)
    if isinstance(fact, Pointer) and fact.kind == "ctx":
        got = "a pointer into it, not to its start"
    return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="context", got=got)


def _object(
    a: Arguments, index: int, value: Value, fact: Pointer | Scalar, life: Life, want: GlobalParameter
) -> bool:
    """__arg_trusted: plain, trusted and RCU pointers to kernel objects of the type (btf_ptr_types)."""
    if life in (Life.NULL, Life.UNCHECKED):
        return want.nullable or a.fault(Fault.NULL_ARGUMENT, index, value)
    got = kind_word(fact, value)
    if isinstance(fact, Scalar):
        return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got=got)
    if fact.kind != "kernel":
        return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="object", got=got)
    if fact.trust == "untrusted" and not fact.reference:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust="untrusted")
    target = a.evaluator.run.module.functions[a.contract.name].params[index].ctype.target
    name = plain_name(target.name) if target is not None else ""
    if a.is_of_type(value, fact, name):
        return True
    return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="object", got=got)


def _memory(
    a: Arguments, index: int, value: Value, fact: Pointer | Scalar, life: Life, want: GlobalParameter
) -> bool:
    """Memory of the parameter's size, to be read and written (check_mem_reg); NULL is let through everywhere."""
    if life is Life.NULL:
        return True
    got = kind_word(fact, value)
    if isinstance(fact, Scalar):
        known = fact.known is not None
        return not known or a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="memory", got=got)
    if fact.kind == "kernel":
        # Bytes of one member may be read; the object as a whole is no memory.
        room = member_room(fact.ctype, (value.offset or 0) - fact.base) if isinstance(value, Ref) else None
        fits = room is None or want.size <= room
        return fits or a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="untagged", got=got)
    if fact.kind not in ("stack", "map-key", "map-value", "memory"):
        return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="memory", got=got)
    if fact.readonly:
        return a.fault(Fault.GLOBAL_ARGUMENT, index, value, how="writable", got="read-only")
    if fact.null and not want.nullable:
        return a.fault(Fault.NULL_ARGUMENT, index, value)
    return check_room(a, index, value, fact, want.size)
