"""Callers of kfuncs that this machine's kernel may lack: HID, sched_ext, tunnels, newer kernels.

Judged by the linter alone: HID_BPF, SCHED_CLASS_EXT, FOU and XFRM_INTERFACE are rarely built in, and the functions
of 6.19 and later are in no kernel to load programs on.
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
char _license[] SEC("license") = "GPL";
"""


def rules(source: str, tmp_path: Path, kernel: str = "6.18") -> list[str]:
    file = tmp_path / "t.bpf.c"
    file.write_text(HEAD + source)
    result = check_paths([file], LintOptions((Kernel.parse(kernel),), SPECS))
    assert not result.failures
    return [f.rule for f in result.report.findings]


HID = """
struct hid_bpf_ctx { unsigned int hid; };
extern __u8 *hid_bpf_get_data(struct hid_bpf_ctx *ctx, unsigned int offset, const size_t rdwr_buf_size) __ksym;
extern struct hid_bpf_ctx *hid_bpf_allocate_context(unsigned int hid_id) __ksym;
extern void hid_bpf_release_context(struct hid_bpf_ctx *ctx) __ksym;
SEC("struct_ops/event") int BPF_PROG(event, struct hid_bpf_ctx *hctx)
{
	__u8 *data = hid_bpf_get_data(hctx, 0, 9);

	%s
	return 0;
}
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("if (data) data[8] = 1;", []),
        ("if (!data) return 0; return data[0];", []),
        ("return data ? data[1] + data[2] : 0;", []),
        ("return data[0];", ["unchecked-null"]),
        ("if (data) data[9] = 1;", ["mem-bounds"]),
        ("struct hid_bpf_ctx *c = hid_bpf_allocate_context(1);", ["sleepable-prog"]),
    ],
)
def test_report_of_a_device_is_memory_of_the_size_asked_for(body: str, found: list[str], tmp_path: Path) -> None:
    assert rules(HID % body, tmp_path) == found


READ_ONLY = """
extern struct prog_test_ref_kfunc *bpf_kfunc_call_test_acquire(unsigned long *scalar_ptr) __ksym;
extern void bpf_kfunc_call_test_release(struct prog_test_ref_kfunc *p) __ksym;
extern int *bpf_kfunc_call_test_get_rdonly_mem(struct prog_test_ref_kfunc *p, const int rdonly_buf_size) __ksym;
SEC("tc") int memory(struct __sk_buff *skb)
{
	unsigned long number = 0;
	struct prog_test_ref_kfunc *p = bpf_kfunc_call_test_acquire(&number);
	int *m, ret = 0;

	if (!p)
		return 0;
	m = bpf_kfunc_call_test_get_rdonly_mem(p, 8);
	%s
	bpf_kfunc_call_test_release(p);
	%s
	return ret;
}
"""


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("if (m) ret = m[1];", "", []),
        ("", "", []),
        ("if (m) ret = *m;", "ret++;", []),
        ("if (m) m[0] = 1;", "", ["rdonly-write"]),
        ("if (m) ret = m[2];", "", ["mem-bounds"]),
        (
            "if (!m) goto out;",
            "ret = m[0]; return ret; out: bpf_kfunc_call_test_release(p);",
            ["use-after-release"],
        ),
    ],
)
def test_returned_memory_may_be_read_only_and_goes_with_its_object(
    before: str, after: str, found: list[str], tmp_path: Path
) -> None:
    assert rules(READ_ONLY % (before, after), tmp_path) == found


TUNNEL = """
struct bpf_xfrm_info { u32 if_id; int link; };
struct bpf_fou_encap { __be16 sport; __be16 dport; };
extern int bpf_skb_get_xfrm_info(struct __sk_buff *skb_ctx, struct bpf_xfrm_info *to) __ksym;
extern int bpf_skb_set_xfrm_info(struct __sk_buff *skb_ctx, const struct bpf_xfrm_info *from) __ksym;
extern int bpf_skb_set_fou_encap(struct __sk_buff *skb_ctx, struct bpf_fou_encap *encap, int type) __ksym;
extern int bpf_skb_get_fou_encap(struct __sk_buff *skb_ctx, struct bpf_fou_encap *encap) __ksym;
SEC("tc") int tunnel(struct __sk_buff *skb) { %s }
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("struct bpf_xfrm_info i; return bpf_skb_get_xfrm_info(skb, &i) ? 0 : i.if_id;", []),
        ("struct bpf_xfrm_info i = { .if_id = 7 }; return bpf_skb_set_xfrm_info(skb, &i);", []),
        (
            "struct bpf_fou_encap e; return bpf_skb_get_fou_encap(skb, &e) ?: bpf_skb_set_fou_encap(skb, &e, 1);",
            [],
        ),
        ("struct bpf_xfrm_info i = { .link = 3 }; return bpf_skb_set_xfrm_info(skb, &i);", ["unset-opts-field"]),
        ("struct bpf_fou_encap e = {}; return bpf_skb_set_fou_encap(skb, &e, 0);", ["unset-opts-field"]),
        ("struct bpf_fou_encap e; e.dport = 1; return bpf_skb_set_fou_encap(skb, &e, 0);", ["unset-opts-field"]),
    ],
)
def test_what_a_tunnel_is_given_must_be_set(body: str, found: list[str], tmp_path: Path) -> None:
    assert rules(TUNNEL % body, tmp_path) == found


