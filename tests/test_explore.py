"""Exploring: order of functions, processes and hash seeds do not matter; loops end; cost grows with the source.

Programs are linted as users lint them; what is counted are instructions evaluated (`Run.steps`), never time.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from kfuncgen.diagnostic import Finding, Note
from kfuncgen.lint import LintOptions, ir
from kfuncgen.lint.check import check_file, explore_all
from kfuncgen.lint.lower import lower
from kfuncgen.lint.parse import parse
from kfuncgen.lint.program import programs
from kfuncgen.lint.run import MAX_STEPS
from kfuncgen.lint.story import tell
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

HEAD = """\
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define NULL ((void *)0)
struct task_struct { int pid; int tgid; };
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
static unsigned (*bpf_get_prandom_u32)(void) = (void *)7;
static long (*bpf_loop)(unsigned nr, void *cb, void *ctx, unsigned long flags) = (void *)181;
char _license[] SEC("license") = "GPL";
"""
"""What the programs need, without any header: parsing takes milliseconds."""

SPECS = load_builtin()
OPTIONS = LintOptions(kernels=(SPECS.newest,), specs=SPECS, clang_args=())


def lint(source: str) -> tuple[set[tuple[str, str, str, str]], int, list[str]]:
    """Findings as (rule, message, function, program), instructions evaluated, notes of what was given up."""
    module = lower(parse(Path("t.bpf.c"), ["-target", "bpf", "-Wno-everything"], HEAD + source))
    found: set[tuple[str, str, str, str]] = set()
    steps = 0
    notes: list[str] = []
    for run in explore_all(module, programs(module, SPECS), OPTIONS, SPECS.newest):
        steps += run.steps
        notes += [message for _, message in run.notes]
        found |= {_key(told.finding) for told in tell(run, run.occurrences)}
    return found, steps, notes


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return (finding.rule, finding.message, finding.function, finding.program)


def rules(source: str) -> list[str]:
    return sorted(rule for rule, _, _, _ in lint(source)[0])


def program(body: str, before: str = "", name: str = "p") -> str:
    return f'{before}\nSEC("syscall") int {name}(void *ctx)\n{{\n{body}\n}}\n'


# -- order and determinism -------------------------------------------------------------------------------

PIECES = (
    "static int leak(void) { struct task_struct *t = bpf_task_from_pid(1); return t ? t->pid : 0; }\n",
    "static void put(struct task_struct *t) { bpf_task_release(t); }\n",
    program("struct task_struct *t = bpf_task_from_pid(2); put(t); return leak();", name="one"),
    program("struct task_struct *t = bpf_task_from_pid(3); if (t) { put(t); put(t); } return 0;", name="two"),
    program(
        "bpf_rcu_read_lock(); if (bpf_get_prandom_u32()) return 1; bpf_rcu_read_unlock(); return 0;", name="three"
    ),
)
DECLARED = "static int leak(void);\nstatic void put(struct task_struct *t);\n"


def test_order_of_functions_does_not_matter() -> None:
    wanted = lint(DECLARED + "".join(PIECES))[0]
    assert {rule for rule, _, _, _ in wanted} == {
        "unreleased-reference", "null-argument", "double-release", "rcu-unbalanced",
    }  # fmt: skip
    orders = list(permutations(PIECES))
    for order in random.Random(1).sample(orders, 12):
        assert lint(DECLARED + "".join(order))[0] == wanted


def test_order_of_independent_branches_does_not_matter() -> None:
    branches = (
        "if (bpf_get_prandom_u32() > 1) { if (t) bpf_task_release(t); t = NULL; }",
        "if (bpf_get_prandom_u32() > 2) n |= 1;",
        "if (bpf_get_prandom_u32() > 3) n |= 2;",
    )
    seen = {
        tuple(
            rules(
                program(
                    f"int n = 0; struct task_struct *t = bpf_task_from_pid(1); {' '.join(order)}"
                    " if (n == 3) return 1; if (t) bpf_task_release(t); return 0;"
                )
            )
        )
        for order in permutations(branches)
    }
    assert seen == {("unreleased-reference",)}


DRIVER = """
import json, sys
from pathlib import Path
from kfuncgen.records import asdict
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
specs = load_builtin()
options = LintOptions(kernels=(specs.newest,), specs=specs, clang_args=())
report = check_paths([Path(name) for name in sys.argv[1:]], options).report
print(json.dumps(asdict(report), default=str))
"""


def test_every_process_says_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "t.bpf.c"
    many = "".join(f"case {n}: v += {n}; break; " for n in range(30))
    source.write_text(
        HEAD
        + DECLARED
        + "".join(PIECES)
        + program(f"int v = 0; switch (leak()) {{ {many} }} return v;", name="four")
    )
    outputs = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, str(source)],
            capture_output=True, text=True, env=environment, check=True, timeout=120,
        )  # fmt: skip
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())["findings"]) >= 5


def test_two_runs_in_one_process_say_the_same(tmp_path: Path) -> None:
    source = tmp_path / "t.bpf.c"
    source.write_text(HEAD + DECLARED + "".join(PIECES))
    assert check_file(source, OPTIONS) == check_file(source, OPTIONS)


# -- loops -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        "for (int i = 0; i < 1000000; i++)", "for (;;)", "while (bpf_get_prandom_u32())",
        "for (unsigned i = bpf_get_prandom_u32(); i; i >>= 1)", "for (long i = 0; i > -9; i -= 2)",
    ],
)  # fmt: skip
def test_loops_reach_a_fixpoint_and_keep_what_is_held(loop: str) -> None:
    body = f"""struct task_struct *t = bpf_task_from_pid(1); int n = 0;
    {loop} {{ if (bpf_get_prandom_u32() == 3) break; n += 2; }}
    if (t) bpf_task_release(t);
    return n;"""
    found, steps, notes = lint(program(body))
    assert found == set()
    assert notes == []
    assert steps < 5000


def test_reference_of_the_last_round_is_lost_when_the_next_one_begins() -> None:
    body = """struct task_struct *t = NULL;
    for (int i = 0; i < 9; i++) t = bpf_task_from_pid(i);
    if (t) bpf_task_release(t);
    return 0;"""
    assert rules(program(body)) == ["unreleased-reference"]


def test_reference_released_in_each_round_is_not_lost() -> None:
    body = """for (int i = 0; i < 9; i++) {
        struct task_struct *t = bpf_task_from_pid(i);
        if (!t) continue;
        if (t->pid == 4) { bpf_task_release(t); break; }
        bpf_task_release(t);
    }
    return 0;"""
    assert lint(program(body))[::2] == (set(), [])


def test_reference_kept_from_one_round_to_the_next_is_followed() -> None:
    body = """struct task_struct *best = NULL;
    for (int i = 0; i < 9; i++) {
        struct task_struct *t = bpf_task_from_pid(i);
        if (!t) continue;
        if (best) bpf_task_release(best);
        best = t;
    }
    if (best) bpf_task_release(best);
    return 0;"""
    assert lint(program(body))[::2] == (set(), [])


def test_release_in_a_loop_is_a_double_release() -> None:
    body = """struct task_struct *t = bpf_task_from_pid(1);
    if (!t) return 0;
    for (int i = 0; i < 2; i++) bpf_task_release(t);
    return 0;"""
    assert "double-release" in rules(program(body))


def test_callback_is_explored_as_a_loop() -> None:
    before = """struct c { struct task_struct *t; };
    static int cb(unsigned i, struct c *c)
    { if (c->t) bpf_task_release(c->t); c->t = bpf_task_from_pid(i); return 0; }
    """
    body = "struct c c = {}; bpf_loop(9, cb, &c, 0); %s return 0;"
    assert rules(program(body % "if (c.t) bpf_task_release(c.t);", before)) == []
    assert rules(program(body % "", before)) == ["unreleased-reference"]


# -- correlations and joins ------------------------------------------------------------------------------


def test_flags_tell_on_which_path_something_is_held() -> None:
    body = """struct task_struct *t = NULL; int got = 0;
    if (bpf_get_prandom_u32() > 5) { t = bpf_task_from_pid(1); got = 1; }
    if (got && t) bpf_task_release(t);
    return 0;"""
    assert rules(program(body)) == []


@pytest.mark.parametrize("branches", [0, 5, 30])
def test_correlated_flag_survives_branches_that_do_not_concern_it(branches: int) -> None:
    noise = "".join(f"if (bpf_get_prandom_u32() > {n}) n = {n}; " for n in range(branches))
    body = f"""struct task_struct *t = bpf_task_from_pid(1); int err = 0, n = 0;
    if (!t) err = -3;
    {noise}
    if (!err) bpf_task_release(t);
    return n;"""
    assert lint(program(body))[::2] == (set(), [])


def test_inlined_functions_return_the_right_state_with_the_right_value() -> None:
    before = """static int get(struct task_struct **t) { *t = bpf_task_from_pid(1); return *t ? 0 : -2; }
    static int twice(struct task_struct **t) { int err = get(t); if (err) return err; return 0; }
    """
    body = "struct task_struct *t; int err = twice(&t); if (err) return err; bpf_task_release(t); return 0;"
    assert rules(program(body, before)) == []
    assert rules(program(body.replace("if (err) return err;", ""), before)) == ["release-null"]


# -- cost ------------------------------------------------------------------------------------------------


def branchy(count: int, leak: bool = False) -> str:
    """One reference, held across `count` branches that have nothing to do with it."""
    branches = "".join(f"if (bpf_get_prandom_u32() > {n}) s += {n + 1};\n" for n in range(count))
    end = "return s;" if leak else "bpf_task_release(t); return s;"
    return program(
        f"struct task_struct *t = bpf_task_from_pid(1); unsigned s = 0; if (!t) return 0;\n{branches}{end}"
    )


@pytest.mark.parametrize("count", [10, 50, 200])
def test_a_reference_is_followed_through_many_branches(count: int) -> None:
    found, steps, notes = lint(branchy(count))
    assert (found, notes) == (set(), [])
    assert steps < MAX_STEPS
    assert [rule for rule, _, _, _ in lint(branchy(count, leak=True))[0]] == ["unreleased-reference"]


def test_cost_of_branches_grows_about_linearly() -> None:
    few, many = lint(branchy(50))[1], lint(branchy(200))[1]
    assert many < 8 * few


def test_cost_of_branches_around_unread_locals_is_linear() -> None:
    def source(count: int) -> str:
        branches = "".join(f"if (bpf_get_prandom_u32() > {n}) v{n} = 1; else v{n} = 2;\n" for n in range(count))
        locals_ = ", ".join(f"v{n} = 0" for n in range(count))
        return program(
            f"struct task_struct *t = bpf_task_from_pid(1); int {locals_}; if (!t) return 0;\n"
            f"{branches} bpf_task_release(t); return 0;"
        )

    (_, few, _), (found, many, notes) = lint(source(50)), lint(source(200))
    assert (found, notes) == (set(), [])
    assert many < 4.5 * few


def test_what_exceeds_the_budget_is_a_note_and_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfuncgen.lint.explore.MAX_STEPS", 20)
    found, steps, notes = lint(branchy(50))
    assert steps == 21
    assert any("is not checked" in note for note in notes)
    assert found == set()


def test_budget_is_a_note_of_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("kfuncgen.lint.explore.MAX_STEPS", 20)
    source = tmp_path / "t.bpf.c"
    source.write_text(HEAD + branchy(50))
    notes: list[Note] = [n for n in check_file(source, OPTIONS).notes if n.kind == "incomplete"]
    assert [(n.function, "is not checked" in n.message) for n in notes] == [("p", True)]


def test_calls_deeper_than_are_followed_are_a_note() -> None:
    chain = "static int f0(int a) { return bpf_get_prandom_u32(); }\n" + "".join(
        f"static int f{n}(int a) {{ return f{n - 1}(a); }}\n" for n in range(1, 30)
    )
    body = "struct task_struct *t = bpf_task_from_pid(f29(1)); if (t) bpf_task_release(t); return 0;"
    found, _, notes = lint(program(body, chain))
    assert found == set()
    assert any("deeper" in note for note in notes)


def test_programs_without_contract_calls_are_not_explored() -> None:
    source = program("return bpf_get_prandom_u32() > 3;")
    module = lower(parse(Path("t.bpf.c"), ["-target", "bpf", "-Wno-everything"], HEAD + source))
    assert list(module.functions) == ["p"]
    assert isinstance(module.functions["p"], ir.Function)
    assert lint(source) == (set(), 0, [])


def test_each_targeted_kernel_is_named_in_the_finding(tmp_path: Path) -> None:
    source = tmp_path / "t.bpf.c"
    source.write_text(HEAD + branchy(1, leak=True))
    kernels = (Kernel(6, 12), SPECS.newest)
    report = check_file(source, LintOptions(kernels=kernels, specs=SPECS, clang_args=()))
    assert [f.kernels for f in report.findings] == [tuple(map(str, kernels))]


@pytest.mark.parametrize(("flags", "noted"), [(3, False), (8, True)])
def test_a_finding_behind_joined_paths_says_so(flags: int, noted: bool) -> None:
    words = " ".join(f"if (bpf_get_prandom_u32()) n |= {1 << i};" for i in range(flags))
    lost = "if (n == 300) return 1; if (t) bpf_task_release(t);"
    body = f"int n = 0; struct task_struct *t = bpf_task_from_pid(1); {words} {lost} return 0;"
    found, _, notes = lint(program(body))
    assert [rule for rule, _, _, _ in found] == ["unreleased-reference"] * noted
    assert any("no longer tell them apart" in note for note in notes) == noted


def test_joined_paths_without_a_finding_are_no_note() -> None:
    words = " ".join(f"if (bpf_get_prandom_u32()) n |= {1 << i};" for i in range(8))
    release = "if (t) bpf_task_release(t);"
    body = f"int n = 0; struct task_struct *t = bpf_task_from_pid(1); {words} {release} return n;"
    found, _, notes = lint(program(body))
    assert (found, notes) == (set(), [])
