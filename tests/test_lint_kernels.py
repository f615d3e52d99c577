"""One source for many kernels and loaders: each finding names the kernels that it concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.diagnostic import Finding
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.render.summary import kernel_ranges
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.load import load_builtin

HEAD = """
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
char _license[] SEC("license") = "GPL";
"""
IRQ = """
extern void bpf_local_irq_save(unsigned long *flags) __ksym {weak};
extern void bpf_local_irq_restore(unsigned long *flags) __ksym {weak};
extern void bpf_rcu_read_lock(void) __ksym {weak};
extern void bpf_rcu_read_unlock(void) __ksym {weak};
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym {weak};
extern void bpf_task_release(struct task_struct *p) __ksym {weak};
"""
STRONG, WEAK = IRQ.format(weak=""), IRQ.format(weak="__weak")


def lint(tmp_path: Path, text: str, kernels: str, loader: str = "libbpf") -> tuple[Finding, ...]:
    """The findings for a source without its usual head."""
    specs = load_builtin()
    file = tmp_path / "a.bpf.c"
    file.write_text(HEAD + text)
    options = LintOptions(parse_targets(kernels, specs), specs, clang_args=(), loader=loader)
    result = check_paths([file], options)
    assert result.failures == ()
    return result.report.findings


def told(findings: tuple[Finding, ...], kernels: str) -> list[tuple[str, str]]:
    """Rule and kernels of each finding, in order of place."""
    targets = [str(kernel) for kernel in parse_targets(kernels, load_builtin())]
    return [(f.rule, kernel_ranges(f.kernels, targets)) for f in findings]


@pytest.mark.parametrize(
    ("some", "text"),
    [
        ("6.1", "kernel 6.1"),
        ("6.1 6.2", "kernels 6.1 and 6.2"),
        ("6.1 6.2 6.3", "kernels 6.1 to 6.3"),
        ("6.1 6.2 6.3 6.5", "kernels 6.1 to 6.3 and 6.5"),
        ("6.1 6.3 6.5", "kernels 6.1, 6.3 and 6.5"),
        ("6.1 6.2 6.3 6.4 6.5", "kernels 6.1 to 6.5"),
    ],
)
def test_kernels_that_follow_each_other_are_a_range(some: str, text: str) -> None:
    assert kernel_ranges(some.split(), ["6.1", "6.2", "6.3", "6.4", "6.5"]) == text


def test_a_strong_extern_concerns_the_kernels_before_it(tmp_path: Path) -> None:
    text = (
        STRONG
        + """
SEC("tc") int a(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}
"""
    )
    assert told(lint(tmp_path, text, "6.1..6.18"), "6.1..6.18") == [
        ("kfunc-missing", "kernel 6.1"),
        ("kfunc-missing", "kernel 6.1"),
        ("kfunc-missing", "kernels 6.1 to 6.13"),
        ("kfunc-missing", "kernels 6.1 to 6.13"),
    ]
    assert lint(tmp_path, text, "6.14..6.18") == ()


def test_a_weak_extern_is_fine_behind_a_test_on_all_kernels(tmp_path: Path) -> None:
    text = (
        WEAK
        + """
SEC("tc") int a(struct __sk_buff *skb)
{
	unsigned long flags;

	if (bpf_ksym_exists(bpf_local_irq_save)) {
		bpf_local_irq_save(&flags);
		bpf_local_irq_restore(&flags);
	}
	return 0;
}
"""
    )
    assert lint(tmp_path, text, "6.1..6.18") == ()


def test_what_is_wrong_behind_a_test_is_wrong_where_the_test_holds(tmp_path: Path) -> None:
    text = (
        WEAK
        + """
SEC("tc") int a(struct __sk_buff *skb)
{
	unsigned long flags;

	if (bpf_ksym_exists(bpf_local_irq_save))
		bpf_local_irq_save(&flags);
	return 0;
}
SEC("tc") int b(struct __sk_buff *skb)
{
	unsigned long flags;

	if (!bpf_ksym_exists(bpf_rcu_read_lock))
		bpf_local_irq_save(&flags);
	return 0;
}
"""
    )
    assert told(lint(tmp_path, text, "6.1..6.18"), "6.1..6.18") == [
        ("irq-unbalanced", "kernels 6.14 to 6.18"),
        ("kfunc-address", "kernels 6.2 and 6.3"),
        ("unguarded-kfunc", "kernel 6.1"),
    ]


def test_flags_that_changed_concern_the_kernels_that_have_them(tmp_path: Path) -> None:
    text = """
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;

