"""Integer constants as C computes them."""

from __future__ import annotations

from kfuncgen.lint.types import Type


def wrap(value: int, ctype: Type) -> int:
    """`value` as an integer of type `ctype`."""
    if ctype.kind == "bool":
        return int(value != 0)
    bits = (ctype.size or 8) * 8
    value &= (1 << bits) - 1
    if ctype.signed and value >> (bits - 1):
        value -= 1 << bits
    return value


def fold(symbol: str, a: int, b: int) -> int | None:
    """Constant arithmetic; None where C leaves it undefined."""
    if symbol in ("/", "%"):
        if b == 0:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if symbol == "/" else a - b * quotient
    if symbol in ("<<", ">>"):
        if not 0 <= b < 64:
            return None
        return a << b if symbol == "<<" else a >> b
    table = {
        "+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b,
        "==": int(a == b), "!=": int(a != b), "<": int(a < b), ">": int(a > b), "<=": int(a <= b),
        ">=": int(a >= b),
    }  # fmt: skip
    return table.get(symbol)
