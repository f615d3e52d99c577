"""Callbacks: synchronous ones run any number of times, the comparison of rbtrees under its lock (CONTRACT 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfuncgen.lint import graph, ir
from kfuncgen.lint.callgraph import calls
from kfuncgen.lint.calls import admit
from kfuncgen.lint.joining import Meeting
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mapdefs import element_size, map_attribute
from kfuncgen.lint.regions import check_exit
from kfuncgen.lint.returns import SYNC_CALLBACK, check_return
from kfuncgen.lint.run import MAX_FRAMES, Run
from kfuncgen.lint.state import FRAME, State
from kfuncgen.lint.targets import CALLBACKS_BALANCE_SINCE
from kfuncgen.lint.transfer import Outcome, Transfer
from kfuncgen.lint.values import ANY, Pointer, Scalar, Value, from_outside
from kfuncgen.records import replace
from kfuncgen.spec.model import Contract

if TYPE_CHECKING:
    from kfuncgen.lint.explore import Explorer

_OWN_MAP = "the callback's map"
"""What a callback is called for: its map, key and value belong together, whichever map it is."""

CALLBACK_ROUNDS = 64
"""Times a synchronous callback is followed in a row; joining ends the search long before."""

_PARAMETERS = {
    "bpf_loop": ("number", "context"),
    "bpf_for_each_map_elem": ("map", "key", "value", "context"),
    "bpf_find_vma": ("task", "vma", "context"),
    "bpf_user_ringbuf_drain": ("dynptr", "context"),
}
"""What callbacks are given (set_loop_callback_state() and its kin in verifier.c); they may declare fewer."""

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
    # What callbacks are given must survive comparisons of states, which forget what no memory holds.
    held = explorer.depth * FRAME + _HELD
    state.regions[held] = ("uninit", {8 * index: (8, value) for index, value in enumerate((context, *args))})
    meeting = Meeting(explorer.run, explorer.function.name, call.span, not explorer.run.matters(body.name))
    results = [s for s in [meeting.arrive(state)] if s is not None]
    frontier = list(results)
    check_no_throw(explorer.run, state, body)
    rounds = _rounds(explorer, state, contract.name, args)
    for _ in range(min(rounds, CALLBACK_ROUNDS)):
        reached: list[State] = []
        for current in frontier:
            for exit_state, _ in _callback(explorer, current.copy(), call, body, context, contract.name, args):
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


def run_less(explorer: Explorer, state: State, call: ir.Call, contract: Contract, args: list[Value]) -> None:
    """The comparison of bpf_rbtree_add(): its arguments are non-owning nodes, the tree's lock is held."""
    contained = graph.contained(Transfer(explorer.evaluator, state, contract, call, args))
    held = set(state.references)
    bodies = [
        explorer.run.module.functions.get(fact.origin)
        for value in args
        if isinstance(fact := state.fact(value), Pointer) and fact.kind == "function"
    ]
    if not bodies or bodies[0] is None or explorer.depth + 1 >= MAX_FRAMES:
        return
    body = bodies[0]
    node = replace(contained, non_owning=True, origin="argument")
    for var in body.params:
        region = (explorer.depth + 1) * FRAME + var.index
        state.regions[region] = ("uninit", {0: (var.ctype.size or 8, explorer.run.new(state, node, var.name))})
    check_no_throw(explorer.run, state, body)
    for exit_state, value in explorer.inner(body, callback=True, less=True).explore(state):
        span, function = exit_state.returned or (body.span, body.name)
        check_return(explorer.run, exit_state, value, SYNC_CALLBACK, "sync", span, function, "bpf_rbtree_add")
        # Nothing in it can give a reference back.
        exit_state.references = {i: r for i, r in exit_state.references.items() if i not in held}
        exit_state.locks = ()
        if exit_state.references:
            check_exit(explorer.run, exit_state, span, function)


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


def callback_argument(run: Run, state: State, kind: str, var: ir.Variable, name: str) -> Value:
    """What the kernel hands to a callback's parameter; `name` is that of the map, "" when it is not known."""
    target = var.ctype.target
    known = run.module.globals.get(name)
    definition = known.ctype if known is not None else None
    made: Pointer | None = None
    if kind == "map":
        made = Pointer("map", definition, trust="trusted", map=name or _OWN_MAP)
    elif kind == "key":
        size = element_size(definition, "key") if definition is not None else 0
        made = Pointer("map-key", size=size or None, readonly=True, trust="trusted")
    elif kind == "value":
        inner = map_attribute(definition, "value") if definition is not None else None
        if inner is None and target is not None and target.kind in ("struct", "union"):
            inner = target
        size = inner.size if inner is not None else 0
        made = Pointer("map-value", inner, size=size or None, trust="trusted", map=name or _OWN_MAP)
    elif kind == "vma":
        made = Pointer("kernel", target)
    elif kind == "dynptr":
        made = Pointer("dynptr", target, trust="trusted")
    elif var.ctype.is_pointer:
        made = Pointer("opaque", trust="trusted")
    if made is None or not var.ctype.is_pointer:
        return run.new(state, from_outside(var.ctype), var.name)
    return run.new(state, replace(made, origin=var.name or "argument"), var.name)


def check_no_throw(run: Run, state: State, body: ir.Function) -> None:
    """Callbacks and what they reach may not throw, whether or not a path leads there (check_max_stack_depth())."""
    if body.name in run.callbacks:
        return
    run.callbacks.add(body.name)
    for inside, call in calls(run.module, body):
        contract = run.contract(call.callee) if isinstance(call.callee, str) else None
        if contract is not None and "throw" in contract.effects.special:
            words = {"kfunc": contract.name, "callback": body.name}
            run.report(state, Fault.THROW_IN_CALLBACK, call.span, inside.name, words=words)


def _callback(
    explorer: Explorer,
    state: State,
    call: ir.Call,
    body: ir.Function,
    context: Value,
    name: str,
    given: list[Value],
) -> Outcome:
    kinds = _PARAMETERS.get(name, ())
    fact = state.fact(given[0]) if given else ANY
    name_of_map = fact.map if isinstance(fact, Pointer) and fact.kind == "map" else ""
    args: list[Value] = []
    for index, var in enumerate(body.params):
        kind = kinds[index] if index < len(kinds) else ""
        if kind == "context":
            args.append(context)
        elif kind == "task" or (kind == "map" and name_of_map):
            args.append(given[0])
        else:
            args.append(callback_argument(explorer.run, state, kind, var, name_of_map))
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
    for exit_state, value in results:
        span, function = exit_state.returned or (body.span, body.name)
        check_return(explorer.run, exit_state, value, SYNC_CALLBACK, "sync", span, function, name)
        if explorer.run.kernel < CALLBACKS_BALANCE_SINCE:
            _callback_leaks(explorer, exit_state, inner)
        exit_state.step("return", call.span, f"back from {body.name}()")
    return results
