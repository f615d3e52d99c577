"""Pointer arguments of kfuncs: what kind each is, and whether it will do.

Sources: check_kfunc_args(), get_kfunc_ptr_arg_type(), process_kf_arg_ptr_to_btf_id(), check_mem_reg(),
check_kfunc_mem_size_reg() (kernel/bpf/verifier.c 6.12 and 6.18); CONTRACT 4.B, 4.C, 4.E, 5.
"""

from __future__ import annotations

from kfuncgen.lint import mapargs
from kfuncgen.lint.argument import Arguments, kind_word
from kfuncgen.lint.buffers import check_room, check_size, most
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.types import Type, only_scalars
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.model import Param, Role

_FIELDS = {Role.WORKQUEUE: "bpf_wq", Role.TIMER: "bpf_timer", Role.TASK_WORK: "bpf_task_work"}

_DECIDED_ELSEWHERE = frozenset(
    (Role.DYNPTR, Role.ITERATOR, Role.LIST_HEAD, Role.LIST_NODE, Role.RB_ROOT, Role.RB_NODE, Role.IRQ_FLAG,
     Role.RES_SPIN_LOCK)
)  # fmt: skip
"""Parameters with a protocol of their own; here only that the pointer is usable at all."""


def check_kfunc_pointer(a: Arguments, index: int, param: Param) -> bool:
    """Whether argument `index`, a pointer to the kfunc, is what it wants; what is not is reported."""
    value = a.args[index]
    fact = a.state.fact(value)
    life = a.evaluator.life(a.state, value)
    if life is Life.STOPPED:
        return True
    if life is Life.NULL:
        return param.nullable or _null(a, index, param, value)
    strict = a.contract.effects.trusted_args or a.contract.effects.rcu_args
    if isinstance(fact, Pointer) and fact.null and strict and fact.kind != "opaque":
        return a.fault(Fault.NULL_ARGUMENT, index, value)
    if param.role in _DECIDED_ELSEWHERE:
        return _usable(a, index, param, value, life)
    if param.role is Role.MAP:
        return _map(a, index, value, fact, life)
    if param.role is Role.CALLBACK:
        return _callback(a, index, value, fact)
    if param.role is Role.CONST_STRING:
        return _dead(a, index, value, life) and (
            not isinstance(fact, Pointer) or fact.kind == "opaque" or mapargs.check_string(a, index, value, fact)
        )
    if param.role in _FIELDS:
        return _field(a, index, value, fact, life, _FIELDS[param.role])
    if param.role in (Role.ALLOC, Role.REFCOUNTED):
        return _local_object(a, index, param, value, fact, life)
    return _pointer(a, index, param, value, fact, life)


# -- NULL and dead values ------------------------------------------------------------------------------------


def _null(a: Arguments, index: int, param: Param, value: Value) -> bool:
    """NULL where a pointer is needed; memory of flagless kfuncs may be NULL (CONTRACT 4.B, up to 6.18)."""
    effects = a.contract.effects
    use = Use.RELEASE if a.releases == index else Use.PASS
    strict = effects.trusted_args or effects.rcu_args
    if strict or param.role in _DECIDED_ELSEWHERE:
        if param.role in (Role.DYNPTR, Role.ITERATOR) and not strict:
            return True
        fault = judge(Life.NULL, use)
        return fault is None or a.fault(fault, index, value)
    if param.role is Role.CALLBACK:
        return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="function", got="none")
    if param.role is Role.MAP:
        return a.fault(Fault.MAP_ARGUMENT, index, value, how="kind", got="none")
    if param.role is not Role.POINTER:
        return a.fault(Fault.NULL_ARGUMENT, index, value)
    if kernel_struct(a, index, param):
        return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got="none")
    size = a.size(param)
    if param.size_param is None or size is None or size.known == 0:
        return True
    return a.fault(Fault.NULL_ARGUMENT, index, value)


def _dead(a: Arguments, index: int, value: Value, life: Life) -> bool:
    """Released, stale or unlocked pointers are numbers: no pointer parameter takes them."""
    if life not in (Life.RELEASED, Life.STALE, Life.SUBMITTED, Life.UNLOCKED, Life.UNDECLARED):
        return True
    fault = judge(life, Use.RELEASE if a.releases == index else Use.PASS)
    return fault is None or a.fault(fault, index, value)


def _is_start_of_borrowed(value: Value, fact: Pointer | Scalar) -> bool:
    return isinstance(fact, Pointer) and fact.non_owning and isinstance(value, Ref) and value.offset == fact.base


