"""Calls of global functions: they are verified alone, their callers know only what prototypes say (CONTRACT 3.2).

Sources: check_func_call(), btf_check_func_arg_match() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from dataclasses import replace

from kfuncgen.lint import ir
from kfuncgen.lint.callgraph import changes_packet, may_sleep
from kfuncgen.lint.dynptrs import change_packet, check_lent
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.machine import Fault, Use, judge
from kfuncgen.lint.regions import LOCK, atomic_region
from kfuncgen.lint.spelling import spell
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import GLOBALS_SUMMED_UP_SINCE
from kfuncgen.lint.transfer import forget_memory
from kfuncgen.lint.values import Pointer, Ref, Value


def call_global(evaluator: Evaluator, state: State, call: ir.Call, body: ir.Function, args: list[Value]) -> None:
    """Check the call of a global function and forget what it may have changed."""
    run = evaluator.run
    run.reached.add(body.name)
    if state.locks:
        under_lock(evaluator, state, call, f"{body.name}()")
    else:
        _region(evaluator, state, call, body)
    for index, value in enumerate(args):
        _argument(evaluator, state, call, body, index, value)
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


def _argument(
    evaluator: Evaluator, state: State, call: ir.Call, body: ir.Function, index: int, value: Value
) -> None:
    """Dynptrs must be initialised ones; an `__arg_trusted` parameter wants a valid kernel pointer."""
    if index >= len(body.params):
        return
    run, ctype = evaluator.run, body.params[index].ctype
    tags = body.tags[index] if index < len(body.tags) else ()
    words = {"kfunc": body.name, "number": str(index + 1)}
    if ctype.is_pointer and ctype.target is not None and ctype.target.name == "bpf_dynptr":
        check_lent(run, state, call, evaluator.function.name, value, words)
        return
    if "arg:trusted" not in tags or "arg:nullable" in tags:
        return
    fault = judge(evaluator.life(state, value), Use.PASS)
    if fault is None:
        return
    words = {
        **evaluator.describe(state, value, spell(call.args[index])),
        **words,
        "want": str(ctype),
        "got": "a number",
    }
    fact = state.fact(value)
    site = fact.site if isinstance(fact, Pointer) else 0
    subject = value.id if isinstance(value, Ref) else 0
    run.report(state, fault, call.span, evaluator.function.name, subject, site, words)
    if isinstance(fact, Pointer) and isinstance(value, Ref):
        state.facts[value.id] = replace(fact, null=False)
