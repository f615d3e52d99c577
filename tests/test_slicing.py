"""What matters of a function: numbers that decide, and what may be stepped over."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.lint import ir
from kfuncgen.lint.lower import lower
from kfuncgen.lint.parse import parse
from kfuncgen.lint.slicing import WHOLE, Slice, Slicing
from kfuncgen.spec.load import load_builtin

SPECS = load_builtin()
HEAD = """\
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
typedef unsigned long long u64;
struct task_struct { int pid; };
struct bpf_cpumask;
struct task_struct *bpf_task_from_pid(int pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
void bpf_cpumask_set_cpu(unsigned cpu, struct bpf_cpumask *mask) __ksym;
static void *(*bpf_get_stack)(void *ctx, void *buf, unsigned size, u64 flags) = (void *)67;
u64 total, seen[8];
volatile int flag;
"""


def sliced(body: str, before: str = "", result: bool = False, name: str = "p") -> tuple[Slice, ir.Function]:
    """The slice of a program, or of a function that it calls."""
    source = HEAD + before + f'\nSEC("syscall") int p(void *ctx)\n{{\n{body}\n}}\n'
    module = lower(parse(Path("t.bpf.c"), ["-target", "bpf", "-Wno-everything"], source))
    slicing = Slicing(module, SPECS, SPECS.newest)
    slicing.add([(module.functions["p"], result)])
    function = module.functions[name]
    found = [slicing.of(function, needed) for needed in (True, False)]
    return next(s for s in found if s is not WHOLE), function


def idle(body: str, before: str = "", result: bool = False, name: str = "p") -> set[str]:
    """The declared locals that decide nothing."""
    found, function = sliced(body, before, result, name)
    return {v.name for v in function.variables if v.index in found.idle and not v.is_temp}


TASK = "struct task_struct *t = bpf_task_from_pid(1); if (t) bpf_task_release(t);"


def test_numbers_that_are_only_summed_up_decide_nothing() -> None:
    assert idle(f"u64 n = total; if (n > 3) n += 2; else seen[1] = n; {TASK} return 0;") == {"n"}


def test_a_result_matters_where_somebody_looks_at_it() -> None:
    body = f"u64 n = total; {TASK} return n;"
    assert idle(body, result=True) == set()
    assert idle(body, result=False) == {"n"}


@pytest.mark.parametrize(
    "use",
    [
        "if (n) bpf_task_release(t);",
        "if (n > 2) goto out; bpf_task_release(t); out:",
        "if (n) return 1; bpf_task_release(t);",
        "while (n) { bpf_task_release(t); n--; }",
        "switch (n) { case 1: bpf_task_release(t); }",
        "t += n;",
        "total = seen[n];",
        "seen[n] = 1;",
        "char buf[8]; bpf_get_stack(ctx, buf, n, 0);",
        "if (n) total = t->pid;",
        "u64 m; if (n) m = 1; if (n) total = m;",
        "if (n) t = 0;",
        "u64 *q = &n; *q = 1;",
        "u64 m = n * 2; if (m) bpf_task_release(t);",
        "total = n; if (total) bpf_task_release(t);",
    ],
)  # fmt: skip
def test_numbers_that_decide_are_kept(use: str) -> None:
    body = f"u64 n = flag; struct task_struct *t = bpf_task_from_pid(1); {use} return 0;"
    assert "n" not in idle(body)


def test_arguments_that_may_be_any_number_decide_nothing() -> None:
    assert idle("u64 n = total; bpf_cpumask_set_cpu(n, (void *)ctx); return 0;") == {"n"}
    assert idle("u64 n = total; char buf[8]; bpf_get_stack(ctx, buf, 8, n); return 0;") == {"n"}


def test_what_an_inlined_function_needs_is_needed_of_its_argument() -> None:
    looks = "static int f(int n) { if (n) bpf_task_release(bpf_task_from_pid(1)); return 0; }"
    counts = "static int f(int n) { total += n; bpf_task_release(bpf_task_from_pid(1)); return 0; }"
    assert idle("int n = flag; return f(n);", looks) == set()
    assert idle("int n = flag; return f(n);", counts) == {"n"}


def test_what_is_returned_matters_as_far_as_the_caller_looks() -> None:
    before = f"static int f(int a) {{ int n = a * 2; {TASK} return n; }}"
    assert idle("total += f(1); return 0;", before, name="f") == {"a", "n"}
    assert idle(f"if (f(1)) {{ {TASK} }} return 0;", before, name="f") == set()


def test_a_global_that_another_function_looks_at_is_kept() -> None:
    stores = "static void f(int n) { total = n; }"
    assert idle(f"f(flag); {TASK} return 0;", stores, name="f") == {"n"}
    assert idle(f"f(flag); if (total) {{ {TASK} }} return 0;", stores, name="f") == set()


def test_a_callback_counts_as_a_reader_of_globals() -> None:
    before = (
        "static long (*bpf_loop)(unsigned n, void *callback, void *ctx, u64 flags) = (void *)181;\n"
        f"static long c(unsigned i, void *x) {{ if (total == 7) {{ {TASK} }} return 0; }}\n"
    )
    body = "int n = flag; total = n; {} return 0;"
    assert idle(body.format("bpf_loop(3, c, 0, 0);"), before) == set()
    assert idle(body.format(TASK), before) == {"n"}


def test_branches_between_computations_are_passed() -> None:
    found, _ = sliced(f"u64 n = total; if (n > 3) n += 2; if (n > 4) {{ {TASK} }} return 0;")
    assert len(found.passed) == 0
    found, _ = sliced(f"u64 n = total; if (n > 3) n += 2; {TASK} return 0;")
    assert len(found.passed) == 1


def test_recursion_is_taken_as_a_whole() -> None:
    before = "static int f(int n) { total += n; return n ? f(n - 1) : 0; }"
    assert idle(f"f(flag); {TASK} return 0;", before, name="f") == set()


def test_a_pointer_that_is_kept_as_a_number_is_kept() -> None:
    assert idle("u64 n = (u64)ctx; total = n; return 0;") == set()
