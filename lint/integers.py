"""Interval arithmetic on the integers of C."""

from __future__ import annotations

from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Scalar, scalar_of
from kfuncgen.records import replace

MAX_EXCLUDED = 8
"""Single values remembered as impossible (switch defaults, `!= 0`); more are forgotten."""


def fit(low: int, high: int, ctype: Type) -> Scalar:
    """[low, high] as a value of `ctype`; when it may wrap, any value of the type."""
    whole = scalar_of(ctype)
    return Scalar(low, high) if whole.low <= low and high <= whole.high else whole


def combine(op: str, a: Scalar, b: Scalar, ctype: Type) -> Scalar:
    """The range of `a op b` in type `ctype`."""
    if a.known is not None and b.known is not None:
        exact = _exact(op, a.known, b.known)
        if exact is not None:
            return fit(exact, exact, ctype)
    if op == "+":
        return fit(a.low + b.low, a.high + b.high, ctype)
    if op == "-":
        return fit(a.low - b.high, a.high - b.low, ctype)
    if op == "*":
        corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return fit(min(corners), max(corners), ctype)
    if op == "&":
        bounds = [x.high for x in (a, b) if x.low >= 0]
        return fit(0, min(bounds), ctype) if bounds else scalar_of(ctype)
    if op in ("|", "^") and a.low >= 0 and b.low >= 0:
        top = (1 << max(a.high.bit_length(), b.high.bit_length())) - 1
        low = max(a.low, b.low) if op == "|" else 0
        return fit(low, top, ctype)
    if op == ">>" and b.known is not None and 0 <= b.low < 64:
        return fit(a.low >> b.low, a.high >> b.low, ctype)
    if op == "<<" and b.known is not None and 0 <= b.low < 64:
        return fit(a.low << b.low, a.high << b.low, ctype)
    if op == "%" and b.known is not None and b.low > 0:
        return fit(0 if a.low >= 0 else 1 - b.low, min(b.low - 1, a.high) if a.high >= 0 else 0, ctype)
    if op == "/" and b.known is not None and b.low > 0:
        return fit(_divide(a.low, b.low), _divide(a.high, b.low), ctype)
    return scalar_of(ctype)


def _exact(op: str, a: int, b: int) -> int | None:
    """The bits of two known numbers; the other operations are exact on intervals of one."""
    return {"&": a & b, "|": a | b, "^": a ^ b}.get(op)


def _divide(a: int, b: int) -> int:
    return abs(a) // b * (1 if a >= 0 else -1)


def decide(op: str, a: Scalar, b: Scalar) -> bool | None:
    """Whether `a op b` holds for all values (True), for none (False), or it depends (None)."""
    if op == "==":
        if a.known is not None and a.known == b.known:
            return True
        if a.high < b.low or b.high < a.low or _excludes(a, b) or _excludes(b, a):
            return False
        return None
    if op == "!=":
        equal = decide("==", a, b)
        return None if equal is None else not equal
    if op == "<":
        return True if a.high < b.low else False if a.low >= b.high else None
    if op == "<=":
        return True if a.high <= b.low else False if a.low > b.high else None
    return decide("<" if op == ">" else "<=", b, a)


def _excludes(a: Scalar, b: Scalar) -> bool:
    return b.known is not None and b.known in a.excluded


def narrow(op: str, a: Scalar, b: Scalar) -> Scalar | None:
    """What `a` is once `a op b` is known to hold; None when it cannot hold."""
    low, high, excluded = a.low, a.high, a.excluded
    if op == "==":
        low, high = max(low, b.low), min(high, b.high)
    elif op == "!=":
        if b.known is not None:
            if b.known == low:
                low += 1
            elif b.known == high:
                high -= 1
            elif len(excluded) < MAX_EXCLUDED and b.known not in excluded:
                excluded = tuple(sorted((*excluded, b.known)))
    elif op == "<":
        high = min(high, b.high - 1)
    elif op == "<=":
        high = min(high, b.high)
    elif op == ">":
        low = max(low, b.low + 1)
    elif op == ">=":
        low = max(low, b.low)
    while low in excluded and low <= high:
        low += 1
    while high in excluded and low <= high:
        high -= 1
    if low > high:
        return None
    excluded = tuple(e for e in excluded if low < e < high)
    return replace(a, low=low, high=high, excluded=excluded)


NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
