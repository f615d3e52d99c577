"""What programs and callbacks may return: the verifier wants a number within a range.

Sources: check_return_code(), prepare_func_exit(), retval_range_within() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.bounds import is_known_as_well
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Program, Run
from kfuncgen.lint.state import State
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.progtypes import return_range

Range = tuple[int, int]
"""Smallest and largest value allowed."""

SYNC_CALLBACK: Range = (0, 1)
ASYNC_CALLBACK: Range = (0, 0)


def check_return(
    run: Run, state: State, value: Value, allowed: Range, how: str, span: Span, function: str, kfunc: str = ""
) -> None:
    """Report a value outside of `allowed`; `how` says whose it is."""
    if not _outside(state, value, allowed):
        return
    low, high = allowed
    words = {
        "how": how,
        "kfunc": kfunc,
        "section": run.program.section,
        "allowed": str(low) if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}",
        "value": _known(state, value),
    }
    run.report(state, Fault.RETURN_RANGE, span, function, words=words)


def is_judged(program: Program) -> bool:
    """Whether anybody looks at the number that what is explored returns."""
    if program.kind == "async":
        return True
    return (
        program.kind in ("main", "exception")
        and program.info is not None
        and return_range(program.info) is not None
    )


def check_program_return(run: Run, state: State, value: Value, span: Span, function: str) -> None:
    """The end of what is explored: a program, an asynchronous callback, an exception callback."""
    program = run.program
    if program.kind == "async":
        check_return(run, state, value, ASYNC_CALLBACK, "async", span, function)
    elif program.kind in ("main", "exception") and program.info is not None:
        allowed = return_range(program.info)
        if allowed is not None:
            check_return(run, state, value, allowed, program.kind, span, function)


def _known(state: State, value: Value) -> str:
    fact = state.fact(value)
    return str(fact.known) if isinstance(fact, Scalar) and fact.known is not None else ""


def _outside(state: State, value: Value, allowed: Range) -> bool:
    """Whether the verifier, too, must think that the value may be outside.

    It often knows bounds that are not followed here, so that a value of which only a part is outside counts only
    when simple operations made it of numbers from outside.
    """
    low, high = allowed
    fact = state.fact(value)
    if isinstance(fact, Pointer) or fact.death is not None:
        return False
    if fact.high < low or high < fact.low:
        return True
    if low <= fact.low and fact.high <= high:
        return False
    return isinstance(value, Ref) and value.id != 0 and is_known_as_well(state, value)
