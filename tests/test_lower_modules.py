"""Lowering: where instructions stand in the source, what of a source is lowered, what is live where."""

from __future__ import annotations

from lowering import PRELUDE, calls, function, module

from kfuncgen.lint import ir

# -- places in the source --------------------------------------------------------------------------------


def test_call_in_a_macro_stands_where_the_macro_is_used() -> None:
    before = "#define GET(n, e) \\\n\tint n = x(e)\n"
    lowered = function("\n  GET(v, a);\n  return v;", before=before)
    line = PRELUDE.count("\n") + before.count("\n") + 3
    (call,) = calls(lowered)
    assert (call.span.line, call.span.column) == (line, 3)


def test_argument_of_a_macro_stands_where_it_is_written() -> None:
    before = "#define TWICE(e) ((e) * 2)\n"
    lowered = function("return TWICE(x(a));", before=before)
    (call,) = calls(lowered)
    assert (call.span.line, call.span.column) == (PRELUDE.count("\n") + 3, 14)


def test_columns_count_bytes() -> None:
    (call,) = calls(function("/* é€😀 */ x(a); return 0;"))
    assert call.span.column == 17
    assert call.span.end_column == 21


def test_implicit_return_stands_at_the_closing_brace() -> None:
    source = '__attribute__((section("t"))) void f(void) {\n  ;\n}\n'
    end = module(source).functions["f"].blocks[-1].terminator
    assert isinstance(end, ir.Return)
    assert (end.value, end.span.line, end.span.column) == (None, 3, 1)


# -- modules ---------------------------------------------------------------------------------------------


def test_static_functions_that_nothing_reaches_are_left_out() -> None:
    source = """
    static int used(int a) { return a; }
    static int unused(int a) { return a; }
    __attribute__((section("t"))) int f(int a) { return used(a); }
    """
    assert sorted(module(source).functions) == ["f", "used"]


def test_blocks_end_behind_calls_of_functions_with_bodies() -> None:
    source = """
    static int inner(int a) { return a; }
    __attribute__((section("t"))) int f(int a) { int r = inner(a); x(1); r += inner(r); return r; }
    """
    lowered = module("int x(int);" + source).functions["f"]
    assert [[c.callee for c in b.instructions if isinstance(c, ir.Call)] for b in lowered.blocks] == [
        ["inner"],
        ["x", "inner"],
        [],
    ]


def test_locals_are_live_while_they_may_still_be_read() -> None:
    lowered = function("int v = x(1), u = y(2); if (v) z(3); return u;")
    names = {v.index: v.name for v in lowered.variables}
    live = [sorted(names[i] for i in b.live if not names[i].startswith("%")) for b in lowered.blocks]
    assert live == [[], ["u"], ["u"]]


def test_licence_and_frozen_globals_are_known() -> None:
    source = """
    char licence[] __attribute__((section("license"))) = "Dual BSD/GPL";
    const volatile int limit = 7;
    int counter = 3;
    __attribute__((section("t"))) int f(void) { return limit + counter; }
    """
    lowered = module(source)
    assert lowered.licence == "Dual BSD/GPL"
    assert (lowered.globals["limit"].frozen, lowered.globals["limit"].value) == (True, 7)
    assert not lowered.globals["counter"].frozen


def test_what_is_not_understood_is_counted_and_the_rest_is_lowered() -> None:
    lowered = function("void *to = &&out; x(1); goto *to; out: return y(2);")
    assert lowered.opaque
    assert "x" in [c.callee for c in calls(lowered)]
