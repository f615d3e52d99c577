"""Lowering: expressions, initialisers, builtins and inline asm; what is read and written, and in which order."""

from __future__ import annotations

import pytest
from lowering import assert_lowers, calls, expected, function, text

from kfuncgen.lint import ir

# -- expressions -----------------------------------------------------------------------------------------


def test_operands_are_evaluated_from_left_to_right() -> None:
    assert_lowers(
        "return a + x(1) + (a = y(2));",
        """
    b0:
      %1 = a
      %2 = x(1)
      %3 = y(2)
      a = %3
      return ((%1 + %2) + a)
    """,
    )


def test_arguments_read_before_a_call_keep_what_they_read() -> None:
    lowered = function("return w(a, x(1)) + b;")
    assert text(lowered).splitlines()[1:4] == ["  %1 = a", "  %2 = x(1)", "  %3 = w(%1, %2)"]


def test_increments_before_and_after() -> None:
    assert_lowers(
        "int r = a++; r = ++b; int *p = &r; *p++ = c--; return r;",
        """
    b0:
      declare r
      %1 = a
      a = (%1 + 1)
      r = %1
      %2 = b
      b = (%2 + 1)
      r = b
      declare p
      p = &r
      %3 = c
      c = (%3 - 1)
      %4 = p
      p = (%4 + 4)
      *(%4) = %3
      return r
    """,
    )


def test_compound_assignment_reads_and_writes_one_place() -> None:
    assert_lowers(
        "a += b; a <<= 2; q[x(1)] -= 3; return a;",
        """
    b0:
      a = (a + b)
      a = (a << 2)
      %1 = x(1)
      *((q + (%1 * 4))) = (*((q + (%1 * 4))) - 3)
      return a
    """,
        "int a, int b, int *q",
    )


def test_comma_drops_its_left_value_but_not_its_effects() -> None:
    assert_lowers(
        "int r = (x(1), y(2)); return r;",
        """
    b0:
      declare r
      %1 = x(1)
      %2 = y(2)
      r = %2
      return r
    """,
    )


def test_integers_are_scaled_where_they_move_pointers() -> None:
    assert_lowers(
        "int *p = q + a; return q[3] + *(q + b) + *(p - 1) + *(2 + q);",
        """
    b0:
      declare p
      p = (q + (a * 4))
      return (((*((q + 12)) + *((q + (b * 4)))) + *((p - 4))) + *((q + 8)))
    """,
        "int *q, int a, int b",
    )


def test_statement_expression_has_the_value_of_its_last_statement() -> None:
    assert_lowers(
        "int r = ({ int q = x(a); q + 1; }); return r;",
        """
    b0:
      declare r
      declare q
      %1 = x(a)
      q = %1
      %2 = (q + 1)
      r = %2
      return r
    """,
    )


def test_statement_expression_runs_its_cleanups_after_its_value() -> None:
    lowered = function("return ({ int v __attribute__((cleanup(done))) = a; v + 1; });")
    assert text(lowered) == expected("""
    b0:
      declare v
      v = a
      %1 = (v + 1)
      done(&v) implicit
      return %1
    """)


def test_calls_through_pointers_keep_the_pointer() -> None:
    assert_lowers(
        "int (*g)(int) = x; return g(a);",
        """
    b0:
      declare g
      g = x
      %1 = (g)(a)
      return %1
    """,
    )


def test_sizeof_is_a_constant_and_does_not_evaluate() -> None:
    lowered = function("return sizeof(struct s) + sizeof(x(1));")
    assert calls(lowered) == []
    assert text(lowered) == "b0:\n  return 28\n"


def test_sizeof_of_a_pointer_is_remembered() -> None:
    lowered = function("return w(sizeof(p), sizeof(*p));", "struct s *p")
    first, second = calls(lowered)[0].args
    assert isinstance(first, ir.Const) and isinstance(second, ir.Const)
    assert (first.value, first.size_of_pointer) == (8, True)
    assert (second.value, second.size_of_pointer) == (24, False)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("3 + 4 * 5", 23), ("-7 / 2", -3), ("-7 % 3", -1), ("1u - 2u > 0", 1), ("(signed char)200", -56),
        ("(unsigned char)-1", 255), ("1 << 31 < 0", 1), ("-1 >> 1", -1),
        ("-1 > 0u", 1), ("'a'", 97), ("(_Bool)256", 1), ("5 & 6", 4), ("3 ^ 1", 2), ("sizeof(long)", 8),
    ],
)  # fmt: skip
def test_constant_expressions_have_the_value_that_c_gives_them(expression: str, value: int) -> None:
    lowered = function(f"long r = {expression}; return r;")
    assert f"  r = {value}\n" in text(lowered)


# -- memory ----------------------------------------------------------------------------------------------


def test_designated_initialisers_zero_the_rest() -> None:
    assert_lowers(
        "struct s v = { .b = a, .in.d = 2 }; return v.b;",
        """
    b0:
      declare v
      fill v zero
      v.b = a
      v.in.d = 2
      return v.b
    """,
    )


def test_array_designators_move_the_position() -> None:
    assert_lowers(
        "int v[4] = { [2] = a, b, [0] = c }; return v[1];",
        """
    b0:
      declare v
      fill v zero
      v[2] = a
      v[3] = b
      v[0] = c
      return v[1]
    """,
    )


