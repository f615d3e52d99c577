"""Which numbers decide anything, in the sense of program slicing (Weiser, ICSE 1981).

Most statements of a program compute: statistics, weights, time. The verifier's contracts do not ask for them. What
decides is found backwards from what does: addresses, contracts' arguments, results that are judged, branches where
something other than computing happens between the sides. The explorer steps over the rest: numbers that decide
nothing are not kept, so paths do not differ in them, and branches that only choose between computations are no
branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kfuncgen.lint import ir
from kfuncgen.lint.flows import ELSEWHERE, BlockFlow, Flows, Key, flows_of
from kfuncgen.lint.values import plain_name
from kfuncgen.records import Struct, field
from kfuncgen.spec.helperargs import numbers_of
from kfuncgen.spec.model import Kernel, Role, SpecSet


class Slice(Struct, frozen=True, eq=False):
    """What need not be walked of a function, for callers that need its result or do not (`result`)."""

    idle: frozenset[int] = frozenset()
    """Locals whose numbers decide nothing."""
    result: bool = True
    """The value that is returned is needed."""
    passed: Mapping[int, ir.Block] = field(default_factory=dict)
    """Branches (by identity) of which no side matters, with the block where the sides meet."""
    computing: frozenset[int] = frozenset()
    """Statements (by identity) that only compute numbers that decide nothing."""
    places: frozenset[int] = frozenset()
    """Places (by identity) from which such numbers are read."""


WHOLE = Slice()
"""Everything matters."""


class Slicing:
    """The slices of one module's functions, worked out when first asked for."""

    def __init__(self, module: ir.Module, specs: SpecSet, kernel: Kernel) -> None:
        self._module = module
        self._specs = specs
        self._kernel = kernel
        self._flows: dict[str, Flows] = {}
        self._globals: set[ir.GlobalVariable] = set()
        self._needs: dict[tuple[str, bool], set[Key]] = {}
        self._plain: dict[str, tuple[bool, set[Key]]] = {}
        self._slices: dict[tuple[str, bool], Slice] = {}
        self._roots: set[tuple[str, bool]] = set()
        self._inlined = {name for name, body in module.functions.items() if not body.noinline}

    def of(self, function: ir.Function, result: bool) -> Slice:
        """The slice of a function that is inlined where its result is needed or not."""
        known = self._slices.get((function.name, result))
        if known is None:
            if (function.name, result) not in self._needs:
                return WHOLE  # no caller that was looked at calls it so
            known = self._slices[function.name, result] = self._slice(function.name, result)
        return known

    def add(self, roots: Iterable[tuple[ir.Function, bool]]) -> None:
        """Work out what matters for functions that are walked from their beginning, as programs and callbacks are;
        with each, whether anybody looks at the number that it returns."""
        self._roots |= {(function.name, result) for function, result in roots}
        known = (-1, -1)
        while known != (len(self._globals), len(self._roots)):
            # Globals are shared: what one function needs of them makes the others' stores matter.
            known = len(self._globals), len(self._roots)
            self._needs.clear()
            self._slices.clear()
            for name, needed in sorted(self._roots):
                self._solve(name, needed)

    def _unread(self, name: str) -> frozenset[int]:
        """Indices of the arguments of a kfunc or helper that may be any number (KF_ARG_PTR_TO_* aside, what
        check_kfunc_args() calls a scalar without suffix; ARG_ANYTHING of helpers)."""
        if name in self._module.functions:
            return frozenset()
        known = self._specs.get(plain_name(name)) or self._specs.get(name)
        if known is None:
            return numbers_of(name)
        if known.options:
            return frozenset()
        contract = known.at(self._kernel)
        if contract.effects.special or contract.effects.iterator:
            return frozenset()
        if not contract.is_kfunc:
            return numbers_of(name)
        numbers = (i for i, p in enumerate(contract.params) if p.role is Role.SCALAR and not p.ctype.is_pointer)
        return frozenset(numbers)

    def _flow(self, name: str) -> Flows:
        known = self._flows.get(name)
        if known is None:
            bodies = self._module.functions
            known = self._flows[name] = flows_of(bodies[name], self._inlined, self._unread)
            self._roots |= {(other, True) for other in known.handed if other in bodies}
            self._roots |= {(other, False) for other in known.outlined if other in bodies}
        return known

    def _solve(self, name: str, result: bool) -> set[Key]:
        """The numbers that matter in a function."""
        known = self._needs.get((name, result))
        if known is not None:
            return known
        flows = self._flow(name)
        # Recursion finds that everything matters.
        self._needs[name, result] = set(flows.locals)
        needs = flows.needed | self._globals
        if result:
            needs |= flows.returned
        undecided = list(flows.forks)
        size = -1
        while size != len(needs):
            size = len(needs)
            for target, reads in flows.assigns:
                if target in needs:
                    needs |= reads
            for call in flows.calls:
                wanted = call.result == ELSEWHERE or (call.result is not None and call.result in needs)
                inner = self._solve(call.callee, wanted)
                params = self._module.functions[call.callee].params
                followed = self._flow(call.callee).locals
                for index, reads in enumerate(call.args):
                    if not reads <= needs and (
                        index >= len(params) or params[index].index in inner or params[index].index not in followed
                    ):
                        needs |= reads
            rest = []
            mattering = self._mattering(flows, needs)
            for fork in undecided:
                if fork.order in mattering:
                    needs |= fork.reads
                else:
                    rest.append(fork)
            undecided = rest
        self._globals.update(key for key in needs if isinstance(key, ir.GlobalVariable))
        self._needs[name, result] = needs
        return needs

    def _mattering(self, flows: Flows, needs: set[Key]) -> set[int]:
        """The forks (by order) between whose sides something is more than computing what is not needed."""
        found = {fork.order for fork in flows.forks if fork.end is None}
        todo = [order for order in flows.decided if self._matters(flows.blocks[order], needs)]
        todo += found
        while todo:
            for order in flows.decided.get(todo.pop(), ()):
                if order not in found:
                    found.add(order)
                    todo.append(order)
        return found

    def _matters(self, block: BlockFlow, needs: set[Key]) -> bool:
        """Whether a block does more than computing what is not needed."""
        if not block.plain or not block.targets.isdisjoint(needs):
            return True
        for call in block.calls:
            plain, targets = self._computes(call.callee)
            if not plain or not targets.isdisjoint(needs):
                return True
        return False

    def _computes(self, name: str) -> tuple[bool, set[Key]]:
        """Whether a function and what it calls only computes, and the globals that it sets."""
        known = self._plain.get(name)
        if known is not None:
            return known
        self._plain[name] = (False, set())  # recursion
        flows = self._flow(name)
        plain, targets = True, set[Key]()
        for block in flows.blocks:
            plain = plain and block.plain
            targets.update(t for t in block.targets if isinstance(t, ir.GlobalVariable))
            for call in block.calls:
                inner, more = self._computes(call.callee)
                plain = plain and inner
                targets |= more
        self._plain[name] = (plain, targets)
        return plain, targets

    def _slice(self, name: str, result: bool) -> Slice:
        needs, flows = self._needs[name, result] | self._globals, self._flow(name)
        mattering = self._mattering(flows, needs)
        passed = {
            id(fork.terminator): fork.end
            for fork in flows.forks
            if fork.end is not None and fork.order not in mattering
        }
        computing = {
            id(statement)
            for statement, target in flows.computing
            if (not result if isinstance(statement, ir.Return) else target is None or target not in needs)
        }
        for call in flows.calls:
            if call.plain and (call.result is None or call.result not in needs):
                plain, targets = self._computes(call.callee)
                if plain and targets.isdisjoint(needs):
                    computing.add(id(call.call))
        places = frozenset(id(place) for place, key in flows.places if key not in needs)
        return Slice(frozenset(flows.locals - needs), result, passed, frozenset(computing), places)
