"""Arguments of helpers: each against the type that the helper's prototype gives it.

Sources: check_func_arg(), check_reg_type() with its tables of compatible registers, check_reg_const_str()
(kernel/bpf/verifier.c 6.12 and 6.18); CONTRACT 4.C. The types are those of `kfuncgen.spec.helperargs`.
"""

from __future__ import annotations

from collections.abc import Callable

from kfuncgen.lint import mapargs
from kfuncgen.lint.argument import SOCKETS, Arguments, kind_word
from kfuncgen.lint.bounds import is_known_as_well
from kfuncgen.lint.buffers import check_room, check_size, most
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.helperargs import HelperArgument

_SOCKET_STRUCTS = frozenset(("bpf_sock", "bpf_tcp_sock"))
"""What programs see of PTR_TO_SOCK_COMMON, PTR_TO_SOCKET and PTR_TO_TCP_SOCK: no kernel types."""

_DECIDED_ELSEWHERE = frozenset(("lock", "kptr", "dynptr", "kernel", "record"))
"""Arguments with a protocol of their own (locks, kptrs, dynptrs, released records)."""

_MEMORY = frozenset(("key", "value", "out-value", "in", "out", "inout"))
"""Arguments that are memory of the program."""


def check_helper_argument(a: Arguments, index: int, want: HelperArgument) -> bool:
    """Whether argument `index` is what the helper wants; what is not is reported."""
    value = a.args[index]
    fact = a.state.fact(value)
    if not want.is_pointer:
        return _number(a, index, want, value, fact)
    life = a.evaluator.life(a.state, value)
    if life is Life.STOPPED:
        return True
    if life in (Life.RELEASED, Life.STALE, Life.SUBMITTED, Life.UNLOCKED, Life.UNDECLARED):
        fault = judge(life, Use.RELEASE if a.releases == index else Use.PASS)
        return fault is None or a.fault(fault, index, value)
    if life is Life.NULL:
        return _null(a, index, want, value)
    if isinstance(fact, Scalar):
        return _scalar(a, index, want, value, fact)
    if fact.kind == "opaque":
        return True
    looked_up = fact.kind != "map-value" and fact.origin == "bpf_map_lookup_elem"
    if fact.null and (not want.nullable or a.releases == index or looked_up):
        # Only the test makes a socket, or a map, of what was looked up (mark_ptr_not_null_reg).
        return a.fault(Fault.NULL_ARGUMENT, index, value)
    if want.word in _DECIDED_ELSEWHERE:
        return _released(a, index, value, fact)
    return _CHECKS[want.word](a, index, want, value, fact)


def _number(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer | Scalar) -> bool:
    """A number. Any pointer may stand for `any`, but a maybe-NULL one cannot have been moved."""
    if isinstance(fact, Pointer):
        if fact.null and isinstance(value, Ref) and value.offset != 0:
            return a.fault(Fault.UNCHECKED_NULL, index, value)
        if want.word != "any" and fact.kind not in ("function", "opaque"):
            return a.fault(Fault.SCALAR_ARGUMENT, index, value)
        return True
    if want.word in ("size", "size0"):
        return check_size(a, index, want.word == "size0")
    if want.word == "constant" and fact.known is None and is_known_as_well(a.state, value):
        return a.fault(Fault.NON_CONSTANT_ARGUMENT, index, value)
    return True


def _null(a: Arguments, index: int, want: HelperArgument, value: Value) -> bool:
    """NULL where there must be something; optional memory must have size 0 then."""
    if want.nullable:
        size = a.size(a.contract.params[index])
        return size is None or size.known == 0 or a.fault(Fault.NULL_ARGUMENT, index, value)
    fault = judge(Life.NULL, Use.RELEASE if a.releases == index else Use.PASS)
    return want.word == "ctx" or fault is None or a.fault(fault, index, value)


def _scalar(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Scalar) -> bool:
    """A number where a pointer is wanted. Pointers into packets are unknown numbers here: of memory, only a known
    number is none."""
    got = kind_word(fact, value)
    if want.word in ("struct", "socket", "sock", "full-sock", "kernel", "record"):
        fault = judge(Life.UNKNOWN, Use.RELEASE if a.releases == index else Use.PASS)
        return fault is None or a.fault(fault, index, value, got=got)
    if fact.known is None:
        return True
    if want.word == "stack":
        return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="context", got=got)
    if want.word == "function":
        return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="function", got=got)
    if want.word in _MEMORY:
        return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kind", got=got)
    if want.word == "map":
        return a.fault(Fault.MAP_ARGUMENT, index, value, how="kind", got=got)
    return want.word != "ctx" or a.fault(Fault.CONTEXT_ARGUMENT, index, value, got=got)


def _released(a: Arguments, index: int, value: Value, fact: Pointer) -> bool:
    release = a.releases == index and fact.reference and isinstance(value, Ref)
    if release and isinstance(value, Ref) and value.offset != fact.base:
        return a.fault(Fault.RELEASE_OFFSET, index, value)
    return True


