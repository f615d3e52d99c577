"""Callbacks: synchronous ones run any number of times, the comparison of rbtrees under its lock (CONTRACT 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfuncgen.lint import ir
from kfuncgen.lint.calls import admit
from kfuncgen.lint.joining import Meeting
from kfuncgen.lint.regions import check_exit
from kfuncgen.lint.run import MAX_FRAMES
from kfuncgen.lint.state import FRAME, State
from kfuncgen.lint.targets import CALLBACKS_BALANCE_SINCE
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import ANY, Pointer, Scalar, Value, scalar_of
from kfuncgen.spec.model import Contract

if TYPE_CHECKING:
    from kfuncgen.lint.explore import Explorer

CALLBACK_ROUNDS = 64
"""Times a synchronous callback is followed in a row; joining ends the search long before."""

_CONTEXT_PARAMETER = {
    "bpf_loop": 1,
    "bpf_for_each_map_elem": 3,
    "bpf_find_vma": 2,
    "bpf_user_ringbuf_drain": 1,
}
"""Which parameter of the callback is the context; callbacks may declare fewer."""

_HELD = FRAME - 2
"""Index of the pseudo local that keeps a callback's context alive."""


def run_callbacks(
    explorer: Explorer, state: State, call: ir.Call, contract: Contract, args: list[Value]
) -> Outcome:
    """bpf_loop() and its kin: the callback runs zero, one, many times (CONTRACT 3.2)."""
    if not admit(Transfer(explorer.evaluator, state, contract, call, args)):
        return [(state, explorer.any_result(state, call))]
    body: ir.Function | None = None
    context: Value = 0
    for index, value in enumerate(args):
        fact = state.fact(value)
        if isinstance(fact, Pointer) and fact.kind == "function":
            body = explorer.run.module.functions.get(fact.origin)
            context = args[index + 1] if index + 1 < len(args) else 0
    if body is None:
        return explorer.unknown(state, call, contract.name, args)
    # The context must survive comparisons of states, which forget what no memory holds.
    held = explorer.depth * FRAME + _HELD
    state.regions[held] = ("uninit", {0: (8, context)})
    meeting = Meeting(explorer.run, explorer.function.name, call.span, not explorer.run.matters(body.name))
    results = [s for s in [meeting.arrive(state)] if s is not None]
    frontier = list(results)
    position = _CONTEXT_PARAMETER.get(contract.name, len(body.params) - 1)
    rounds = _rounds(explorer, state, contract.name, args)
    for _ in range(min(rounds, CALLBACK_ROUNDS)):
        reached: list[State] = []
        for current in frontier:
            for exit_state, _ in _callback(explorer, current.copy(), call, body, context, position):
                onward = meeting.arrive(exit_state)
                if onward is not None:
                    reached.append(onward)
        results += reached
        frontier = reached
        if not frontier:
            break
    else:
        if rounds > CALLBACK_ROUNDS:
            explorer.run.note(
                explorer.function.name, f"{body.name}() was followed {CALLBACK_ROUNDS} times", call.span
            )
    for final in results:
        final.regions.pop(held, None)
    return [(s, explorer.any_result(s, call)) for s in results]


def run_less(explorer: Explorer, state: State, call: ir.Call, args: list[Value]) -> None:
    """The comparison of bpf_rbtree_add(): its arguments are non-owning nodes, the tree's lock is held."""
    bodies = [
        explorer.run.module.functions.get(fact.origin)
        for value in args
        if isinstance(fact := state.fact(value), Pointer) and fact.kind == "function"
    ]
    if not bodies or bodies[0] is None or explorer.depth + 1 >= MAX_FRAMES:
        return
    body = bodies[0]
    for var in body.params:
        node = Pointer("alloc", None, non_owning=True, origin="argument")
        region = (explorer.depth + 1) * FRAME + var.index
        state.regions[region] = ("uninit", {0: (var.ctype.size or 8, explorer.run.new(state, node, var.name))})
    explorer.inner(body, callback=True, less=True).explore(state)


def _rounds(explorer: Explorer, state: State, name: str, args: list[Value]) -> int:
    """How often a callback may run: bpf_loop() says it, the others run over sets of any size."""
    count = state.fact(args[0]) if args and name == "bpf_loop" else ANY
    return max(count.high, 0) if isinstance(count, Scalar) else CALLBACK_ROUNDS + 1


def _callback_leaks(explorer: Explorer, state: State, inner: Explorer) -> None:
    """Before 6.14 what a callback acquired had to be released in it."""
    own = {i: r for i, r in state.references.items() if r.callback >= inner.callback}
    if not own:
        return
    others = {i: r for i, r in state.references.items() if i not in own}
    state.references = own
    span, function = state.returned or (inner.function.span, inner.function.name)
    check_exit(explorer.run, state, span, function)
    state.references = others


def _callback(
    explorer: Explorer, state: State, call: ir.Call, body: ir.Function, context: Value, position: int
) -> Outcome:
    args: list[Value] = []
    for index, var in enumerate(body.params):
        if index == position:
            args.append(context)
        elif var.ctype.is_pointer:
            args.append(explorer.run.new(state, Pointer("opaque", trust="trusted")))
        else:
            args.append(explorer.run.new(state, scalar_of(var.ctype)))
    inner = explorer.inner(body, callback=True)
    if explorer.depth + 1 >= MAX_FRAMES:
        explorer.run.note(
            explorer.function.name, f"calls deeper than {MAX_FRAMES} functions are not followed", call.span
        )
        return []
    for var, value in zip(body.params, args, strict=False):
        region = (explorer.depth + 1) * FRAME + var.index
        state.regions[region] = ("uninit", {0: (var.ctype.size or 8, value)})
    state.step("call", call.span, f"calling {body.name}() as callback")
    results = inner.explore(state)
    for exit_state, _ in results:
        if explorer.run.kernel < CALLBACKS_BALANCE_SINCE:
            _callback_leaks(explorer, exit_state, inner)
        exit_state.step("return", call.span, f"back from {body.name}()")
    return results