SEC("syscall") int a(void *ctx)
{
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, NULL, 0);
	bpf_iter_task_destroy(&it);
	return 0;
}
"""
    # Before 6.18 it was the iterator's use that was refused, and not its making.
    assert told(lint(tmp_path, text, "6.12,6.18"), "6.12,6.18") == [
        ("iter-rcu", "kernel 6.18"),
        ("iter-rcu", "kernel 6.12"),
    ]


def test_program_types_that_came_later_concern_the_kernels_before(tmp_path: Path) -> None:
    text = (
        STRONG
        + """
SEC("tracepoint/sched/sched_switch") int a(void *ctx)
{
	struct task_struct *task = bpf_task_acquire(bpf_get_current_task_btf());

	if (task)
		bpf_task_release(task);
	return 0;
}
"""
    )
    assert ("kfunc-not-allowed", "kernels 6.8 to 6.11") in told(lint(tmp_path, text, "6.8..6.18"), "6.8..6.18")


MISMATCH = """
extern struct task_struct *bpf_task_from_pid(s32 pid, u64 flags) __ksym __weak;
extern struct task_struct *bpf_task_from_pid___one(s32 pid) __ksym __weak;
extern struct task_struct *bpf_task_from_pid___two(s32 pid, u64 flags) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym __weak;

SEC("syscall") int a(void *ctx)
{
	struct task_struct *task = NULL;

	if (bpf_ksym_exists(%s))
		task = %s;
	if (task)
		bpf_task_release(task);
	return 0;
}
"""
PLAIN, CALL = "bpf_task_from_pid", "bpf_task_from_pid(1, 0)"


@pytest.mark.parametrize(
    ("name", "call", "loader", "rules"),
    [
        (PLAIN, CALL, "libbpf", ["weak-kfunc-signature"]),
        (PLAIN, CALL, "libbpf-1.1", ["kfunc-signature"]),
        (PLAIN, CALL, "ebpf-go", ["kfunc-signature"]),
        (f"{PLAIN}___one", f"{PLAIN}___one(1)", "libbpf", []),
        (f"{PLAIN}___one", f"{PLAIN}___one(1)", "ebpf-go", []),
        ("bpf_task_release", f"{PLAIN}___one(1)", "libbpf", []),
        ("bpf_task_release", f"{PLAIN}___one(1)", "libbpf-1.1", ["unguarded-kfunc"]),
        ("bpf_task_release", f"{PLAIN}___one(1)", "ebpf-go", ["unguarded-kfunc"]),
        ("bpf_task_release", CALL, "libbpf", ["unguarded-kfunc"]),
        ("bpf_task_release", CALL, "ebpf-go", ["kfunc-signature"]),
        (f"{PLAIN}___two", f"{PLAIN}___two(1, 0)", "libbpf", ["weak-kfunc-signature"]),
    ],
)
def test_loaders_differ_about_weak_externs(
    tmp_path: Path, name: str, call: str, loader: str, rules: list[str]
) -> None:
    assert [f.rule for f in lint(tmp_path, MISMATCH % (name, call), "6.18", loader)] == rules


def test_a_kfunc_that_is_declared_nowhere(tmp_path: Path) -> None:
    text = """
SEC("tc") int a(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	return 0;
}
"""
    found = lint(tmp_path, text, "6.18")
    assert [f.message for f in found if f.rule == "missing-ksym"] == [
        "bpf_rcu_read_lock() is called without a declaration"
    ]


def test_twins_are_named_where_the_other_one_exists(tmp_path: Path) -> None:
    text = """
extern int bpf_stream_vprintk_impl(int id, const char *fmt, const void *args, u32 size, void *aux) __ksym;
extern int bpf_stream_print_stack(int id) __ksym __weak;

