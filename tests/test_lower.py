"""Lowering: what control flow and scopes become in the IR, and where the user wrote it."""

from __future__ import annotations

import pytest
from lowering import assert_lowers, calls, function, text

from kfuncgen.lint import ir

# -- control flow ----------------------------------------------------------------------------------------


def test_goto_jumps_to_its_label() -> None:
    assert_lowers(
        "if (a) goto out; x(1); out: y(2); return 0;",
        """
    b0:
      if a b2 else b1
    b1:
      %1 = x(1)
      jump b3
    b2:
      jump b3
    b3:
      %2 = y(2)
      return 0
    """,
    )


def test_backward_goto_makes_a_loop() -> None:
    assert_lowers(
        "again: if (x(a)) goto again; return 0;",
        """
    b0:
      jump b1
    b1:
      %1 = x(a)
      if %1 b3 else b2
    b2:
      return 0
    b3:
      jump b1
    """,
    )


def test_and_asks_its_right_side_only_when_the_left_holds() -> None:
    assert_lowers(
        "if (a && x(b)) y(1); return 0;",
        """
    b0:
      if a b1 else b3
    b1:
      %1 = x(b)
      if %1 b2 else b3
    b2:
      %2 = y(1)
      jump b3
    b3:
      return 0
    """,
    )


def test_or_asks_its_right_side_only_when_the_left_fails() -> None:
    assert_lowers(
        "if (a || x(b)) y(1); return 0;",
        """
    b0:
      if a b2 else b1
    b1:
      %1 = x(b)
      if %1 b2 else b3
    b2:
      %2 = y(1)
      jump b3
    b3:
      return 0
    """,
    )


def test_negated_or_swaps_its_targets() -> None:
    assert_lowers(
        "if (!(a || b)) x(1); return 0;",
        """
    b0:
      if a b3 else b1
    b1:
      if b b3 else b2
    b2:
      %1 = x(1)
      jump b3
    b3:
      return 0
    """,
    )


def test_and_as_a_value_is_one_or_zero() -> None:
    assert_lowers(
        "int r = a && b; return r;",
        """
    b0:
      declare r
      if a b1 else b2
    b1:
      if b b3 else b2
    b2:
      %1 = 0
      jump b4
    b3:
      %1 = 1
      jump b4
    b4:
      r = %1
      return r
    """,
    )


def test_conditional_evaluates_one_arm() -> None:
    assert_lowers(
        "int r = a ? x(1) : y(2); return r;",
        """
    b0:
      declare r
      if a b2 else b1
    b1:
      %1 = y(2)
      %2 = %1
      jump b3
    b2:
      %3 = x(1)
      %2 = %3
      jump b3
    b3:
      r = %2
      return r
    """,
    )


@pytest.mark.parametrize(("condition", "callee"), [("1", "x"), ("sizeof(int) == 8", "y")])
def test_conditional_on_a_constant_has_only_the_chosen_arm(condition: str, callee: str) -> None:
    lowered = function(f"return {condition} ? x(1) : y(2);")
    assert [c.callee for c in calls(lowered)] == [callee]
    assert len(lowered.blocks) == 1


def test_conditional_without_middle_evaluates_its_condition_once() -> None:
    assert_lowers(
        "int r = x(a) ?: b; return r;",
        """
    b0:
      declare r
      %1 = x(a)
      %2 = %1
      if %2 b2 else b1
    b1:
      %3 = b
      jump b3
    b2:
      %3 = %2
      jump b3
    b3:
      r = %3
      return r
    """,
    )


def test_switch_has_ranges_fallthrough_and_default() -> None:
    assert_lowers(
        "switch (a) { case 1: x(1); case 2: x(2); break; case 5 ... 9: x(3); break; default: x(4); } return 0;",
        """
    b0:
      %1 = a
      switch %1 {1..1: b3, 2..2: b4, 5..9: b2} b1
    b1:
      %2 = x(4)
      jump b5
    b2:
      %3 = x(3)
      jump b5
    b3:
      %4 = x(1)
      jump b4
    b4:
      %5 = x(2)
      jump b5
    b5:
      return 0
    """,
    )


def test_switch_without_default_goes_behind_itself() -> None:
    assert_lowers(
        "switch (x(a)) { case -1: y(1); } return 0;",
        """
    b0:
      %1 = x(a)
      %2 = %1
      switch %2 {-1..-1: b1} b2
    b1:
      %3 = y(1)
      jump b2
    b2:
      return 0
    """,
    )


def test_case_inside_of_an_inner_statement_is_a_case() -> None:
    assert_lowers(
        "switch (a) { case 1: if (b) { case 2: x(2); } } return 0;",
        """
    b0:
      %1 = a
      switch %1 {1..1: b1, 2..2: b3} b5
    b1:
      if b b2 else b4
    b2:
      jump b3
    b3:
      %2 = x(2)
      jump b4
    b4:
      jump b5
    b5:
      return 0
    """,
    )


def test_case_labels_have_the_type_of_the_selector() -> None:
    lowered = function("switch (u) { case -1: x(1); } return 0;", "unsigned u")
    switch = lowered.blocks[0].terminator
    assert isinstance(switch, ir.Switch)
    assert [(low, high) for low, high, _ in switch.cases] == [(0xFFFFFFFF, 0xFFFFFFFF)]


def test_do_runs_its_body_before_the_test() -> None:
    assert_lowers(
        "do { x(1); } while (a); return 0;",
        """
    b0:
      jump b1
    b1:
      %1 = x(1)
      jump b2
    b2:
      if a b1 else b3
    b3:
      return 0
    """,
    )


