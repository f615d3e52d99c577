"""What explains that linter and kernel differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.agreement import limits
from benchmarks.agreement.engine import Error
from benchmarks.agreement.judge import Flags, Verdict, warnings_of
from kfuncgen.lint.results import PLACED_KEY


def verdict(text: str, message: str = "", **more: object) -> Verdict:
    return Verdict("p", "xdp", text, message, **more)  # type: ignore[arg-type]


LEAK = Error("unreleased-reference", 9, "lost", "p", (4, 3, 4, 20))
UNCHECKED = Error("unchecked-null", 9, "'p' may be NULL where it is dereferenced", "p", (9, 5, 10, 8))
NULL = Error("unchecked-null", 9, "'p' is NULL where it is dereferenced", "p", (9, 5, 10, 8))


def test_limits_are_recognised_by_their_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "kernel_symbols", lambda: frozenset(("bpf_task_release",)))
    known = verdict(
        "accepted", externs=("bpf_task_release", "bpf_task_release___flavour"), places=((4, 3), (9, 5))
    )
    assert limits.explain(known, [LEAK]) == ""
    here = ((4, 3),)
    assert limits.explain(verdict("accepted", externs=("bpf_absent",), places=here), [LEAK]) == "absent-symbol"
    assert limits.explain(verdict("accepted", externs=("LINUX_KERNEL_VERSION",), places=here), [LEAK]) == ""
    assert limits.explain(verdict("rejected", "R1 is odd", externs=("bpf_absent",), places=here), []) == ""


@pytest.mark.parametrize(
    ("errors", "places", "limit"),
    [
        ([LEAK], ((4, 3), (9, 5)), ""),
        # A leak begins where the reference was acquired; the way out says nothing.
        ([LEAK], ((5, 3), (9, 5)), "optimised-away"),
        ([LEAK], ((4, 20),), "optimised-away"),
        ([UNCHECKED], ((9, 40),), ""),
        ([UNCHECKED], ((10, 7),), ""),
        ([UNCHECKED], ((9, 4), (10, 8)), "optimised-away"),
        ([UNCHECKED, LEAK], ((4, 4),), ""),
        ([UNCHECKED, LEAK], ((1, 1),), "optimised-away"),
        ([NULL], ((9, 5),), "undefined-behaviour"),
        ([NULL, UNCHECKED], ((9, 5),), ""),
        ([UNCHECKED], (), ""),
    ],
)
def test_what_the_compiler_made_of_a_fault_explains_its_acceptance(
    errors: list[Error], places: tuple[tuple[int, int], ...], limit: str
) -> None:
    assert limits.explain(verdict("accepted", places=places), errors) == limit


MEMBER = Error("null-argument", 9, "'&b->lock' is NULL where it is passed to f()", "p", (9, 5, 10, 8))
PASSED = Error("null-argument", 9, "'b' is NULL where it is passed to f()", "p", (9, 5, 10, 8))
PLACED = replace(UNCHECKED, told=("'p' obtained here, may be NULL" + PLACED_KEY, "dereferenced here"))
LOOKED_UP = Error("unchecked-null", 9, "'p' from bpf_map_lookup_elem() may be NULL where ...", "p", (9, 5, 10, 8))
CROWDED = "paths are joined here, and numbers no longer tell them apart: findings behind it may be ..."


SCALAR = "R4 invalid mem access 'scalar'"
TAKEN = "904: (15) if r1 == 0x0 goto pc+47 952: R0=scalar() R1=pkt(off=14,r=94) R6=0"
STACK = "534: (55) if r9 != 0x0 goto pc+14     ; frame2: R9=fp[1]-84 refs=44"
PASSED_BY = "904: (55) if r1 != 0x0 goto pc+47     ; R1=pkt(off=14,r=94)"


@pytest.mark.parametrize(
    ("said", "errors", "known", "limit"),
    [
        (verdict("accepted", places=((9, 5),)), [MEMBER], {}, "undefined-behaviour"),
        (verdict("accepted", places=((9, 5),)), [PASSED], {}, ""),
        (verdict("accepted", places=((9, 5),)), [PASSED], {"unset": True}, "uninitialised-variable"),
        (verdict("rejected", "R0 !read_ok"), [], {}, ""),
        (verdict("rejected", "R0 !read_ok"), [], {"unset": True}, "uninitialised-variable"),
        (verdict("rejected", "R0 !read_ok"), [PASSED], {"unset": True}, ""),
        (verdict("accepted", places=((9, 5),)), [PLACED], {}, "placed-key"),
        (verdict("accepted", places=((9, 5),)), [PLACED, PASSED], {}, ""),
        (verdict("rejected", "R0 invalid", line=9), [], {"without_keys": (LOOKED_UP,)}, "placed-key"),
        (verdict("rejected", "R0 invalid", line=8), [], {"without_keys": (LOOKED_UP,)}, ""),
        (verdict("rejected", "R0 invalid", line=9), [], {"without_keys": (LEAK,)}, ""),
        (verdict("rejected", "map 'm' has to have BTF in order to use bpf_spin_lock"), [], {}, "vanished-type"),
        (verdict("rejected", SCALAR), [], {"log": TAKEN}, "null-test"),
        (verdict("rejected", SCALAR), [], {"log": PASSED_BY}, "null-test"),
        (verdict("rejected", SCALAR), [], {"log": STACK}, "null-test"),
        (verdict("rejected", "R0 leaks"), [], {"log": TAKEN}, ""),
        (verdict("rejected", SCALAR), [], {"log": TAKEN.replace("R1=pkt", "R2=pkt")}, ""),
        (verdict("rejected", SCALAR), [], {"log": PASSED_BY.replace("!=", "==")}, ""),
        (verdict("accepted", places=((9, 5),)), [PASSED], {"notes": frozenset((CROWDED,))}, "joined-paths"),
        (verdict("accepted", places=((9, 5),)), [PASSED], {"notes": frozenset(("other",))}, ""),
    ],
)
def test_circumstances_explain_too(said: Verdict, errors: list[Error], known: Any, limit: str) -> None:
    assert limits.explain(said, errors, limits.Circumstances(**known)) == limit


@pytest.mark.kernel
def test_warnings_are_of_variables_that_are_never_set() -> None:
    flags = Flags(("-target", "bpf"), "", None)
    unset = b"int f(void) { int a, b; if (a) return 1; b = a; return b; }"
    assert warnings_of(unset, "f.c", flags) == {"variable 'a' is uninitialized when used here [-Wuninitialized]"}
    assert warnings_of(unset.replace(b"int a,", b"int a = 0,"), "f.c", flags) == set()


def test_what_is_not_passed_is_told_from_what_is_wrong() -> None:
    message = "Caller passes invalid args into func#1 ('part')"
    unset = verdict("rejected", message, log="R1 type=? expected=ptr_, trusted_ptr_, rcu_ptr_\n" + message)
    assert limits.explain(unset, []) == "unused-parameter"
    assert limits.explain(replace(unset, log="R1 type=scalar expected=ptr_\n" + message), []) == ""


def test_a_context_that_the_compiler_moved_is_told_from_one_that_the_source_moved() -> None:
    message = "dereference of modified ctx ptr R7 off=60 disallowed"
    read = verdict("rejected", message, log="50: (61) r1 = *(u32 *)(r7 +0)\n" + message)
    assert limits.explain(read, []) == "moved-context"
    assert limits.explain(replace(read, log="50: (85) call bpf_skb_pull_data#39\n" + message), []) == ""