FILE = """
extern struct file *bpf_get_task_exe_file(struct task_struct *task) __ksym;
extern void bpf_put_file(struct file *file) __ksym;
extern int bpf_dynptr_from_file(struct file *file, u32 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern int bpf_dynptr_file_discard(struct bpf_dynptr *dynptr) __ksym;
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
char bytes[8];
SEC("lsm/bprm_committed_creds") int BPF_PROG(contents)
{
	struct file *file = bpf_get_task_exe_file(bpf_get_current_task_btf());
	struct bpf_dynptr dynptr;

	if (!file)
		return 0;
	%s
	bpf_put_file(file);
	return 0;
}
"""
OPEN = "bpf_dynptr_from_file(file, 0, &dynptr);"
RESERVE = "bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &dynptr);"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"{OPEN} bpf_dynptr_file_discard(&dynptr);", []),
        (f"{OPEN} bpf_dynptr_read(bytes, 8, &dynptr, 0, 0); bpf_dynptr_file_discard(&dynptr);", []),
        (f"if ({OPEN[:-1]}) bytes[0] = 1; bpf_dynptr_file_discard(&dynptr);", []),
        (OPEN, ["unreleased-reference"]),
        (f"if (!{OPEN[:-1]}) bpf_dynptr_file_discard(&dynptr);", ["unreleased-reference"]),
        (f"{OPEN} bpf_ringbuf_discard_dynptr(&dynptr, 0);", ["release-unacquired"]),
        (
            "bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &dynptr); bpf_dynptr_file_discard(&dynptr);",
            ["release-unacquired"],
        ),
    ],
)
def test_dynptrs_over_files_are_held(body: str, found: list[str], tmp_path: Path) -> None:
    assert rules(FILE % body, tmp_path, "6.19") == found


SCHEDULER = """
struct bpf_iter_scx_dsq { u64 opaque[6]; } __attribute__((aligned(8)));
extern const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
extern void scx_bpf_put_cpumask(const struct cpumask *cpumask) __ksym;
extern s32 scx_bpf_pick_any_cpu(const struct cpumask *cpus_allowed, u64 flags) __ksym;
extern s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
extern int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags) __ksym;
extern struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it) __ksym;
extern void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it) __ksym;
SEC("struct_ops/dispatch") int BPF_PROG(dispatch, s32 cpu, struct task_struct *prev)
{
	const struct cpumask *mask;
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;

	%s
	return 0;
}
"""
MASK = "mask = scx_bpf_get_online_cpumask();"
NEW = "bpf_iter_scx_dsq_new(&it, 1, 0);"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"{MASK} scx_bpf_pick_any_cpu(mask, 0); scx_bpf_put_cpumask(mask);", []),
        (f"{NEW} while ((p = bpf_iter_scx_dsq_next(&it))) ; bpf_iter_scx_dsq_destroy(&it);", []),
        ("scx_bpf_pick_any_cpu(prev->cpus_ptr, 0);", []),
        (MASK, ["unreleased-reference"]),
        (f"{NEW} bpf_iter_scx_dsq_next(&it);", ["unreleased-reference"]),
        ("scx_bpf_create_dsq(1, -1);", ["sleepable-prog"]),
    ],
)
def test_schedulers_give_back_masks_and_iterators(body: str, found: list[str], tmp_path: Path) -> None:
    assert rules(SCHEDULER % body, tmp_path, "6.12") == found


