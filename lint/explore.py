"""Walks the paths of a program: a worklist over (block, state), static functions inline, loops to a fixpoint.

States at the entry of a block are compared after dead locals are dropped, so paths that no longer differ in
anything are walked once; `joining` bounds how many are kept apart. Nothing is judged here.
"""

from __future__ import annotations

import heapq

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.callbacks import run_callbacks, run_less
from kfuncgen.lint.calls import call_contract
from kfuncgen.lint.conditions import assume, assume_comparison
from kfuncgen.lint.dynptrs import change_packet
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.integers import decide
from kfuncgen.lint.joining import Meeting, Told, told_by
from kfuncgen.lint.regions import check_exit
from kfuncgen.lint.returns import check_program_return
from kfuncgen.lint.run import MAX_FRAMES, MAX_STEPS, Run, stop
from kfuncgen.lint.slicing import WHOLE
from kfuncgen.lint.state import FRAME, PSEUDO, Regions, State
from kfuncgen.lint.subprograms import call_global, under_lock
from kfuncgen.lint.targets import RETURNED_REFERENCES_SINCE, TAIL_CALLS_RETURN_SINCE
from kfuncgen.lint.transfer import Outcome, forget_memory
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value, dead, from_outside

_CARRY = FRAME - 3
"""Index of the pseudo local, in the caller's frame, through which a struct is returned."""

_RESULT = FRAME - 1
"""Index of the pseudo local that holds a frame's return value."""


class BudgetExceeded(Exception):
    """The budget of steps is used up."""


