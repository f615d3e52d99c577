"""Arguments of a contract call, left to right, in the verifier's order; the first bad one wins.

Sources: check_kfunc_args(), get_kfunc_ptr_arg_type(), process_kf_arg_ptr_to_btf_id() for kfuncs, check_func_arg()
for helpers (kernel/bpf/verifier.c 6.12 and 6.18); CONTRACT 3.1, 4.B, 4.C, 5.
"""

from __future__ import annotations

from dataclasses import replace

from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.run import stop
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.types import Type, field_path, only_scalars
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value, plain_name
from kfuncgen.spec.model import Param, Role

PROJECTIONS = {"__sk_buff": "sk_buff", "xdp_md": "xdp_buff", "bpf_nf_ctx": "bpf_nf_ctx"}
"""User-visible context structs and the kernel objects behind them (btf_is_projection_of)."""

_SOCKETS = frozenset(
    ("bpf_sock", "bpf_tcp_sock", "sock_common", "sock", "tcp_sock", "tcp6_sock", "udp6_sock", "mptcp_sock",
     "tcp_timewait_sock", "tcp_request_sock", "unix_sock")
)  # fmt: skip

_HANDLED_ELSEWHERE = frozenset(
    (
        Role.IGNORED,
        Role.PROG_AUX,
        Role.ALLOC,
        Role.REFCOUNTED,
        Role.LIST_HEAD,
        Role.LIST_NODE,
        Role.RB_ROOT,
        Role.RB_NODE,
        Role.CONST_STRING,
        Role.MAP,
        Role.WORKQUEUE,
        Role.TIMER,
        Role.TASK_WORK,
        Role.IRQ_FLAG,
        Role.RES_SPIN_LOCK,
        Role.CALLBACK,
        Role.DYNPTR,
        Role.ITERATOR,
    )
)