def _usable(a: Arguments, index: int, param: Param, value: Value, life: Life) -> bool:
    if param.role in (Role.DYNPTR, Role.ITERATOR):
        return True
    fact = a.state.fact(value)
    if param.role is Role.RB_NODE and life is Life.UNCHECKED and _is_start_of_borrowed(value, fact):
        # Only the flag of borrowed nodes is asked for (type_is_non_owning_ref), and that pointers that may be NULL
        # were not moved; the kernel follows the NULL.
        a.tell(Fault.NULL_NODE, index, value)
        return True
    if life in (Life.UNCHECKED, Life.RELEASED):
        fault = judge(life, Use.RELEASE if a.releases == index else Use.PASS)
        return fault is None or a.fault(fault, index, value)
    return True


# -- kernel objects and memory ---------------------------------------------------------------------------------


def kernel_struct(a: Arguments, index: int, param: Param) -> bool:
    """Whether a parameter is a pointer to a kernel struct that memory cannot stand in for."""
    name = param.ctype.struct_name
    if not name or param.size_param is not None:
        return False
    struct = a.struct(index, name)
    return struct is None or not struct.fields or not only_scalars(struct)


def _pointer(a: Arguments, index: int, param: Param, value: Value, fact: Pointer | Scalar, life: Life) -> bool:
    """The argument decides: kernel pointers are matched by type, all else as memory."""
    use = Use.RELEASE if a.releases == index else Use.PASS
    if isinstance(fact, Scalar):
        if life is Life.UNKNOWN and not kernel_struct(a, index, param):
            # Pointers into packets are unknown numbers here; a known number is no memory.
            told = fact.known is not None
            return not told or a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kind", got=kind_word(fact, value))
        fault = judge(life, use)
        return fault is None or a.fault(fault, index, value, got=kind_word(fact, value))
    if fact.kind == "map" and param.ctype.struct_name:
        # Maps, like sockets, are known as kernel objects too (reg2btf_ids).
        return param.ctype.struct_name == "bpf_map" or a.fault(
            Fault.TYPE_MISMATCH, index, value, have="map", want=f"pointer to struct {param.ctype.struct_name}"
        )
    if fact.kind in ("kernel", "alloc", "percpu"):
        if fact.null and kernel_struct(a, index, param):
            return a.fault(Fault.NULL_ARGUMENT, index, value)
        return _kernel_pointer(a, index, param, value, fact)
    return fact.kind == "opaque" or _memory(a, index, param, value, fact)


def _trusted(a: Arguments, index: int, value: Value, fact: Pointer) -> bool:
    """is_trusted_reg(), is_rcu_reg(): what KF_TRUSTED_ARGS, KF_RELEASE and KF_RCU ask for."""
    effects = a.contract.effects
    if not (effects.trusted_args or effects.rcu_args):
        return True
    if fact.reference or fact.trust == "trusted" or (fact.kind == "alloc" and fact.trust == "plain"):
        return True
    if not effects.rcu_args:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust=fact.trust)
    return fact.trust == "rcu" or a.fault(Fault.NOT_RCU_ARGUMENT, index, value, trust=fact.trust)


def _kernel_pointer(a: Arguments, index: int, param: Param, value: Value, fact: Pointer) -> bool:
    pointee = param.ctype.pointee
    if pointee is not None and pointee.kind not in ("struct", "union") and fact.kind == "kernel":
        # "pointer type %s %s is not supported": only memory of the program may stand for numbers.
        if fact.ctype is not None:
            return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kernel", got=kind_word(fact, value))
        return True
    if not _trusted(a, index, value, fact):
        return False
    if fact.trust == "untrusted" and not fact.reference:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust=fact.trust)
    release = a.releases == index and bool(fact.reference)
    if release and isinstance(value, Ref) and value.offset != fact.base:
        return a.fault(Fault.RELEASE_OFFSET, index, value)
    return a.type_matches(index, value, fact, param.ctype.struct_name, release)


