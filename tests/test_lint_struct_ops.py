"""Programs that implement a kernel's operations: arguments that arrive referenced, or may be NULL.

Judged by the linter alone: the operations with such arguments need kernel options that are rarely set.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

SPECS = load_builtin()

HEAD = """
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern void bpf_kfree_skb(struct sk_buff *skb) __weak __ksym;
char _license[] SEC("license") = "GPL";

struct Qdisc_ops___small {
	int (*enqueue)(struct sk_buff *skb, struct Qdisc *sch, void *to_free);
	struct sk_buff *(*dequeue)(struct Qdisc *sch);
};

struct shelf { struct sk_buff *(*first)(struct sk_buff *skb); };
"""

USES = """
SEC(".struct_ops")
struct Qdisc_ops___small discipline = { .enqueue = (void *)add };
"""

ENQUEUE = 'SEC("struct_ops/add") int BPF_PROG(add, struct sk_buff *skb, struct Qdisc *sch, void *to_free)'


def rules(source: str, tmp_path: Path, kernel: Kernel | None = None) -> list[tuple[str, str]]:
    file = tmp_path / "t.bpf.c"
    file.write_text(HEAD + source)
    result = check_paths([file], LintOptions((kernel or SPECS.newest,), SPECS))
    assert not result.failures
    return [(f.rule, f.message) for f in result.report.findings]


def test_a_packet_that_is_freed_is_fine(tmp_path: Path) -> None:
    assert rules(f"{ENQUEUE} {{ bpf_kfree_skb(skb); return 1; }}{USES}", tmp_path) == []


def test_a_packet_that_is_kept_leaks(tmp_path: Path) -> None:
    found = rules(f"{ENQUEUE} {{ if (skb->len) return 0; bpf_kfree_skb(skb); return 1; }}{USES}", tmp_path)
    assert found == [("unreleased-reference", "'skb' is not released on this path")]


def test_even_an_argument_that_is_not_read_must_be_released(tmp_path: Path) -> None:
    assert [rule for rule, _ in rules(f"{ENQUEUE} {{ return 1; }}{USES}", tmp_path)] == ["unreleased-reference"]


def test_a_freed_packet_is_not_read(tmp_path: Path) -> None:
    found = rules(f"{ENQUEUE} {{ bpf_kfree_skb(skb); return skb->len; }}{USES}", tmp_path)
    assert [rule for rule, _ in found] == ["use-after-release"]


def test_before_the_kernel_hands_references_over_there_is_none(tmp_path: Path) -> None:
    assert rules(f"{ENQUEUE} {{ return 1; }}{USES}", tmp_path, Kernel(6, 12)) == []


def test_the_same_function_as_another_operation_gets_no_reference(tmp_path: Path) -> None:
    other = 'SEC(".struct_ops") struct shelf other = { .first = (void *)add };'
    assert rules(f"{ENQUEUE} {{ return 1; }}{other}", tmp_path) == []


@pytest.mark.parametrize(("test", "expected"), [("if (prev)", []), ("", ["unchecked-null"])])
def test_the_previous_task_of_a_scheduler_may_be_null(test: str, expected: list[str], tmp_path: Path) -> None:
    source = f"""
struct sched_ext_ops___small {{ void (*dispatch)(s32 cpu, struct task_struct *prev); }};
int sink;
SEC("struct_ops/go") int BPF_PROG(go, s32 cpu, struct task_struct *prev) {{ {test} sink = prev->pid; return 0; }}
SEC(".struct_ops.link") struct sched_ext_ops___small scheduler = {{ .dispatch = (void *)go }};
"""
    assert [rule for rule, _ in rules(source, tmp_path)] == expected


MORE = """
struct bpf_sk_buff_ptr { struct sk_buff *skb; };
extern void bpf_qdisc_skb_drop(struct sk_buff *skb, struct bpf_sk_buff_ptr *to_free_list) __weak __ksym;
extern void bpf_qdisc_bstats_update(struct Qdisc *sch, const struct sk_buff *skb) __weak __ksym;
extern void bpf_qdisc_watchdog_schedule(struct Qdisc *sch, u64 expire, u64 delta_ns) __weak __ksym;
extern void bpf_qdisc_reset_destroy_epilogue(struct Qdisc *sch) __weak __ksym;
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("bpf_qdisc_skb_drop(skb, (void *)to_free); return 1;", []),
        ("bpf_qdisc_watchdog_schedule(sch, 1, 1); bpf_kfree_skb(skb); return 1;", []),
        ("bpf_kfree_skb(skb); return 1;", []),
        ("bpf_qdisc_bstats_update(sch, skb); bpf_kfree_skb(skb); return 1;", ["kfunc-not-allowed"]),
        ("bpf_qdisc_reset_destroy_epilogue(sch); bpf_kfree_skb(skb); return 1;", ["kfunc-not-allowed"]),
    ],
)
def test_functions_of_other_operations_are_refused(body: str, found: list[str], tmp_path: Path) -> None:
    assert [rule for rule, _ in rules(f"{MORE}{ENQUEUE} {{ {body} }}{USES}", tmp_path)] == found


def test_functions_of_disciplines_are_refused_elsewhere(tmp_path: Path) -> None:
    shelf = '\nSEC(".struct_ops") struct shelf books = { .first = (void *)first };\n'
    first = 'SEC("struct_ops/first") int BPF_PROG(first, struct sk_buff *skb) { bpf_kfree_skb(skb); return 0; }'
    assert "kfunc-not-allowed" in [rule for rule, _ in rules(first + shelf, tmp_path)]
