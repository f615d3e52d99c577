"""What matters of a function: numbers that decide, and what may be stepped over."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kfuncgen.lint import ir
from kfuncgen.lint.lower import lower
from kfuncgen.lint.parse import parse
from kfuncgen.lint.postdominance import between, meeting, postdominators
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


def slicing_of(body: str, before: str = "", result: bool = False) -> tuple[Slicing, ir.Module]:
    """What is known of a program, and what it was read as."""
    source = HEAD + before + f'\nSEC("syscall") int p(void *ctx)\n{{\n{body}\n}}\n'
    module = lower(parse(Path("t.bpf.c"), ["-target", "bpf", "-Wno-everything"], source))
    slicing = Slicing(module, SPECS, SPECS.newest)
    slicing.add([(module.functions["p"], result)])
    return slicing, module


def sliced(body: str, before: str = "", result: bool = False, name: str = "p") -> tuple[Slice, ir.Function]:
    """The slice of a program, or of a function that it calls."""
    slicing, module = slicing_of(body, before, result)
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


def tangle(chance: random.Random) -> str:
    """A function that jumps about: blocks that add something up, ask for something, or do what nobody steps over,
    and go on to any others."""
    size = chance.randrange(2, 14)
    numbers = " ".join(f"u64 n{number} = seen[{number % 8}];" for number in range(size))
    lines = []
    for number in range(size):
        what = chance.choices(("", f"n{chance.randrange(size)} += 3;", "flag = 1;"), (3, 5, 1))[0]
        lines.append(f"L{number}: ; {what}")
        for _ in range(chance.choice((0, 1, 1, 2))):
            lines.append(f"if (n{chance.randrange(size)} == {number}) goto L{chance.randrange(size)};")
        if chance.random() < 0.2:
            lines.append(chance.choice((f"goto L{chance.randrange(size)};", "return 0;")))
    return "\n".join([numbers, *lines, "return 0;"])


def test_branches_are_passed_where_nothing_between_their_sides_matters() -> None:
    """Against the definition: all blocks on the ways from the sides to where they meet."""
    chance, passed, walked = random.Random(5), 0, 0
    for _ in range(250):
        body = tangle(chance)
        slicing, module = slicing_of(body)
        function = module.functions["p"]
        found = slicing.of(function, False)
        flows, after = slicing._flow("p"), postdominators(function)
        needs = slicing._needs["p", False] | slicing._globals
        for block in function.blocks:
            end = block.terminator
            if not isinstance(end, ir.Branch):
                continue
            sides = (end.if_true, end.if_false)
            where = meeting(function, after, sides)
            among = between(sides, where) if where is not None else []
            if where is None or any(after.rank[one.order] < 0 for one in among):
                assert id(end) not in found.passed, body  # it may never end
                continue
            inside = [flows.blocks[one.order] for one in among]
            idle = all(one.plain and one.targets.isdisjoint(needs) and not one.calls for one in inside)
            assert found.passed.get(id(end)) is (where if idle else None), body
            passed, walked = passed + idle, walked + (not idle)
    assert passed > 200 and walked > 200


def test_what_is_kept_of_branches_grows_as_their_number() -> None:
    """A ladder: between the sides of each step are all that follow."""
    steps = 300
    ladder = "\n".join(f"if (n == {number}) goto out;" for number in range(steps))
    before = f"static int walk(u64 n)\n{{\n{ladder}\nn = 3;\nout: return n;\n}}"
    slicing, module = slicing_of(f"walk(total); {TASK} return 0;", before)
    flows = slicing._flow("walk")
    assert len(flows.forks) == steps
    assert sum(map(len, flows.decided.values())) <= 3 * steps
    assert len(slicing.of(module.functions["walk"], False).passed) == steps
