"""Which branches of a path a person needs: those whose two sides differ in what matters for the finding.

A branch is idle when both sides meet again in its function and nothing between differs but side effects that no
later branch looks at: statistics, prints, values that are only stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.postdominance import Postdominators, between, meeting, postdominators
from kfuncgen.lint.run import Run


class Relevance:
    """Answers for the functions of one module; what it finds out about a function is kept."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._owners: dict[int, ir.Function] = {}
        self._after: dict[str, Postdominators] = {}
        self._watched: dict[str, set[int]] = {}
        self._between: dict[int, tuple[Span, ...] | None] = {}

    def is_idle(self, branch: ir.Branch, fault: Span) -> bool:
        """Whether a path may be told without this branch; never when the fault stands between its sides."""
        if id(branch) not in self._between:
            self._between[id(branch)] = self._spans_between(branch)
        spans = self._between[id(branch)]
        if spans is None:
            return False
        return not any(s.file == fault.file and s.line <= fault.line <= s.end_line for s in spans)

    def _spans_between(self, branch: ir.Branch) -> tuple[Span, ...] | None:
        """Where the statements between the sides of a branch stand; None when what is there makes a difference."""
        function = self._owner(branch)
        if function is None:
            return None
        sides = (branch.if_true, branch.if_false)
        end = meeting(function, self._postdominators(function), sides)
        if end is None:
            return None
        blocks = between(sides, end)
        if not all(self._block_is_idle(function, block, end) for block in blocks):
            return None
        return tuple({instruction.span: None for block in blocks for instruction in block.instructions})

    def _owner(self, branch: ir.Branch) -> ir.Function | None:
        if not self._owners:
            for function in self._run.module.functions.values():
                for block in function.blocks:
                    self._owners[id(block.terminator)] = function
        return self._owners.get(id(branch))

    def _postdominators(self, function: ir.Function) -> Postdominators:
        known = self._after.get(function.name)
        if known is None:
            known = self._after[function.name] = postdominators(function)
        return known

    def _block_is_idle(self, function: ir.Function, block: ir.Block, end: ir.Block) -> bool:
        watched = self._watched_variables(function)
        for instruction in block.instructions:
            if isinstance(instruction, ir.Opaque):
                return False
            if isinstance(instruction, ir.Call):
                if not isinstance(instruction.callee, str) or self._run.matters(instruction.callee):
                    return False
                place: ir.Place | None = instruction.result
            else:
                place = getattr(instruction, "place", None)
            root = ir.root_of(place) if place is not None else None
            if isinstance(root, ir.Local) and root.var.index in watched and root.var.index in end.live:
                return False
        return True

    def _watched_variables(self, function: ir.Function) -> set[int]:
        """Locals on which a branch, a call or the returned value depends, directly or through others."""
        known = self._watched.get(function.name)
        if known is not None:
            return known
        watched: set[int] = set()
        flows: list[tuple[int, set[int]]] = []
        for block in function.blocks:
            end = block.terminator
            if isinstance(end, ir.Branch):
                watched |= set(_locals(end.condition))
            else:
                decides = isinstance(end, ir.Switch) or (isinstance(end, ir.Return) and function.static)
                value = getattr(end, "value", None) if decides else None
                watched |= set(_locals(value)) if value is not None else set()
            for instruction in block.instructions:
                if isinstance(instruction, ir.Call):
                    for argument in instruction.args:
                        watched |= set(_locals(argument))
                elif isinstance(instruction, ir.Assign) and isinstance(instruction.place, ir.Local):
                    flows.append((instruction.place.var.index, set(_locals(instruction.value))))
        changed = True
        while changed:
            changed = False
            for target, sources in flows:
                if target in watched and not sources <= watched:
                    watched |= sources
                    changed = True
        self._watched[function.name] = watched
        return watched


def _locals(expression: ir.Expr) -> Iterator[int]:
    """Indices of the locals that an expression reads."""
    if isinstance(expression, ir.Unary | ir.Cast):
        yield from _locals(expression.operand)
    elif isinstance(expression, ir.Binary):
        yield from _locals(expression.left)
        yield from _locals(expression.right)
    elif isinstance(expression, ir.Load | ir.AddressOf):
        place = expression.place
        while isinstance(place, ir.Member | ir.Element):
            if isinstance(place, ir.Element):
                yield from _locals(place.index)
            place = place.base
        if isinstance(place, ir.Local):
            yield place.var.index
        elif isinstance(place, ir.Deref):
            yield from _locals(place.pointer)