def test_initialiser_without_inner_braces_fills_inner_members() -> None:
    assert_lowers(
        "struct s v = { 1, 2, 3, 4 }; return v.in.c;",
        """
    b0:
      declare v
      fill v zero
      v.a = 1
      v.b = 2
      v.in.c = 3
      v.in.d = 4
      return v.in.c
    """,
    )


def test_compound_literal_is_memory_of_its_own() -> None:
    assert_lowers(
        "struct s *p = &(struct s){ .b = 1 }; return p->b;",
        """
    b0:
      declare p
      fill %1 zero
      %1.b = 1
      p = &%1
      return *(p).b
    """,
    )


def test_assigned_compound_literal_initialises_its_target() -> None:
    assert_lowers(
        "struct s v; v = (struct s){ a }; return v.a;",
        """
    b0:
      declare v
      fill v zero
      v.a = a
      return v.a
    """,
    )


def test_members_of_anonymous_unions_have_their_offsets() -> None:
    lowered = function("struct s v; v.n = 1; return v.m;")
    assert text(lowered) == expected("""
    b0:
      declare v
      v.@@16.@@0.n = 1
      return v.@@16.m
    """)


def test_bitfields_are_marked() -> None:
    lowered = function("struct s v; v.f = 1; return v.f;")
    assigned = next(i for i in lowered.blocks[0].instructions if isinstance(i, ir.Assign))
    assert isinstance(assigned.place, ir.Member)
    assert assigned.place.bits is not None


def test_struct_assignment_copies_the_whole_place() -> None:
    assert "  v = *(p)\n" in text(function("struct s v; v = *p; return v.a;", "struct s *p"))


def test_address_of_a_local_is_remembered_with_it() -> None:
    lowered = function("int v = a, u = b; done(&v); return u;")
    taken = {v.name: v.address_taken for v in lowered.variables if not v.is_temp}
    assert taken == {"a": False, "b": False, "c": False, "v": True, "u": False}


def test_container_of_moves_back_to_the_object() -> None:
    before = "#define container_of(p, T, m) ((T *)((char *)(p) - __builtin_offsetof(T, m)))\n"
    lowered = function("return container_of(p, struct s, in)->a;", "int *p", before)
    assert text(lowered) == "b0:\n  return *((struct s *)(((char *)(p) - 8))).a\n"


# -- builtins and asm ------------------------------------------------------------------------------------


def test_memset_to_zero_and_to_something_else() -> None:
    lowered = function("struct s v; __builtin_memset(&v, 0, 8); __builtin_memset(&v, 1, sizeof(v)); return v.a;")
    fills = [i for i in lowered.blocks[0].instructions if isinstance(i, ir.Fill)]
    assert [(f.zero, f.size) for f in fills] == [(True, 8), (False, 24)]


def test_memcpy_of_a_whole_struct_is_an_assignment() -> None:
    assert "  u = v\n" in text(function("struct s u, v; __builtin_memcpy(&u, &v, sizeof(u)); return u.a;"))


def test_memcpy_of_a_part_copies_so_many_bytes() -> None:
    lowered = function("struct s u, v; __builtin_memcpy(&u, &v, 6); return u.a;")
    assert "  copy u from v, 6 bytes\n" in text(lowered)


def test_expect_is_its_first_argument() -> None:
    assert_lowers(
        "if (__builtin_expect(!!a, 0)) x(1); return 0;",
        """
    b0:
      if a b1 else b2
    b1:
      %1 = x(1)
      jump b2
    b2:
      return 0
    """,
    )


def test_unreachable_ends_a_path() -> None:
    lowered = function("if (a) __builtin_unreachable(); return 0;")
    assert "  unreachable\n" in text(lowered)


def test_constant_p_is_answered() -> None:
    assert text(function("return __builtin_constant_p(3);")) == "b0:\n  return 1\n"


def test_atomic_builtins_write_their_target() -> None:
    lowered = function("int v = 1; __sync_fetch_and_add(&v, a); return v;")
    assert "  v = ?\n" in text(lowered)


def test_asm_writes_its_outputs_and_nothing_else() -> None:
    lowered = function('int r; asm volatile("%0 = %1" : "=r"(r) : "r"(a)); return r;')
    assert text(lowered) == "b0:\n  declare r\n  r = ?\n  return r\n"


@pytest.mark.parametrize("barrier", ['asm volatile("" ::: "memory")', 'asm volatile("" : "+r"(a))'])
def test_empty_asm_changes_nothing(barrier: str) -> None:
    assert text(function(f"{barrier}; return a;")) == "b0:\n  return a\n"


@pytest.mark.parametrize("template", ["call 5", "goto +1", "r0 = 2; exit"])
def test_asm_that_leaves_is_counted(template: str) -> None:
    lowered = function(f'asm volatile("{template}" ::: "r0"); return 0;')
    assert [o.what for o in lowered.opaque] == ["inline asm that calls, jumps or exits"]


def test_outputs_of_several_asms_are_told_apart() -> None:
    lowered = function(
        'int r, q; asm volatile("a" :: "r"(a)); asm volatile("b" : "=r"(r), "=r"(q) : "r"(a)); return r + q;'
    )
    assert text(lowered) == "b0:\n  declare r\n  declare q\n  r = ?\n  q = ?\n  return (r + q)\n"
