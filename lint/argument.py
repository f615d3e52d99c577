"""One call's arguments: what every check of them shares (faults, sizes, words for people)."""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import stop
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.types import Type, field_path
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value, plain_name
from kfuncgen.records import replace
from kfuncgen.spec.model import Param
from kfuncgen.spec.trust import PROJECTIONS

SOCKETS = frozenset(
    ("bpf_sock", "bpf_tcp_sock", "sock_common", "sock", "tcp_sock", "tcp6_sock", "udp6_sock", "mptcp_sock",
     "tcp_timewait_sock", "tcp_request_sock", "unix_sock")
)  # fmt: skip


class Arguments:
    """The arguments of one call on one path, and how a bad one is reported."""

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
        """Index of the argument whose reference the call consumes."""

    def fault(self, fault: Fault, index: int, value: Value, **words: str) -> bool:
        """Report a fault of argument `index`; always false, for use in returns."""
        self.tell(fault, index, value, **words)
        fact = self.state.fact(value)
        if isinstance(fact, Pointer) and isinstance(value, Ref) and fact.null:
            self.state.facts[value.id] = replace(fact, null=False)
            self.state.references.pop(fact.reference, None)
        elif not isinstance(fact, Pointer) or not fact.reference:
            stop(self.state, value)
        return False

    def tell(self, fault: Fault, index: int, value: Value, **words: str) -> None:
        """Report what is wrong with argument `index` and leave its value as it is."""
        described = self.transfer.describe(index)
        fact = self.state.fact(value)
        param = self.contract.params[index]
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

    def size(self, param: Param) -> Scalar | None:
        """The size that bounds a pointer, None when there is none or it is no number."""
        if param.size_param is None or param.size_param >= len(self.args):
            return None
        fact = self.state.fact(self.args[param.size_param])
        return fact if isinstance(fact, Scalar) else None

    def struct(self, index: int, name: str) -> Type | None:
        """The struct that a parameter points to, as the program declares it."""
        prototype = self.call.prototype
        if prototype is not None and index < len(prototype.params):
            target = prototype.params[index].target
            if target is not None and plain_name(target.name) == name:
                return target
        return self.run.module.struct.get(name)

    def expression(self, index: int) -> ir.Expr | None:
        """What is written for an argument, without casts."""
        argument = self.call.args[index] if index < len(self.call.args) else None
        while isinstance(argument, ir.Cast):
            argument = argument.operand
        return argument

    def is_of_type(self, value: Value, fact: Pointer, want: str, exact: bool = False) -> bool:
        """Whether a pointer points to `struct want`, maybe as the first member of what it points to.

        btf_struct_ids_match(): the member at the pointer's offset counts, and its first members; not so when
        `exact`, and for no-cast aliases (`T___init`). What is not known counts as a match.
        """
        if not want or fact.ctype is None or not fact.ctype.name:
            return True
        offset = value.offset if isinstance(value, Ref) else 0
        if offset is None:
            return True
        offset -= fact.base
        if same_type(want, fact.struct) and offset == 0:
            return True
        if not exact and not want.endswith("___init") and not fact.ctype.name.endswith("___init"):
            chain = field_path(fact.ctype, offset)
            if any(at == 0 and same_type(want, plain_name(t.name)) for at, t in chain):
                return True
            if not fact.ctype.fields:
                # Only declared in this source: its members, and so its first member's type, are not known.
                return True
        return fact.ctype.name == want and offset == 0

    def type_matches(self, index: int, value: Value, fact: Pointer, want: str, exact: bool = False) -> bool:
        """Report an argument that is no pointer to `struct want`."""
        if self.is_of_type(value, fact, want, exact):
            return True
        have = f"pointer to struct {fact.struct}"
        return self.fault(Fault.TYPE_MISMATCH, index, value, have=have, want=f"pointer to struct {want}")


def kind_word(fact: Pointer | Scalar, value: Value) -> str:
    """What an argument is, for people."""
    if isinstance(fact, Scalar):
        return "none" if value == 0 else "a number"
    return {
        "kernel": f"a pointer to struct {fact.struct or '?'}",
        "alloc": "a local object",
        "percpu": "a percpu object",
        "user": "a pointer to user memory",
        "ctx": "the program's context",
        "stack": "a pointer to the stack",
        "map": "a map",
        "map-value": "a pointer to map or global data",
        "map-key": "a pointer to a map's key",
        "memory": "a pointer to memory",
        "function": "a function",
        "dynptr": "a dynptr",
        "opaque": "an unknown pointer",
    }[fact.kind]


def same_type(want: str, have: str) -> bool:
    """Whether two tags name the same object to the verifier."""
    return (
        want == have
        or PROJECTIONS.get(want) == have
        or PROJECTIONS.get(have) == want
        or (want in SOCKETS and have in SOCKETS)
    )
