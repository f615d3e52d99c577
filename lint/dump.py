"""The IR as text, for tests and for people who look for the reason of a finding."""

from __future__ import annotations

from kfuncgen.lint import ir


def dump(function: ir.Function) -> str:
    """One function, a line per instruction, blocks in reverse post-order."""
    lines = [f"{function.name}({', '.join(v.name for v in function.params)})"]
    for block in function.blocks:
        lines.append(f"b{block.order}:")
        lines.extend(f"  {instruction(i)}" for i in block.instructions)
        lines.append(f"  {terminator(block.terminator)}")
    return "\n".join(lines) + "\n"


def place(p: ir.Place) -> str:
    """A place as C-like text."""
    if isinstance(p, ir.Local | ir.Global):
        return p.var.name or "<string>"
    if isinstance(p, ir.Deref):
        return f"*({expr(p.pointer)})"
    if isinstance(p, ir.Member):
        return f"{place(p.base)}.{p.name or '@'}{f'@{p.offset}' if not p.name else ''}"
    return f"{place(p.base)}[{expr(p.index)}]"


def expr(e: ir.Expr) -> str:
    """An expression as C-like text."""
    if isinstance(e, ir.Const):
        return str(e.value)
    if isinstance(e, ir.Text):
        return repr(e.value)
    if isinstance(e, ir.Load):
        return place(e.place)
    if isinstance(e, ir.AddressOf):
        return f"&{place(e.place)}"
    if isinstance(e, ir.FunctionRef):
        return e.name
    if isinstance(e, ir.Unary):
        return f"{e.op}{expr(e.operand)}"
    if isinstance(e, ir.Binary):
        return f"({expr(e.left)} {e.op} {expr(e.right)})"
    if isinstance(e, ir.Cast):
        return f"({e.ctype})({expr(e.operand)})"
    return "?"


def instruction(i: ir.Instruction) -> str:
    """An instruction as text."""
    if isinstance(i, ir.Assign):
        return f"{place(i.place)} = {expr(i.value)}"
    if isinstance(i, ir.Fill):
        return f"fill {place(i.place)} {'zero' if i.zero else 'unknown'}"
    if isinstance(i, ir.Copy):
        return f"copy {place(i.place)} from {place(i.source)}, {i.size} bytes"
    if isinstance(i, ir.Declare):
        return f"declare {i.var.name}"
    if isinstance(i, ir.Call):
        callee = i.callee if isinstance(i.callee, str) else f"({expr(i.callee)})"
        result = f"{place(i.result)} = " if i.result is not None else ""
        return f"{result}{callee}({', '.join(map(expr, i.args))}){' implicit' if i.implicit else ''}"
    if isinstance(i, ir.Evaluate):
        return f"eval {expr(i.value)}"
    return f"opaque {i.what}"


def terminator(t: ir.Terminator | None) -> str:
    """A terminator as text."""
    if isinstance(t, ir.Jump):
        return f"jump b{t.target.order}"
    if isinstance(t, ir.Branch):
        return f"if {expr(t.condition)} b{t.if_true.order} else b{t.if_false.order}"
    if isinstance(t, ir.Switch):
        cases = ", ".join(f"{low}..{high}: b{block.order}" for low, high, block in t.cases)
        return f"switch {expr(t.value)} {{{cases}}} b{t.default.order}"
    if isinstance(t, ir.Return):
        return f"return {expr(t.value)}" if t.value is not None else "return"
    return "unreachable"