class ArgumentChecker:
    """Checks the arguments of one call on one path."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.evaluator = transfer.evaluator
        self.run = transfer.run
        self.state = transfer.state
        self.contract = contract = transfer.contract
        self.call = transfer.call
        self.args = transfer.args
        releases = contract.effects.releases
        if releases is None and "kptr-xchg" in contract.effects.special:
            releases = 1
        self.releases = releases

    def check(self) -> bool:
        """True when every argument is what the contract asks for; the first fault is reported."""
        for index, param in enumerate(self.contract.params):
            if index >= len(self.args):
                break
            if not self._argument(index, param, self.args[index]):
                return False
        return self._release_has_reference()

    # -- reporting ---------------------------------------------------------------------------------------

    def fault(self, fault: Fault, index: int, value: Value, **words: str) -> bool:
        """Report a fault of argument `index`; always false, for use in returns."""
        described = self.transfer.describe(index)
        param = self.contract.params[index]
        fact = self.state.fact(value)
        site = fact.site if isinstance(fact, Pointer) else fact.death.site if fact.death else 0
        self.run.report(
            self.state,
            fault,
            self.call.span,
            self.evaluator.function.name,
            value.id if isinstance(value, Ref) else 0,
            site,
            words={
                **described,
                "kfunc": self.contract.name,
                "number": str(index + 1),
                "param": param.name,
                "want": str(param.ctype),
                **words,
            },
        )
        if isinstance(fact, Pointer) and isinstance(value, Ref) and fact.null:
            self.state.facts[value.id] = replace(fact, null=False)
            self.state.references.pop(fact.reference, None)
        elif not isinstance(fact, Pointer) or not fact.reference:
            stop(self.state, value)
        return False

    # -- one argument ------------------------------------------------------------------------------------

    def _argument(self, index: int, param: Param, value: Value) -> bool:
        if param.role in (Role.IGNORED, Role.PROG_AUX):
            return True
        fact = self.state.fact(value)
        if not param.ctype.is_pointer:
            return self._number(index, param, value, fact)
        if self.is_context(param):
            return self._context(index, value, fact)
        life = self.evaluator.life(self.state, value)
        if life is Life.STOPPED:
            return True
        if life is Life.NULL:
            return param.nullable or self._null(index, param, value)
        if param.role in _HANDLED_ELSEWHERE:
            return self._special_pointer(index, param, value, fact, life)
        if self.contract.is_kfunc:
            return self._kfunc_pointer(index, param, value, fact, life)
        return self._helper_pointer(index, param, value, fact, life)

    def is_context(self, param: Param) -> bool:
        """Whether a parameter is this program type's context."""
        info = self.run.program.info
        return bool(
            self.contract.is_kfunc
            and info is not None
            and info.args == "ctx"
            and info.ctx_struct
            and param.ctype.struct_name == info.ctx_struct
        )

    def _context(self, index: int, value: Value, fact: Pointer | Scalar) -> bool:
        if isinstance(fact, Pointer) and fact.kind == "ctx":
            if isinstance(value, Ref) and value.offset == 0:
                return True
            return self.fault(
                Fault.CONTEXT_ARGUMENT, index, value, got="a pointer into the context, not to its start"
            )
        if isinstance(fact, Pointer) and fact.kind == "opaque":
            return True
        if isinstance(fact, Scalar) and fact.death is not None and fact.death.how == "stop":
            return True
        got = self.kind_word(fact, value)
        return self.fault(Fault.CONTEXT_ARGUMENT, index, value, got=got)

    def _number(self, index: int, param: Param, value: Value, fact: Pointer | Scalar) -> bool:
        fact = self._untruncated(index, fact)
        if isinstance(fact, Pointer):
            if not self.contract.is_kfunc or fact.kind in ("function", "opaque"):
                return True
            return self.fault(Fault.SCALAR_ARGUMENT, index, value)
        constant = param.role in (Role.CONSTANT, Role.CONSTANT_SIZE, Role.RETURN_SIZE)
        if constant and self.contract.is_kfunc and fact.known is None and not self._compile_time(index):
            return self.fault(Fault.NON_CONSTANT_ARGUMENT, index, value)
        return True

    def _untruncated(self, index: int, fact: Pointer | Scalar) -> Pointer | Scalar:
        """The argument register holds a pointer even where C narrows it: callees narrow on BPF."""
        argument = self.call.args[index] if index < len(self.call.args) else None
        if not isinstance(argument, ir.Cast) or isinstance(fact, Pointer):
            return fact
        while isinstance(argument, ir.Cast):
            argument = argument.operand
        if not argument.ctype.is_pointer:
            return fact
        return self.state.fact(self.evaluator.value(self.state, argument))

    def _compile_time(self, index: int) -> bool:
        """CO-RE questions (type ids, sizes) are constants that only the loader knows."""
        argument = self.call.args[index] if index < len(self.call.args) else None
        while isinstance(argument, ir.Cast):
            argument = argument.operand
        return isinstance(argument, ir.Unknown)

    def _null(self, index: int, param: Param, value: Value) -> bool:
        """NULL where a pointer is needed; memory of flagless kfuncs may be NULL (CONTRACT 4.B, up to 6.18)."""
        effects = self.contract.effects
        strict = effects.trusted_args or effects.rcu_args
        use = Use.RELEASE if self.releases == index else Use.PASS
        if self.contract.is_kfunc and not strict:
            if self._kernel_struct(index, param):
                return self.fault(Fault.NOT_KERNEL_POINTER, index, value, got="NULL")
            size = self._size_argument(param)
            return (
                size is None
                or size.known == 0
                or param.size_param is None
                or self.fault(Fault.NULL_ARGUMENT, index, value)
            )
        if not self.contract.is_kfunc and not self._helper_wants(index, param):
            return True
        fault = judge(Life.NULL, use)
        return fault is None or self.fault(fault, index, value)

    def _kernel_struct(self, index: int, param: Param) -> bool:
        """Whether a parameter is a pointer to a kernel struct that memory cannot stand in for."""
        name = param.ctype.struct_name
        if not name or param.size_param is not None:
            return False
        struct = self._struct(index, name)
        return struct is None or not struct.fields or not only_scalars(struct)

    def _struct(self, index: int, name: str) -> Type | None:
        prototype = self.call.prototype
        if prototype is not None and index < len(prototype.params):
            target = prototype.params[index].target
            if target is not None and target.name == name:
                return target
        return self.run.module.struct.get(name)

    def _size_argument(self, param: Param) -> Scalar | None:
        if param.size_param is None or param.size_param >= len(self.args):
            return None
        fact = self.state.fact(self.args[param.size_param])
        return fact if isinstance(fact, Scalar) else None

    def _special_pointer(self, index: int, param: Param, value: Value, fact: Pointer | Scalar, life: Life) -> bool:
        """Parameters with a protocol of their own: here only that the pointer is usable at all."""
        if param.role in (Role.MAP, Role.CALLBACK, Role.CONST_STRING, Role.DYNPTR, Role.ITERATOR):
            return True
        use = Use.RELEASE if self.releases == index else Use.PASS
        if life in (Life.UNCHECKED, Life.NULL, Life.RELEASED):
            fault = judge(life, use)
            if fault is not None:
                return self.fault(fault, index, value)
        if param.role is Role.ALLOC and isinstance(fact, Pointer) and fact.kind == "alloc" and not fact.reference:
            return self.fault(Fault.OWNING_REQUIRED, index, value)
        if param.role is Role.ALLOC and isinstance(fact, Pointer) and fact.reference and isinstance(value, Ref):
            start = fact.base if fact.ctype is not None else None
            if value.offset is not None and start is not None and value.offset != start:
                return self.fault(Fault.RELEASE_OFFSET, index, value)
        return True

    # -- kfuncs ------------------------------------------------------------------------------------------

    def _kfunc_pointer(self, index: int, param: Param, value: Value, fact: Pointer | Scalar, life: Life) -> bool:
        effects = self.contract.effects
        strict = effects.trusted_args or effects.rcu_args
        release = self.releases == index
        use = Use.RELEASE if release else Use.PASS
        if isinstance(fact, Scalar):
            if not self._kernel_struct(index, param) and life is Life.UNKNOWN:
                return True
            fault = judge(life, use)
            return fault is None or self.fault(fault, index, value, got=self.kind_word(fact, value))
        if fact.kind in ("kernel", "alloc", "percpu"):
            if fact.null and (strict or self._kernel_struct(index, param)):
                return self.fault(Fault.NULL_ARGUMENT, index, value)
            return self._kernel_pointer(index, param, value, fact, strict, release)
        if fact.kind == "opaque":
            return True
        if fact.null and strict:
            return self.fault(Fault.NULL_ARGUMENT, index, value)
        return self._memory(index, param, value, fact)

    def _kernel_pointer(
        self, index: int, param: Param, value: Value, fact: Pointer, strict: bool, release: bool
    ) -> bool:
        trusted = (
            bool(fact.reference) or fact.trust == "trusted" or (fact.kind == "alloc" and fact.trust == "plain")
        )
        if strict and not trusted:
            if not self.contract.effects.rcu_args:
                return self.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust=fact.trust)
            if fact.trust != "rcu":
                return self.fault(Fault.NOT_RCU_ARGUMENT, index, value, trust=fact.trust)
        if fact.trust == "untrusted" and not fact.reference:
            return self.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust=fact.trust)
        if release and fact.reference and isinstance(value, Ref) and value.offset != fact.base:
            return self.fault(Fault.RELEASE_OFFSET, index, value)
        return self._type_matches(index, param, value, fact, release and bool(fact.reference))

    def _type_matches(self, index: int, param: Param, value: Value, fact: Pointer, exact: bool) -> bool:
        want = param.ctype.struct_name
        if not want or fact.ctype is None or not fact.ctype.name:
            return True
        offset = value.offset if isinstance(value, Ref) else 0
        if offset is None:
            return True
        offset -= fact.base
        have = fact.struct
        if _same_type(want, have) and offset == 0:
            return True
        if not exact and not want.endswith("___init") and not fact.ctype.name.endswith("___init"):
            chain = field_path(fact.ctype, offset)
            if any(at == 0 and _same_type(want, plain_name(t.name)) for at, t in chain):
                return True
            if not fact.ctype.fields:
                # Only declared in this source: its members, and so its first member's type, are not known.
                return True
        if fact.ctype.name == want and offset == 0:
            return True
        return self.fault(
            Fault.TYPE_MISMATCH, index, value, have=f"pointer to struct {have}", want=f"pointer to struct {want}"
        )

    def _memory(self, index: int, param: Param, value: Value, fact: Pointer) -> bool:
        """Our own memory where the kfunc wants a kernel object, or a buffer."""
        if self._kernel_struct(index, param):
            return self.fault(Fault.NOT_KERNEL_POINTER, index, value, got=self.kind_word(fact, value))
        offset = value.offset if isinstance(value, Ref) else 0
        if fact.size is None or offset is None:
            return True
        available = fact.size - offset
        if param.size_param is not None:
            size = self._size_argument(param)
            if size is None:
                return True
            if size.known is not None and size.known > available >= 0:
                return self.fault(Fault.BUFFER_SIZE, index, value, size=str(size.known), available=str(available))
            return True
        target = param.ctype.pointee
        needed = target.size if target is not None else 0
        struct = self._struct(index, param.ctype.struct_name) if param.ctype.struct_name else None
        if struct is not None:
            needed = struct.size
        if needed > available >= 0:
            return self.fault(Fault.BUFFER_SIZE, index, value, size=str(needed), available=str(available))
        return True

    # -- helpers -----------------------------------------------------------------------------------------

    def _helper_wants(self, index: int, param: Param) -> bool:
        """Whether a helper's pointer must not be NULL: typed objects and released pointers; memory is left."""
        return bool(param.ctype.struct_name) or self.releases == index

    def _helper_pointer(self, index: int, param: Param, value: Value, fact: Pointer | Scalar, life: Life) -> bool:
        release = self.releases == index
        use = Use.RELEASE if release else Use.PASS
        if life in (Life.RELEASED, Life.STALE) or (life is Life.UNKNOWN and release):
            fault = judge(life, use)
            return fault is None or self.fault(fault, index, value, got="a number")
        if isinstance(fact, Scalar):
            return True
        if life is Life.UNCHECKED:
            if (param.nullable and not release) or fact.kind in ("ctx", "stack", "opaque"):
                return True
            return self.fault(Fault.NULL_ARGUMENT, index, value)
        if release and isinstance(value, Ref) and fact.reference and value.offset != 0:
            return self.fault(Fault.RELEASE_OFFSET, index, value)
        if fact.kind == "kernel" and fact.trust == "untrusted" and not fact.reference and param.ctype.struct_name:
            return self.fault(Fault.UNTRUSTED_ARGUMENT, index, value, trust="untrusted")
        return True

    # -- after the arguments -----------------------------------------------------------------------------

    def _release_has_reference(self) -> bool:
        """A release must be handed a live reference (`expects refcounted PTR_TO_BTF_ID`)."""
        index = self.releases
        if index is None or index >= len(self.args):
            return True
        value = self.args[index]
        fact = self.state.fact(value)
        if not isinstance(fact, Pointer) or fact.reference or fact.kind == "opaque":
            return True
        if self.contract.params[index].role in (Role.DYNPTR, Role.ITERATOR):
            return True
        if fact.kind in ("alloc", "percpu") and self.contract.effects.special:
            return True
        fault = judge(Life.BORROWED, Use.RELEASE)
        return fault is None or self.fault(fault, index, value)

    def kind_word(self, fact: Pointer | Scalar, value: Value) -> str:
        """What an argument is, for people."""
        if isinstance(fact, Scalar):
            if value == 0:
                return "NULL"
            return "a number"
        return {
            "kernel": f"a pointer to struct {fact.struct or '?'}",
            "alloc": "a local object",
            "percpu": "a percpu object",
            "ctx": "the program's context",
            "stack": "a pointer to the stack",
            "map": "a map",
            "map-value": "a pointer to map or global data",
            "memory": "a pointer to memory",
            "function": "a function",
            "opaque": "an unknown pointer",
        }[fact.kind]


def _same_type(want: str, have: str) -> bool:
    return (
        want == have
        or PROJECTIONS.get(want) == have
        or PROJECTIONS.get(have) == want
        or (want in _SOCKETS and have in _SOCKETS)
    )