TWINS = """
struct thing { long a; };
extern void *bpf_obj_new(u64 local_type_id__k) __ksym;
extern void bpf_obj_drop(void *p__alloc) __ksym;
SEC("tc") int twins(struct __sk_buff *skb)
{
	struct thing *thing = bpf_obj_new(bpf_core_type_id_local(struct thing));

	%s
	return 0;
}
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("if (thing) bpf_obj_drop(thing);", []),
        ("if (!thing) return 0; thing->a = 1; bpf_obj_drop(thing);", []),
        ("if (thing) { thing->a++; bpf_obj_drop(thing); }", []),
        ("if (thing) thing->a = 1;", ["unreleased-reference"]),
        ("thing->a = 1; if (thing) bpf_obj_drop(thing);", ["unchecked-null"]),
        ("if (thing) { bpf_obj_drop(thing); bpf_obj_drop(thing); }", ["double-release"]),
    ],
)
def test_functions_with_implicit_arguments_are_their_twins(body: str, found: list[str], tmp_path: Path) -> None:
    assert rules("#include <bpf/bpf_core_read.h>\n" + TWINS % body, tmp_path, "7.1") == found


REMOTE = """
extern struct task_struct *scx_bpf_cpu_curr(s32 cpu) __ksym;
extern s32 scx_bpf_task_cpu(const struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
%s
{
	struct task_struct *p, *q;

	%s
	return 0;
}
"""
SLEEPS = 'SEC("syscall") int of_cpu(void *ctx)'


@pytest.mark.parametrize(
    ("program", "body", "found"),
    [
        (
            'SEC("tp_btf/sched_switch") int of_cpu(u64 *ctx)',
            "if ((p = scx_bpf_cpu_curr(1))) scx_bpf_task_cpu(p);",
            [],
        ),
        (SLEEPS, "bpf_rcu_read_lock(); p = scx_bpf_cpu_curr(1); bpf_rcu_read_unlock();", []),
        (
            SLEEPS,
            "bpf_rcu_read_lock(); if ((p = scx_bpf_cpu_curr(1)) && (q = bpf_task_acquire(p))) bpf_task_release(q);"
            " bpf_rcu_read_unlock();",
            [],
        ),
        (SLEEPS, "p = scx_bpf_cpu_curr(1);", ["iter-rcu"]),
        (
            SLEEPS,
            "bpf_rcu_read_lock(); p = scx_bpf_cpu_curr(1); bpf_rcu_read_unlock(); if (p) scx_bpf_task_cpu(p);",
            ["not-rcu-argument"],
        ),
        (
            SLEEPS,
            "bpf_rcu_read_lock(); p = scx_bpf_cpu_curr(1); scx_bpf_task_cpu(p); bpf_rcu_read_unlock();",
            ["null-argument"],
        ),
    ],
)
def test_results_that_rcu_protects(program: str, body: str, found: list[str], tmp_path: Path) -> None:
    assert rules(REMOTE % (program, body), tmp_path) == found


VERSIONS = """
extern %s __ksym __weak;
extern void scx_bpf_dsq_insert___v1(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym __weak;
SEC("struct_ops/enqueue") int BPF_PROG(enqueue, struct task_struct *p, u64 enq_flags)
{
	if (bpf_ksym_exists(%s))
		%s(p, 1, 2, enq_flags);
	else if (bpf_ksym_exists(scx_bpf_dsq_insert___v1))
		scx_bpf_dsq_insert___v1(p, 1, 2, enq_flags);
	return 0;
}
"""


@pytest.mark.parametrize(
    ("name", "kernel", "found"),
    [
        ("scx_bpf_dsq_insert___v2___compat", "6.12", []),
        ("scx_bpf_dsq_insert___v2___compat", "6.18", []),
        ("scx_bpf_dsq_insert___v2___compat", "6.19", []),
        ("scx_bpf_dsq_insert___v2", "6.18", ["weak-kfunc-signature"]),
        ("scx_bpf_dsq_insert___v2", "6.19", ["weak-kfunc-signature"]),
        ("scx_bpf_dsq_insert___compat", "6.19", ["weak-kfunc-signature"]),
    ],
)
def test_only_the_last_suffix_is_a_flavour(name: str, kernel: str, found: list[str], tmp_path: Path) -> None:
    """Kernel functions may end in ___v2 themselves: for libbpf that is a flavour, unless another follows."""
    extern = f"bool {name}(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)"
    assert rules(VERSIONS % (extern, name, name), tmp_path, kernel) == found


def test_a_function_that_went_and_came_back(tmp_path: Path) -> None:
    source = """
extern void bpf_list_push_front(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
struct head { struct bpf_list_head list; struct bpf_list_node node; };
SEC("tc") int push(struct __sk_buff *skb)
{
	bpf_list_push_front((void *)skb, (void *)skb);
	return 0;
}
"""
    assert "kfunc-missing" in rules(source, tmp_path, "6.1")
    assert "kfunc-missing" not in rules(source, tmp_path, "6.2")
    assert "kfunc-missing" in rules(source, tmp_path, "6.4")
    assert "kfunc-missing" in rules(source, tmp_path, "6.18")
    assert "kfunc-signature" in rules(source, tmp_path, "7.1")