def _context(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    if fact.kind != "ctx":
        return a.fault(Fault.CONTEXT_ARGUMENT, index, value, got=kind_word(fact, value))
    if isinstance(value, Ref) and value.offset == 0:
        return True
    return a.fault(Fault.CONTEXT_ARGUMENT, index, value, got="a pointer into the context, not to its start")


def _memory(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """mem_types: stack, packet, map keys and values, slices, records; trusted kernel objects to read from."""
    got = kind_word(fact, value)
    if fact.kind == "kernel":
        trusted = fact.trust == "trusted" and not fact.reference and fact.struct not in _SOCKET_STRUCTS
        if fact.ctype is None:
            return True
        if not trusted:
            return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kernel", got=got)
        if not want.is_read_only or want.word == "inout":
            return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="write", got=got)
    elif fact.kind not in ("stack", "map-key", "map-value", "memory"):
        return a.fault(Fault.MEMORY_ARGUMENT, index, value, how="kind", got=got)
    if fact.readonly:
        # Frozen maps, and the keys that callbacks are handed, may be passed as memory that is only read; other
        # read-only memory needs MEM_RDONLY.
        written = want.word in ("out", "out-value") if fact.kind != "memory" else want.word != "in"
        if written:
            return a.fault(Fault.READONLY_ARGUMENT, index, value)
    return check_room(a, index, value, fact, _needed(a, index, want, fact))


def _needed(a: Arguments, index: int, want: HelperArgument, fact: Pointer) -> int | None:
    """How many bytes the helper looks at."""
    if want.size:
        return want.size
    if want.word in ("key", "value", "out-value"):
        # What lies behind a variable on the stack is stack too, and the verifier does not mind.
        exact = fact.kind == "memory" or (fact.kind == "map-value" and fact.region is None)
        return mapargs.size_of_element(a, want.word) if exact else None
    return most(a, a.contract.params[index].size_param)


def _map_value(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """Memory with a map's value; maps of sockets take sockets (resolve_map_arg_type)."""
    if mapargs.holds_sockets(a):
        return _socket(a, index, want, value, fact)
    return _memory(a, index, want, value, fact)


def _object(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """btf_ptr_types: plain, trusted and RCU pointers to kernel objects."""
    if fact.kind != "kernel" or fact.struct in _SOCKET_STRUCTS:
        if fact.struct in _SOCKET_STRUCTS and want.struct in SOCKETS:
            return True
        return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got=kind_word(fact, value))
    if fact.trust == "untrusted" and not fact.reference:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust="untrusted")
    return a.type_matches(index, value, fact, want.struct) and _released(a, index, value, fact)


def _socket(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """btf_id_sock_common_types: sockets, and plain or trusted pointers to kernel objects that begin as one."""
    if fact.kind != "kernel":
        return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got=kind_word(fact, value), want="struct sock *")
    if fact.struct in _SOCKET_STRUCTS:
        return _released(a, index, value, fact)
    if fact.trust in ("untrusted", "rcu") and not fact.reference:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust=fact.trust)
    return a.type_matches(index, value, fact, "sock_common") and _released(a, index, value, fact)


def _program_socket(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """sock_types: sockets as programs see them, no kernel objects."""
    if fact.kind == "kernel" and (fact.struct in _SOCKET_STRUCTS or fact.ctype is None):
        return True
    return a.fault(Fault.NOT_KERNEL_POINTER, index, value, got=kind_word(fact, value))


def _percpu(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    """percpu_btf_ptr_types: percpu kernel variables, and percpu kptrs loaded under RCU."""
    var = a.run.module.globals.get(fact.origin) if fact.kind == "map-value" else None
    if fact.kind == "percpu" and fact.trust == "untrusted" and not fact.reference:
        return a.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust="untrusted")
    if (fact.kind == "percpu" and not fact.reference) or (var is not None and var.extern):
        return True
    if fact.kind == "percpu":
        # What is owned has no flag of its own among the types that are taken.
        words = {"have": "percpu object that is owned", "want": "percpu object that was read from a kptr field"}
        return a.fault(Fault.TYPE_MISMATCH, index, value, **words)
    words = {"have": kind_word(fact, value).removeprefix("a ").removeprefix("the "), "want": "percpu object"}
    return a.fault(Fault.TYPE_MISMATCH, index, value, **words)


def _function(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    if fact.kind == "function":
        return True
    return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="function", got=kind_word(fact, value))


def _stack(a: Arguments, index: int, want: HelperArgument, value: Value, fact: Pointer) -> bool:
    if fact.kind == "stack":
        return True
    return a.fault(Fault.CALLBACK_ARGUMENT, index, value, how="context", got=kind_word(fact, value))


_Check = Callable[[Arguments, int, HelperArgument, Value, Pointer], bool]

_CHECKS: dict[str, _Check] = {
    "ctx": _context,
    "map": lambda a, index, want, value, fact: mapargs.check_map(a, index, value, fact),
    "key": _memory,
    "value": _map_value,
    "out-value": _memory,
    "in": _memory,
    "out": _memory,
    "inout": _memory,
    "struct": _object,
    "socket": _socket,
    "sock": _program_socket,
    "full-sock": _program_socket,
    "percpu": _percpu,
    "function": _function,
    "stack": _stack,
    "string": lambda a, index, want, value, fact: mapargs.check_string(a, index, value, fact),
    "timer": lambda a, index, want, value, fact: mapargs.check_field(a, index, value, fact, "bpf_timer"),
}
