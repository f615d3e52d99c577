"""What functions can reach by calls, whatever the path: questions that the verifier asks of whole subprograms.

Sources: merge_callee_effects() (`might_sleep`, `changes_pkt_data`) and check_max_stack_depth_subprog() in
kernel/bpf/verifier.c: they look at every instruction, taken or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from kfuncgen.lint import ir
from kfuncgen.lint.run import Run


def reachable_calls(module: ir.Module, function: ir.Function) -> Iterator[str]:
    """Names called from a function or the bodies it reaches."""
    seen: set[str] = set()
    todo = [function]
    while todo:
        current = todo.pop()
        for name in sorted(current.calls):
            if name in seen:
                continue
            seen.add(name)
            yield name
            body = module.functions.get(name)
            if body is not None:
                todo.append(body)


def calls(module: ir.Module, function: ir.Function) -> Iterator[tuple[ir.Function, ir.Call]]:
    """Calls by name in a function and the bodies it reaches, with the function that each stands in."""
    names = [function.name, *reachable_calls(module, function)]
    for name in dict.fromkeys(names):
        body = module.functions.get(name)
        for block in body.blocks if body is not None else ():
            for instruction in block.instructions:
                if isinstance(instruction, ir.Call) and isinstance(instruction.callee, str) and body is not None:
                    yield body, instruction


def may_sleep(run: Run, function: ir.Function) -> bool:
    """Whether a function or what it reaches calls something that sleeps, callbacks for later included."""
    return _summary(run, function)[0]


def changes_packet(run: Run, function: ir.Function) -> bool:
    """Whether a function or what it reaches calls something that may move the packet."""
    return _summary(run, function)[1]


def _summary(run: Run, function: ir.Function) -> tuple[bool, bool]:
    known = run.summaries.get(function.name)
    if known is None:
        sleeps = moves = False
        for name in reachable_calls(run.module, function):
            contract = run.contract(name) if name not in run.module.functions else None
            if contract is not None:
                sleeps |= contract.effects.sleepable
                moves |= "packet-changing" in contract.effects.special
        known = run.summaries[function.name] = (sleeps, moves)
    return known
