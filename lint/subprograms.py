"""Calls of global functions: they are verified alone, their callers know only what prototypes say (CONTRACT 3.2).

Sources: check_func_call(), btf_check_func_arg_match() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.argument import Arguments
from kfuncgen.lint.callgraph import changes_packet, may_sleep
from kfuncgen.lint.dynptrs import change_packet, check_lent
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.globalargs import check_global_argument, global_contract, global_parameter, wrong_result
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.regions import LOCK, atomic_region
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import GLOBALS_SUMMED_UP_SINCE
from kfuncgen.lint.transfer import Transfer, forget_memory
from kfuncgen.lint.values import Value


def call_global(evaluator: Evaluator, state: State, call: ir.Call, body: ir.Function, args: list[Value]) -> None:
    """Check the call of a global function and forget what it may have changed."""
    run = evaluator.run
    run.reached.add(body.name)
    if state.locks:
        under_lock(evaluator, state, call, f"{body.name}()")
    else:
        _region(evaluator, state, call, body)
    _arguments(evaluator, state, call, body, args)
    for value in args:
        forget_memory(state, value)
    if changes_packet(run, body):
        change_packet(state, body.name, run.site(call, evaluator.function.name))


def under_lock(evaluator: Evaluator, state: State, call: ir.Call, what: str) -> None:
    """Report a call that is not allowed while a lock is held."""
    less = evaluator.less
    fault = Fault.RBTREE_CALLBACK if less else Fault.CALL_UNDER_LOCK
    words = {"what": what, "kfunc": what.removesuffix("()")}
    evaluator.run.report(
        state, fault, call.span, evaluator.function.name, 0 if less else LOCK, words=words
    )  # fmt: skip


def _region(evaluator: Evaluator, state: State, call: ir.Call, body: ir.Function) -> None:
    """Since 6.15 the verifier knows which global functions may sleep; before it let none be called where
    preemption or interrupts are off."""
    run = evaluator.run
    where, region = atomic_region(state)
    words = {"kfunc": body.name, "where": where, "section": run.program.section}
    if run.kernel < GLOBALS_SUMMED_UP_SINCE:
        if not state.preempt and not state.irq:
            return
        how = "any"
    elif not may_sleep(run, body):
        return
    elif where:
        how = "sleeps"
    elif run.sleepable or (run.program.info is None and run.program.kind != "async"):
        return
    else:
        how = "program"
    run.report(
        state, Fault.GLOBAL_IN_REGION, call.span, evaluator.function.name, region, words={**words, "how": how}
    )


def _arguments(evaluator: Evaluator, state: State, call: ir.Call, body: ir.Function, args: list[Value]) -> None:
    """The prototype must be one that the verifier takes; then the arguments are checked in order."""
    run = evaluator.run
    wrong = wrong_result(body)
    wanted = [global_parameter(body, index, run.program) for index in range(len(body.params))]
    if not wrong:
        first = next((i for i, want in enumerate(wanted) if want.wrong), None)
        wrong = f"parameter {first + 1}: {wanted[first].wrong}" if first is not None else ""
    if wrong:
        words = {"kfunc": body.name, "why": wrong}
        run.report(state, Fault.GLOBAL_SIGNATURE, body.span, body.name, words=words)
        return
    transfer = Transfer(evaluator, state, global_contract(body, run.kernel), call, args)
    checked = Arguments(transfer)
    for index, want in enumerate(wanted[: len(args)]):
        if want.kind == "dynptr":
            words = {"kfunc": body.name, "number": str(index + 1)}
            check_lent(run, state, call, evaluator.function.name, args[index], words)
        elif not check_global_argument(checked, index, want):
            return
