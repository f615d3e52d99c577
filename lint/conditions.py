"""Branches: what holding or failing a condition says about values, and whether the path exists at all."""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint.availability import check_guard
from kfuncgen.lint.integers import MIRRORED, NEGATED, narrow
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import CALLBACKS_BALANCE_SINCE
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value, dead
from kfuncgen.records import replace

MAX_DEPTH = 8
"""How far a test is followed into the operations that made the tested value."""


def assume(run: Run, state: State, value: Value, truth: bool, span: Span, depth: int = 0) -> bool:
    """Take the path on which `value` is non-zero (`truth`) or zero; false when there is no such path."""
    if not isinstance(value, Ref):
        return bool(value) == truth
    fact = state.fact(value)
    if isinstance(fact, Pointer):
        return _assume_pointer(run, state, value, fact, truth, span)
    narrowed = narrow("!=" if truth else "==", fact, Scalar(0, 0))
    if narrowed is None:
        return False
    if value.id:
        state.facts[value.id] = narrowed
    expr = fact.expr
    if expr is None or depth >= MAX_DEPTH:
        return True
    op, left, right = expr
    if op in NEGATED:
        return assume_comparison(run, state, op if truth else NEGATED[op], left, right, span, depth + 1)
    if op.startswith("cast") and not truth:
        return True
    if op[0] == "&" and truth and isinstance(left, Ref) and isinstance(right, int):
        return assume(run, state, left, True, span, depth + 1)
    return True


def _assume_pointer(run: Run, state: State, value: Ref, fact: Pointer, truth: bool, span: Span) -> bool:
    if fact.kind == "function":
        # A weak extern that the kernel lacks has the address 0 (bpf_ksym_exists).
        if not run.compiled:
            check_guard(run, state, fact.origin, span)
        there = run.exists(fact.origin)
        return there is None or there is truth
    if not fact.null:
        # The verifier takes trusted, referenced and memory pointers for non-NULL (reg_not_null); plain, RCU and
        # untrusted kernel pointers may be anything, and a test teaches nothing.
        maybe = fact.kind in ("kernel", "alloc") and fact.trust != "trusted" and not fact.reference
        if fact.tested and not truth:
            return False
        if truth and maybe:
            state.facts[value.id] = replace(fact, tested=True)
        return truth or maybe or fact.kind == "opaque"
    if value.offset:
        # A moved maybe-NULL pointer is no longer tested for NULL by a comparison with 0.
        return True
    name = run.called(value.id)
    it = f"'{name}'" if name else "the result"
    if truth:
        state.facts[value.id] = replace(fact, null=False, tested=True)
        state.step("assume", span, f"assuming {it} is not NULL", value.id)
        return True
    state.facts[value.id] = dead("null", fact, "", fact.site)
    reference = state.references.get(fact.reference)
    # Before 6.14 a callback had references of its own: what it found to be NULL stayed its caller's to release.
    copied = run.kernel < CALLBACKS_BALANCE_SINCE
    if reference is not None and reference.holder == value.id:
        if copied and reference.callback < run.callback_depth:
            return True
        del state.references[fact.reference]
    state.step("assume", span, f"assuming {it} is NULL", value.id)
    return True


def _equal_pointers(state: State, left: Value, a: Pointer, right: Value, b: Pointer) -> None:
    """A maybe-NULL pointer that equals one that is not NULL is none itself; not so with kernel objects, which may
    be NULL behind the verifier's back (check_cond_jmp_op(), "nullness propagation")."""
    if _is_object(a) or _is_object(b):
        return
    for value, fact, other in ((left, a, b), (right, b, a)):
        if fact.null and not other.null and isinstance(value, Ref):
            state.facts[value.id] = replace(fact, null=False)


def _is_object(fact: Pointer) -> bool:
    """Whether the verifier knows a pointer as PTR_TO_BTF_ID, or nothing is known of it."""
    program_socket = fact.kind == "kernel" and fact.struct in ("bpf_sock", "bpf_tcp_sock")
    return fact.kind not in ("map", "map-key", "map-value", "memory", "stack", "ctx") and not program_socket


def assume_comparison(
    run: Run, state: State, op: str, left: Value, right: Value, span: Span, depth: int = 0
) -> bool:
    """Take the path on which `left op right` holds; false when it cannot."""
    a, b = state.fact(left), state.fact(right)
    if isinstance(a, Scalar) and isinstance(b, Pointer):
        left, right, a, b, op = right, left, b, a, MIRRORED[op]
    if isinstance(a, Pointer):
        if isinstance(b, Scalar) and b.known == 0 and op in ("==", "!="):
            return assume(run, state, left, op == "!=", span, depth)
        if isinstance(b, Pointer) and op == "==":
            _equal_pointers(state, left, a, right, b)
        return True
    assert isinstance(b, Scalar)
    if b.known == 0 and op in ("==", "!=") and isinstance(left, Ref) and a.expr is not None:
        return assume(run, state, left, op == "!=", span, depth)
    if a.known == 0 and op in ("==", "!=") and isinstance(right, Ref) and b.expr is not None:
        return assume(run, state, right, op == "!=", span, depth)
    if b.known == 1 and op in ("==", "!=") and isinstance(left, Ref) and a.expr and (a.low, a.high) == (0, 1):
        return assume(run, state, left, op == "==", span, depth)
    new_a = narrow(op, a, b)
    new_b = narrow(MIRRORED[op], b, a)
    if new_a is None or new_b is None:
        return False
    if isinstance(left, Ref) and left.id and isinstance(state.facts.get(left.id, a), Scalar):
        state.facts[left.id] = new_a
        _narrow_operand(state, new_a)
    if isinstance(right, Ref) and right.id and isinstance(state.facts.get(right.id, b), Scalar):
        state.facts[right.id] = new_b
        _narrow_operand(state, new_b)
    return True


def _narrow_operand(state: State, converted: Scalar) -> None:
    """What is learnt of a number that was converted to eight bytes holds for the number itself.

    Conversion changes negative numbers only, and those become larger than the original can be.
    """
    expr = converted.expr
    if expr is None or not expr[0].startswith("cast 8") or not isinstance(expr[1], Ref) or not expr[1].id:
        return
    fact = state.facts.get(expr[1].id)
    if isinstance(fact, Scalar) and fact.low >= -(1 << 31) and converted.low >= 0 and converted.high <= fact.high:
        narrowed = narrow(">=", fact, Scalar(converted.low, converted.low))
        narrowed = narrow("<=", narrowed, Scalar(converted.high, converted.high)) if narrowed is not None else None
        if narrowed is not None:
            state.facts[expr[1].id] = narrowed