def _memory(a: Arguments, index: int, param: Param, value: Value, fact: Pointer) -> bool:
    """Our own memory where the kfunc wants a kernel object, or a buffer: read and written both."""
    got = kind_word(fact, value)
    if kernel_struct(a, index, param):
        return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got=got)
    info = a.run.program.info
    if fact.kind == "ctx" and info is not None and (info.args != "ctx" or not info.ctx_struct):
        # Without convert_ctx_access() the context is memory, as far as the program type lets it be accessed.
        return True
    if fact.kind not in ("stack", "map-key", "map-value", "memory"):
        return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kind", got=got)
    if param.size_param is not None:
        if not check_size(a, param.size_param, True):
            return False
        needed = most(a, param.size_param)
    else:
        needed = _pointee_size(a, index, param)
    if fact.readonly and needed:
        return a.fault(Fault.READONLY_ARGUMENT, index, value)
    return check_room(a, index, value, fact, needed)


def _pointee_size(a: Arguments, index: int, param: Param) -> int:
    struct: Type | None = a.struct(index, param.ctype.struct_name) if param.ctype.struct_name else None
    if struct is not None:
        return struct.size
    return param.ctype.pointee.size if param.ctype.pointee is not None else 0


# -- maps, functions, local objects ----------------------------------------------------------------------------


def _map(a: Arguments, index: int, value: Value, fact: Pointer | Scalar, life: Life) -> bool:
    if isinstance(fact, Scalar):
        return _dead(a, index, value, life)
    if fact.kind == "kernel" and not _trusted(a, index, value, fact):
        return False
    return fact.kind == "opaque" or mapargs.check_map(a, index, value, fact)


def _callback(a: Arguments, index: int, value: Value, fact: Pointer | Scalar) -> bool:
    """KF_ARG_PTR_TO_CALLBACK: a function of the same object, known by name."""
    if isinstance(fact, Pointer) and fact.kind in ("function", "opaque"):
        return True
    if isinstance(fact, Scalar) and fact.known is None and fact.death is None:
        return True
    return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="function", got=kind_word(fact, value))


def _field(a: Arguments, index: int, value: Value, fact: Pointer | Scalar, life: Life, name: str) -> bool:
    if isinstance(fact, Scalar):
        return _dead(a, index, value, life)
    if fact.kind == "opaque":
        return True
    if fact.null:
        return a.fault(Fault.NULL_ARGUMENT, index, value)
    return mapargs.check_field(a, index, value, fact, name)


def _local_object(
    a: Arguments, index: int, param: Param, value: Value, fact: Pointer | Scalar, life: Life
) -> bool:
    """x__alloc wants an owning reference of its kind, x__refcounted_kptr an object with a bpf_refcount."""
    use = Use.RELEASE if a.releases == index else Use.PASS
    if life in (Life.UNCHECKED, Life.RELEASED, Life.STALE, Life.UNLOCKED, Life.UNKNOWN):
        if life is Life.UNKNOWN:
            # A pointer that was lost from sight, in an array for one.
            return True
        fault = judge(life, use)
        return fault is None or a.fault(fault, index, value, got="a number")
    if isinstance(fact, Scalar) or fact.kind == "opaque":
        return True
    if param.role is Role.REFCOUNTED:
        return _refcounted(a, index, value, fact)
    if fact.kind == "alloc" and not fact.reference:
        return a.fault(Fault.OWNING_REQUIRED, index, value)
    if not _trusted(a, index, value, fact):
        return False
    if fact.kind not in ("alloc", "percpu"):
        return a.fault(Fault.DROP_KIND, index, value, got=kind_word(fact, value), want="a local object")
    wanted = "percpu" if "percpu-obj-drop" in a.contract.effects.special else "alloc"
    if fact.kind != wanted:
        want = "a percpu object" if wanted == "percpu" else "a local object that is not percpu"
        return a.fault(Fault.DROP_KIND, index, value, got=kind_word(fact, value), want=want)
    if not fact.reference:
        return a.fault(Fault.OWNING_REQUIRED, index, value)
    start = fact.base if fact.ctype is not None else None
    if isinstance(value, Ref) and value.offset is not None and start is not None and value.offset != start:
        return a.fault(Fault.RELEASE_OFFSET, index, value)
    return True


def _refcounted(a: Arguments, index: int, value: Value, fact: Pointer) -> bool:
    """KF_ARG_PTR_TO_REFCOUNTED_KPTR: an owning or non-owning reference to a type with a bpf_refcount."""
    if fact.kind != "alloc":
        return a.fault(Fault.REFCOUNT_ARGUMENT, index, value, how="kind", got=kind_word(fact, value))
    if fact.ctype is None or not fact.ctype.fields:
        return True
    if mapargs.field_offsets(fact.ctype, "bpf_refcount"):
        return True
    return a.fault(Fault.REFCOUNT_ARGUMENT, index, value, how="none", have=str(fact.ctype))
