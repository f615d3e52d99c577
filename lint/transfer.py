"""One contract call on one path: what every part of the transfer function shares."""

from __future__ import annotations

from collections.abc import Mapping

from kfuncgen.lint import ir
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import stop
from kfuncgen.lint.spelling import spell
from kfuncgen.lint.state import Slot, State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Demise, Fact, Pointer, Ref, Scalar, Value, dead, from_outside, plain_name
from kfuncgen.records import replace
from kfuncgen.spec.model import Contract, CType

Outcome = list[tuple[State, Value]]
"""Paths after an instruction: each a state and the value of the call there."""


class Transfer:
    """A call being applied to `state`."""

    def __init__(
        self, evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value]
    ) -> None:
        self.evaluator = evaluator
        self.run = evaluator.run
        self.state = state
        self.contract = contract
        self.name = contract.name
        self.effects = contract.effects
        self.special = contract.effects.special
        self.call = call
        self.args = args
        self.site = self.run.site(call, evaluator.function.name)

    def report(
        self, fault: Fault, words: Mapping[str, str] | None = None, subject: int = 0, site: int = 0
    ) -> None:
        """Record a fault at the call."""
        self.run.report(
            self.state, fault, self.call.span, self.evaluator.function.name, subject, site,
            {"kfunc": self.name, **(words or {})},
        )  # fmt: skip

    def argument(self, index: int) -> Value:
        """The value of an argument, 0 when there is none."""
        return self.args[index] if index < len(self.args) else 0

    def fact(self, index: int) -> Fact:
        """What is known of an argument."""
        return self.state.fact(self.args[index]) if index < len(self.args) else ANY

    def name_of(self, index: int, default: str = "pointer") -> str:
        """What an argument is called: as it is written here, else as the value was called before."""
        written = spell(self.call.args[index]) if index < len(self.call.args) else ""
        return written or self.run.name_of(self.argument(index), default)

    def describe(self, index: int) -> dict[str, str]:
        """Words about an argument for messages."""
        written = spell(self.call.args[index]) if index < len(self.call.args) else ""
        return self.evaluator.describe(self.state, self.argument(index), written)

    def memory(self, index: int) -> tuple[int, int] | None:
        """Region and offset that an argument points to, None when it is not memory that the state models."""
        value, fact = self.argument(index), self.fact(index)
        if isinstance(fact, Pointer) and fact.region is not None and isinstance(value, Ref):
            return (fact.region, value.offset) if value.offset is not None else None
        return None

    def slot(self, index: int) -> Slot | None:
        """The iterator or dynptr that an argument points to."""
        key = self.memory(index)
        return self.state.slots.get(key) if key is not None else None

    def invalidate(self, parent: int, how: Demise = "stale") -> None:
        """Elements of an iterator that is gone are scalars from here on."""
        if not parent:
            return
        for identifier, fact in list(self.state.facts.items()):
            if isinstance(fact, Pointer) and fact.parent == parent:
                self.state.facts[identifier] = dead(how, fact, self.name, self.site)

    def struct_type(self, ctype: CType) -> Type | None:
        """The type of a struct pointer that is returned: the kernel's name, the program's layout.

        Programs may declare a kfunc with another struct; what the verifier goes by is the kernel's.
        """
        name = ctype.struct_name
        prototype = self.call.prototype
        declared = None
        if prototype is not None and prototype.target is not None and prototype.target.is_pointer:
            target = prototype.target.target
            if target is not None and target.kind in ("struct", "union"):
                declared = target
        if not name or (declared is not None and plain_name(declared.name) == name):
            return declared
        return self.run.module.struct.setdefault(name, Type("struct", name=name))

    def any_result(self, number: bool = False) -> Value:
        """A result of which only the type is known, and whether it is no pointer for certain."""
        made = from_outside(self.call.ctype)
        return self.run.new(self.state, replace(made, number=True) if number else made)

    def nothing(self) -> Value:
        """The result of a call that was refused: nothing more is said about it."""
        value = self.run.new(self.state, ANY)
        stop(self.state, value)
        return value

    def constant(self, index: int) -> int | None:
        """The value of a scalar argument when it is known."""
        fact = self.fact(index)
        return fact.known if isinstance(fact, Scalar) else None


def end_reference(state: State, reference: int, by: str, site: int) -> None:
    """A reference ends: all pointers that carry it are scalars from here on (CONTRACT 3.1 step 8)."""
    state.references.pop(reference, None)
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.reference == reference:
            state.facts[identifier] = dead("released", fact, by, site)


def forget_memory(state: State, value: Value, size: int | None = None) -> None:
    """Modelled memory that somebody else may write: its content is unknown afterwards."""
    fact = state.fact(value)
    if not isinstance(fact, Pointer) or fact.region is None or fact.kind not in ("stack", "map-value"):
        return
    if fact.region not in state.regions and fact.region < 0:
        return
    slots = {k: s for k, s in state.slots.items() if k[0] == fact.region}
    offset = value.offset if isinstance(value, Ref) else None
    state.fill(fact.region, offset or 0, size if offset is not None else None, "unknown", fact.size or 0)
    state.slots.update(slots)