def test_continue_in_do_goes_to_the_test() -> None:
    assert_lowers(
        "do { if (b) continue; x(1); } while (a); return 0;",
        """
    b0:
      jump b1
    b1:
      if b b3 else b2
    b2:
      %1 = x(1)
      jump b4
    b3:
      jump b4
    b4:
      if a b1 else b5
    b5:
      return 0
    """,
    )


def test_while_with_break_and_continue() -> None:
    assert_lowers(
        "while (a) { if (b) break; if (c) continue; x(1); } return 0;",
        """
    b0:
      jump b1
    b1:
      if a b2 else b7
    b2:
      if b b6 else b3
    b3:
      if c b5 else b4
    b4:
      %1 = x(1)
      jump b1
    b5:
      jump b1
    b6:
      jump b7
    b7:
      return 0
    """,
    )


def test_for_with_all_three_parts() -> None:
    assert_lowers(
        "for (int i = 0; i < 3; i++) x(i); return 0;",
        """
    b0:
      declare i
      i = 0
      jump b1
    b1:
      if (i < 3) b3 else b2
    b2:
      return 0
    b3:
      %1 = x(i)
      jump b4
    b4:
      %2 = i
      i = (%2 + 1)
      jump b1
    """,
    )


@pytest.mark.parametrize("init", ["", "x(1)"])
@pytest.mark.parametrize("test", ["", "y(2)"])
@pytest.mark.parametrize("step", ["", "z(3)"])
def test_for_runs_each_part_that_is_there(init: str, test: str, step: str) -> None:
    lowered = function(f"for ({init}; {test}; {step}) {{ if (a) break; w(4, 4); }} return 0;")
    where = {c.callee: b for b in lowered.blocks for c in b.instructions if isinstance(c, ir.Call)}
    assert set(where) == {"w"} | {part[0] for part in (init, test, step) if part}
    head = where["w"]
    while not isinstance(head.terminator, ir.Jump) or head.terminator.target.order > head.order:
        head = head.successors()[0]
    assert isinstance(head.terminator, ir.Jump)
    again = head.terminator.target
    if step:
        assert head is where["z"]
    if test:
        assert again is where["y"]
        assert isinstance(again.terminator, ir.Branch)
    if init:
        assert where["x"].order < again.order
    assert lowered.opaque == []


def test_parts_of_nested_fors_are_not_mixed_up() -> None:
    body = "for (;a;) { for (b = 1;;) { for (;;c++) { if (c) return 1; } } } return 0;"
    lowered = function(body)
    branches = [b.terminator for b in lowered.blocks if isinstance(b.terminator, ir.Branch)]
    conditions = [b.condition for b in branches]
    assert [c.place.var.name for c in conditions if isinstance(c, ir.Load) and isinstance(c.place, ir.Local)] == [
        "a",
        "c",
    ]
    assert "b = 1" in text(lowered)
    assert lowered.opaque == []


def test_code_behind_a_return_is_left_out() -> None:
    assert_lowers("return 0; x(1);", "\n    b0:\n      return 0\n    ")


def test_condition_that_is_constant_is_a_jump() -> None:
    lowered = function("if (0) x(1); while (1) { if (a) break; } return 0;")
    assert calls(lowered) == []
    assert sum(isinstance(b.terminator, ir.Branch) for b in lowered.blocks) == 1


# -- scopes ----------------------------------------------------------------------------------------------


def test_cleanups_run_on_return_latest_first() -> None:
    assert_lowers(
        """int v __attribute__((cleanup(done))) = 1;
        if (a) return x(v);
        { int u __attribute__((cleanup(done))) = 2; }
        return 0;""",
        """
    b0:
      declare v
      v = 1
      if a b2 else b1
    b1:
      declare u
      u = 2
      done(&u) implicit
      done(&v) implicit
      return 0
    b2:
      %1 = x(v)
      %2 = %1
      done(&v) implicit
      return %2
    """,
    )


def test_cleanups_of_one_scope_run_in_reverse_order() -> None:
    lowered = function("int v __attribute__((cleanup(done))) = 1, u __attribute__((cleanup(done))) = 2; return 0;")
    assert [line for line in text(lowered).splitlines() if "done" in line] == [
        "  done(&u) implicit",
        "  done(&v) implicit",
    ]


def test_cleanups_run_on_break_goto_and_at_the_end_of_a_round() -> None:
    assert_lowers(
        "while (a) { int v __attribute__((cleanup(done))) = 1; if (b) break; if (c) goto out; } out: return 0;",
        """
    b0:
      jump b1
    b1:
      if a b2 else b7
    b2:
      declare v
      v = 1
      if b b6 else b3
    b3:
      if c b5 else b4
    b4:
      done(&v) implicit
      jump b1
    b5:
      done(&v) implicit
      jump b8
    b6:
      done(&v) implicit
      jump b7
    b7:
      jump b8
    b8:
      return 0
    """,
    )


def test_goto_within_a_scope_runs_no_cleanup_of_it() -> None:
    lowered = function("int v __attribute__((cleanup(done))) = 1; if (a) goto out; x(1); out: return 0;")
    assert [c.callee for c in calls(lowered)] == ["x", "done"]


def test_cleanup_of_a_for_variable_runs_once_behind_the_loop() -> None:
    body = "for (int v __attribute__((cleanup(done))) = 1; v < 3;) { if (a) break; if (b) continue; } return 0;"
    lowered = function(body)
    assert [c.callee for c in calls(lowered)] == ["done"]
    done = next(b for b in lowered.blocks if any(isinstance(i, ir.Call) for i in b.instructions))
    assert isinstance(done.terminator, ir.Return)