class Explorer:
    """Explores one function body in one frame; inlined calls make explorers of their own."""

    def __init__(
        self,
        run: Run,
        function: ir.Function,
        depth: int,
        callback: int = 0,
        less: bool = False,
        result: bool = True,
    ) -> None:
        self.run = run
        self.function = function
        self.depth = depth
        self.callback = callback
        self.evaluator = Evaluator(run, function, depth, callback, less)
        self.slice = run.slicing.of(function, result) if run.slicing is not None else WHOLE
        self.evaluator.slice = self.slice
        self.exits: list[tuple[State, Value]] = []
        self.plain = not run.matters(function.name)
        self.leaving = self._meeting()
        self.before: Regions = {}
        self.returned = run.returned_by(function) if self.plain else ()
        self.meetings: dict[int, Meeting] = {}
        self.queue: list[tuple[int, int, State, object]] = []
        self.newest: dict[tuple[int, object], int] = {}
        self.serial = 0

    def _meeting(self) -> Meeting:
        return Meeting(self.run, self.function.name, self.function.span, self.plain)

    def explore(self, state: State) -> list[tuple[State, Value]]:
        """All ways out of the function from one entry state: state and returned value."""
        blocks = {b.order: b for b in self.function.blocks}
        if self.plain:
            self.before = state.regions.copy()
        self._arrive(self.function.blocks[0], state)
        while self.queue:
            order, serial, current, ground = heapq.heappop(self.queue)
            if ground is not None and self.newest[order, ground] != serial:
                continue  # a later join, still queued, covers it
            self._block(blocks[order], current)
        results: list[tuple[State, Value]] = []
        region = self.depth * FRAME + _RESULT
        for exit_state in self._distinct_exits():
            value = exit_state.regions.get(region, ("uninit", {}))[1].get(0, (8, 0))[1]
            exit_state.drop_frame(self.depth)
            results.append((exit_state, value))
        return results

    def _arrive(self, block: ir.Block, state: State) -> None:
        """A state reaches a block: walk on unless the same was seen."""
        low = self.depth * FRAME
        dying = [
            r
            for r in state.regions
            if low <= r < low + PSEUDO and (r - low) not in block.live and not _has_slot(state, r)
        ]
        for region in dying:
            del state.regions[region]
        if not block.joins:
            self.serial += 1
            heapq.heappush(self.queue, (block.order, self.serial, state, None))
            return
        meeting = self.meetings.get(block.order)
        if meeting is None:
            meeting = self.meetings[block.order] = self._meeting()
        told = self._told(state) if not block.repeats else None
        onward = meeting.arrive(state, self._to_return(state) if self.plain else None, told)
        if onward is not None:
            self.serial += 1
            if meeting.ground is not None:
                self.newest[block.order, meeting.ground] = self.serial
            heapq.heappush(self.queue, (block.order, self.serial, onward, meeting.ground))

    def _to_return(self, state: State) -> object:
        """The constants that a path is about to return: what tells the caller apart which path was taken."""
        kept = [state.read(self.depth * FRAME + var.index, 0, var.ctype.size) for var in self.returned]
        return tuple(value if isinstance(value, int) else None for value in kept)

    def _told(self, state: State) -> Told | None:
        """The constants that a function without contracts has written for its callers."""
        return told_by(state, self.before, self.depth * FRAME) if self.plain else None

    # -- blocks ------------------------------------------------------------------------------------------

    def _block(self, block: ir.Block, state: State) -> None:
        pending: list[tuple[State, int]] = [(state, 0)]
        while pending:
            current, position = pending.pop()
            instructions = block.instructions
            alive = True
            while position < len(instructions):
                self.run.steps += 1
                if self.run.steps > MAX_STEPS:
                    raise BudgetExceeded
                instruction = instructions[position]
                position += 1
                if id(instruction) in self.slice.computing:
                    continue
                if isinstance(instruction, ir.Call):
                    outcomes = self._call(current, instruction)
                    if not outcomes:
                        alive = False
                        break
                    for other, value in outcomes[1:]:
                        self._result(other, instruction, value)
                        pending.append((other, position))
                    current, value = outcomes[0]
                    self._result(current, instruction, value)
                else:
                    self._instruction(current, instruction)
            if alive:
                self._terminate(block, current)

    def _instruction(self, state: State, instruction: ir.Instruction) -> None:
        if isinstance(instruction, ir.Assign):
            self.evaluator.assign(state, instruction)
        elif isinstance(instruction, ir.Fill):
            self.evaluator.fill(state, instruction)
        elif isinstance(instruction, ir.Copy):
            self.evaluator.copy(state, instruction)
        elif isinstance(instruction, ir.Declare):
            region = self.depth * FRAME + instruction.var.index
            state.regions.pop(region, None)
            state.forget_symbols(region)
            for key in [k for k in state.slots if k[0] == region]:
                del state.slots[key]
        elif isinstance(instruction, ir.Evaluate):
            value = self.evaluator.value(state, instruction.value)
            del value
        else:
            assert isinstance(instruction, ir.Opaque)
            self.run.note(self.function.name, f"{instruction.what} is not understood", instruction.span)
            for place in instruction.places:
                self.evaluator.fill(state, ir.Fill(place, False, instruction.span))

    def _result(self, state: State, call: ir.Call, value: Value) -> None:
        if call.result is not None and call.result.ctype.is_aggregate:
            carried = state.regions.pop(self.depth * FRAME + _CARRY, ("unknown", {}))
            if isinstance(call.result, ir.Local):
                state.regions[self.depth * FRAME + call.result.var.index] = carried
        elif call.result is not None:
            if self.evaluator.is_idle(state, call.result, value):
                self.evaluator.forget(state, call.result)
                return
            self.evaluator.store(state, call.result, value, call.span)

    def _terminate(self, block: ir.Block, state: State) -> None:
        end = block.terminator
        if isinstance(end, ir.Jump):
            self._arrive(end.target, state)
        elif isinstance(end, ir.Branch):
            self._branch(end, state)
        elif isinstance(end, ir.Switch):
            self._switch(end, state)
        elif isinstance(end, ir.Return):
            self._return(end, state)

    def _branch(self, end: ir.Branch, state: State) -> None:
        for target, other_side in ((end.if_true, end.if_false), (end.if_false, end.if_true)):
            if not target.instructions and isinstance(target.terminator, ir.Unreachable):
                # Compilers drop the test with the branch: it teaches the verifier nothing.
                self._arrive(other_side, state)
                return
        condition = self.evaluator.tested(state, end.condition)
        self.run.callback_depth = self.callback
        passed = self.slice.passed.get(id(end))
        if passed is not None and not _is_about_pointers(state, condition):
            self._arrive(passed, state)
            return
        other = state.copy()
        yes = assume(self.run, state, condition, True, end.span)
        no = assume(self.run, other, condition, False, end.span)
        if yes and no:
            state.step("branch", end.span, "taking the true branch", branch=end)
            other.step("branch", end.span, "taking the false branch", branch=end)
        if yes:
            self._arrive(end.if_true, state)
        elif not other.shadow:
            self._shadow(state, condition, True, end, end.if_true)
        if no:
            self._arrive(end.if_false, other)
        elif not state.shadow:
            self._shadow(other, condition, False, end, end.if_false)

    def _shadow(self, state: State, condition: Value, truth: bool, end: ir.Branch, target: ir.Block) -> None:
        """The NULL branch of a result that is never NULL: dead for the verifier, so its leaks go unseen."""
        tested = _tested_pointer(state, condition)
        if tested is None:
            return
        fact = state.facts[tested]
        assert isinstance(fact, Pointer)
        reference = state.references.get(fact.reference)
        if reference is None or reference.holder != tested or len(state.references) < 2:
            return
        contract = self.run.contract(reference.kfunc)
        if contract is None or contract.effects.may_be_null or not contract.effects.acquires:
            return
        self.run.shadow_tests.setdefault(reference.site, end.span)
        del state.references[fact.reference]
        state.facts[tested] = dead("null", fact, "", fact.site)
        state.shadow = reference.site
        self._arrive(target, state)

    def _switch(self, end: ir.Switch, state: State) -> None:
        value = self.evaluator.value(state, end.value)
        self.run.callback_depth = self.callback
        passed = self.slice.passed.get(id(end))
        if passed is not None and not _is_about_pointers(state, value):
            self._arrive(passed, state)
            return
        rest: State | None = state
        for low, high, block in end.cases:
            if rest is None:
                return
            taken = rest.copy()
            bounds = (Scalar(low, low), Scalar(high, high))
            fact = rest.fact(value)
            if isinstance(fact, Scalar) and (decide("<", fact, bounds[0]) or decide(">", fact, bounds[1])):
                continue
            if low == high:
                if assume_comparison(self.run, taken, "==", value, low, end.span):
                    taken.step("branch", end.span, f"taking case {low}")
                    self._arrive(block, taken)
                if not assume_comparison(self.run, rest, "!=", value, low, end.span):
                    rest = None
            else:
                if assume_comparison(self.run, taken, ">=", value, low, end.span) and assume_comparison(
                    self.run, taken, "<=", value, high, end.span
                ):
                    self._arrive(block, taken)
                if isinstance(fact, Scalar) and low <= fact.low and fact.high <= high:
                    rest = None
        if rest is not None:
            self._arrive(end.default, rest)

    def _return(self, end: ir.Return, state: State) -> None:
        value: Value = 0
        if end.value is not None and id(end) not in self.slice.computing:
            value = self.evaluator.value(state, end.value)
            if not self.slice.result and isinstance(state.fact(value), Scalar) and end.value.ctype.is_integer:
                value = 0
        if self.depth == 0:
            self._hand_over(state, value)
            self.leave(state, end.span, value if end.value is not None else None)
            return
        returned = None
        if isinstance(end.value, ir.Load) and end.value.ctype.is_aggregate:
            returned = self.evaluator.content(state, end.value.place)
        self._leave_frame(state, value, end.span)
        if returned is not None:
            state.regions[(self.depth - 1) * FRAME + _CARRY] = returned

    def _leave_frame(self, state: State, value: Value, span: Span) -> None:
        """Back to the caller with a value; the locals are gone."""
        state.returned = (span, self.function.name)
        self.run.leave(state, span, self.function.name)
        region = self.depth * FRAME + _RESULT
        low = self.depth * FRAME
        for local in [r for r in state.regions if low <= r < low + FRAME]:
            del state.regions[local]
        for key in [k for k in state.slots if low <= k[0] < low + FRAME]:
            del state.slots[key]
        state.regions[region] = ("uninit", {0: (8, value)})
        self.exits.append((state, value))

    def _distinct_exits(self) -> list[State]:
        """The states that left the function, those that behave alike once."""
        if len(self.exits) == 1:
            return [self.exits[0][0]]
        distinct: list[State] = []
        for state, value in self.exits:
            # An error code tells which path was taken: paths with different ones stay apart.
            constant = value if isinstance(value, int) else None
            onward = self.leaving.arrive(state, constant, self._told(state))
            if onward is not None:
                distinct.append(onward)
        return distinct

    def _hand_over(self, state: State, value: Value) -> None:
        """A struct_ops program that returns a pointer hands its reference to the kernel (6.16 on)."""
        info = self.run.program.info
        fact = state.fact(value)
        struct_ops = info is not None and info.program_type == "BPF_PROG_TYPE_STRUCT_OPS"
        if struct_ops and self.run.kernel >= RETURNED_REFERENCES_SINCE and isinstance(fact, Pointer):
            state.references.pop(fact.reference, None)

    def leave(self, state: State, span: Span, value: Value | None) -> None:
        """The program ends: whatever is still held leaks, and what it returns (None: nothing) must be allowed."""
        function = self.function.name
        if state.returned is not None and is_wrapper(self.function):
            span, function = state.returned
        self.run.leave(state, span, function)
        check_exit(self.run, state, span, function)
        if value is not None:
            check_program_return(self.run, state, value, span, function)

    # -- calls -------------------------------------------------------------------------------------------

    def _call(self, state: State, call: ir.Call) -> Outcome:
        evaluator = self.evaluator
        name = call.callee if isinstance(call.callee, str) else ""
        if not name:
            assert not isinstance(call.callee, str)
            target = state.fact(evaluator.value(state, call.callee))
            if isinstance(target, Pointer) and target.kind == "function":
                name = target.origin
        args = [self._argument(state, a) for a in call.args]
        if not name:
            self._escape(state, call, "a call through an unknown pointer", args)
        body = self.run.module.functions.get(name)
        if body is not None:
            if not body.noinline:
                return self._inline(state, call, body, args)
            return self._global(state, call, body, args)
        contract = self.run.contract(name) if name else None
        if contract is not None:
            if "sync-callback" in contract.effects.special:
                return run_callbacks(self, state, call, contract, args)
            if "rbtree-add" in contract.effects.special:
                run_less(self, state.copy(), call, contract, args)
            if "tail-call" in contract.effects.special:
                self._tail_call(state.copy(), call)
            return call_contract(evaluator, state, contract, call, args)
        return self.unknown(state, call, name, args)

    def _argument(self, state: State, argument: ir.Expr) -> Value:
        if isinstance(argument, ir.Load) and argument.ctype.is_aggregate:
            # Structs by value travel as the address of their copy.
            return self.evaluator.address(state, ir.AddressOf(argument.place, argument.ctype, argument.span))
        return self.evaluator.value(state, argument)

    def _inline(self, state: State, call: ir.Call, body: ir.Function, args: list[Value]) -> Outcome:
        if self.depth + 1 >= MAX_FRAMES:
            self.run.note(
                self.function.name, f"calls deeper than {MAX_FRAMES} functions are not followed", call.span
            )
            return self.unknown(state, call, body.name, args)
        inner = self.inner(body, result=self._is_needed(call.result))
        for var, value in zip(body.params, args, strict=False):
            region = (self.depth + 1) * FRAME + var.index
            if var.ctype.is_aggregate:
                fact = state.fact(value)
                if isinstance(fact, Pointer) and fact.region in state.regions and fact.region is not None:
                    state.regions[region] = state.regions[fact.region]
                continue
            value = self.evaluator.settle_word(state, value, var.ctype)
            if var.index in inner.slice.idle and isinstance(state.fact(value), Scalar):
                continue
            if isinstance(value, Ref) and value.id and is_wrapper(self.function):
                self.run.names.setdefault(value.id, var.name)
            state.regions[region] = ("uninit", {0: (var.ctype.size or 8, value)})
        silent = call.implicit or is_wrapper(self.function)
        if not silent:
            state.step("call", call.span, f"calling {body.name}()")
        results = inner.explore(state)
        for exit_state, _ in results:
            if not silent:
                exit_state.step("return", call.span, f"back from {body.name}()")
        return results

    def _is_needed(self, place: ir.Place | None) -> bool:
        return place is not None and not (isinstance(place, ir.Local) and place.var.index in self.slice.idle)

    def inner(
        self, body: ir.Function, callback: bool = False, less: bool = False, result: bool = True
    ) -> Explorer:
        """An explorer for a function that is called from here; `result`: what it returns is needed."""
        depth, nested = self.depth + 1, self.callback + callback
        return Explorer(self.run, body, depth, nested, less or self.evaluator.less, result)

    def _tail_call(self, state: State, call: ir.Call) -> None:
        """A tail call that succeeds ends this function, not the program: the callee may have moved the packet."""
        if self.depth and self.function.outlined and self.run.kernel >= TAIL_CALLS_RETURN_SINCE:
            change_packet(state, "bpf_tail_call", self.run.site(call, self.function.name))
            self._leave_frame(state, state.unknown_value(), call.span)

    def _global(self, state: State, call: ir.Call, body: ir.Function, args: list[Value]) -> Outcome:
        """A global function is verified alone; its caller sees an unknown number (CONTRACT 3.2)."""
        call_global(self.evaluator, state, call, body, args)
        self._forget_globals(state)
        return [(state, self.any_result(state, call))]

    def unknown(self, state: State, call: ir.Call, name: str, args: list[Value]) -> Outcome:
        prototype = call.prototype
        if state.locks and name.startswith("bpf_"):
            under_lock(self.evaluator, state, call, f"{name}()")
        for index, value in enumerate(args):
            if prototype is not None and index < len(prototype.params):
                target = prototype.params[index].target
                if target is not None and target.const:
                    continue
            forget_memory(state, value)
        self._forget_globals(state)
        declaration = self.run.module.declarations.get(name)
        if declaration is not None and (declaration.ksym or not name.startswith("bpf_")):
            self._escape(state, call, f"{name}()", args)
            if call.ctype.is_pointer:
                return [(state, self.run.new(state, Pointer("opaque", origin=name)))]
        return [(state, self.any_result(state, call))]

    def _escape(self, state: State, call: ir.Call, name: str, args: list[Value]) -> None:
        """An external function without a spec: what it is handed may be released or kept by it; assume so."""
        self.run.note(self.function.name, f"{name} has no known contract", call.span)
        for value in args:
            fact = state.fact(value)
            if isinstance(fact, Pointer) and fact.reference:
                state.references.pop(fact.reference, None)
                if isinstance(value, Ref):
                    stop(state, value)

    def _forget_globals(self, state: State) -> None:
        state.loads.clear()
        for region in [r for r in state.regions if r < 0]:
            del state.regions[region]

    def any_result(self, state: State, call: ir.Call) -> Value:
        return self.run.new(state, from_outside(call.ctype))


def is_wrapper(function: ir.Function) -> bool:
    """Whether a function is what BPF_PROG() and its like make: a macro's shell around `____name`."""
    return f"____{function.name}" in function.calls


def _is_about_pointers(state: State, value: Value) -> bool:
    """Whether a test would tell of a pointer; a number may hold one."""
    if not isinstance(value, Ref):
        return False
    fact = state.facts.get(value.id)
    if isinstance(fact, Pointer):
        return True
    return (
        isinstance(fact, Scalar)
        and fact.expr is not None
        and any(_is_about_pointers(state, operand) for operand in fact.expr[1:])
    )


def _has_slot(state: State, region: int) -> bool:
    return any(k[0] == region for k in state.slots)


def _tested_pointer(state: State, condition: Value) -> int | None:
    """The pointer whose being NULL a condition tests, None for other conditions."""
    if not isinstance(condition, Ref):
        return None
    fact = state.facts.get(condition.id)
    if isinstance(fact, Pointer):
        return condition.id
    if isinstance(fact, Scalar) and fact.expr is not None and fact.expr[0] in ("==", "!="):
        _, left, right = fact.expr
        if right == 0 and isinstance(left, Ref):
            return _tested_pointer(state, left)
    return None