SEC("syscall") int a(void *ctx)
{
	u64 args[1] = {};

	bpf_stream_vprintk_impl(1, "text", args, sizeof(args), NULL);
	return 0;
}
"""
    found = lint(tmp_path, text, "6.18,7.0")
    assert [(f.rule, f.kernels, f.message.partition(":")[0]) for f in found] == [
        ("kfunc-missing", ("7.0",), "the kernel has no bpf_stream_vprintk_impl()")
    ]
    assert found[0].help.endswith(", else bpf_stream_vprintk()")


def test_an_optional_rule_speaks_when_it_is_selected(tmp_path: Path) -> None:
    specs = load_builtin()
    file = tmp_path / "a.bpf.c"
    call = "{ struct cgroup *c = bpf_cgroup_from_id(1); if (c) bpf_cgroup_release(c); }"
    head = HEAD.replace("#define BPF_NO_KFUNC_PROTOTYPES", "")
    file.write_text(f'{head}SEC("tc") int a(void *skb) {{ {call} {call} return 0; }}')
    for select, expected in ((None, 0), (frozenset(("kernel-requirement",)), 2)):
        options = LintOptions((specs.newest,), specs, select, clang_args=())
        found = check_paths([file], options).report.findings
        assert len([f for f in found if f.rule == "kernel-requirement"]) == expected


EACH = ("graph_rbtree", "subprograms", "iterators", "task_calls", "dynptr_lent")
"""Cases that meet changes of the verifier between these kernels."""


@pytest.mark.parametrize("name", EACH)
def test_many_kernels_at_once_are_the_same_as_one_by_one(name: str) -> None:
    specs, file = load_builtin(), Path(__file__).parent / "cases" / f"{name}.bpf.c"
    kernels = parse_targets("6.12..6.18", specs)
    together = check_paths([file], LintOptions(kernels, specs)).report.findings
    differ = 0
    for kernel in kernels:
        alone = check_paths([file], LintOptions((kernel,), specs)).report.findings
        wanted = {(f.rule, f.span, f.programs) for f in alone}
        found = {(f.rule, f.span) for f in together if str(kernel) in f.kernels}
        assert found == {(rule, span) for rule, span, _ in wanted}, kernel
        differ += len(wanted) != len(together)
    assert differ, "every finding concerns every kernel: nothing was tried"


def test_a_reference_that_a_callback_found_to_be_null_stayed_its_callers(tmp_path: Path) -> None:
    text = (
        STRONG
        + """
struct seen { struct task_struct *task; int pid; };

static int look(u64 index, struct seen *s)
{
	if (s->task)
		s->pid = s->task->pid;
	return 0;
}

SEC("tp_btf/task_newtask") int a(u64 *ctx)
{
	struct seen s = { .task = bpf_task_acquire((struct task_struct *)ctx[0]) };

	bpf_loop(3, look, &s, 0);
	if (s.task)
		bpf_task_release(s.task);
	return s.pid & 0;
}
"""
    )
    # Seen on 6.12.117 and 6.18.44.
    assert told(lint(tmp_path, text, "6.12,6.18"), "6.12,6.18") == [("unreleased-reference", "kernel 6.12")]


def test_timers_of_sleepable_programs_could_sleep(tmp_path: Path) -> None:
    text = """
struct timed { struct bpf_timer timer; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct timed);
} timers SEC(".maps");

static int expire(void *map, int *key, struct timed *t)
{
	char byte;

	bpf_copy_from_user(&byte, 1, NULL);
	return 0;
}

SEC("%s") int a(void *ctx)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire);
	return 0;
}
"""
    # Seen on 6.12.117 and 6.18.44.
    assert told(lint(tmp_path, text % "syscall", "6.12,6.18"), "6.12,6.18") == [("sleepable-prog", "kernel 6.18")]
    # Programs of tc have the helper since 6.18, and it sleeps.
    assert told(lint(tmp_path, text % "tc", "6.12,6.18"), "6.12,6.18") == [
        ("helper-not-allowed", "kernel 6.12"),
        ("sleepable-prog", "kernel 6.18"),
    ]


def test_helpers_of_program_types_come_with_kernels(tmp_path: Path) -> None:
    text = """
SEC("%s") int a(void *ctx)
{
	char name[16];

	return bpf_get_current_comm(name, sizeof(name));
}
"""
    # Seen on 6.1, 6.12.117 and 6.18.44; between two of them a helper counts as refused where both refuse it.
    between = told(lint(tmp_path, text % "xdp", "6.1..6.18"), "6.1..6.18")
    assert [rule for rule, _ in between] == ["helper-not-allowed"]
    assert between[0][1].startswith("kernels 6.1 to 6.12")
    assert lint(tmp_path, text % "tp_btf/task_newtask", "6.1..6.18") == ()
    # What no measured kernel says is left open: kinds of programs it could not load, and newer kernels.
    arguments = 'SEC("fentry/bpf_fentry_test1") int b(void *ctx) { bpf_get_func_arg_cnt(ctx); return 0; }'
    assert lint(tmp_path, arguments, "6.1..6.18") == ()
    assert lint(tmp_path, arguments.replace("fentry/bpf_fentry_test1", "tcx/ingress"), "7.1") == ()
