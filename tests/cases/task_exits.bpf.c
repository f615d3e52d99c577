// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Task references and the ways out of a function: goto ladders, switch, early returns, unlikely branches. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

/* of sched.h */
#define CLONE_VM 0x100

int sink;
int mode;
int limit;

SEC("tp_btf/task_newtask")
int BPF_PROG(ladder_three_rungs_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a, *b, *c;

	a = bpf_task_acquire(task);
	if (!a)
		goto out;
	b = bpf_task_from_pid(1);
	if (!b)
		goto put_a;
	c = bpf_task_from_pid(2);
	if (!c)
		goto put_b;
	sink = a->pid + b->pid + c->pid;
	if (sink > limit)
		goto put_c;
	sink = 0;
put_c:
	bpf_task_release(c);
put_b:
	bpf_task_release(b);
put_a:
	bpf_task_release(a);
out:
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(ladder_rung_too_high_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a, *b = NULL, *c;

	a = bpf_task_acquire(task);
	if (!a)
		goto out;
	b = bpf_task_from_pid(1);
	if (!b)
		goto put_b; /* should be put_a */
	c = bpf_task_from_pid(2);
	if (!c)
		goto put_b;
	bpf_task_release(c);
put_b:
	bpf_task_release(b); // error: release-null
	bpf_task_release(a);
out:
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(switch_fallthrough_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	switch (mode) {
	case 1:
		sink = t->pid;
		/* fall through */
	case 2:
		bpf_task_release(t);
		break;
	case 3:
		bpf_task_release(t);
		return 0;
	default:
		sink = t->tgid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(switch_fallthrough_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	switch (mode) {
	case 1:
		bpf_task_release(t);
		/* fall through */
	default:
		bpf_task_release(t); // error: double-release
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(switch_no_default_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	switch (mode) {
	case 1:
	case 2:
		bpf_task_release(t);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_blocks_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(task->pid);

	if (t) {
		if (clone_flags & CLONE_VM) {
			if (t->tgid == limit) {
				bpf_task_release(t);
				return 0;
			}
			sink++;
		}
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_return_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(task->pid);

	if (t) {
		if (clone_flags & CLONE_VM) {
			if (t->tgid == limit)
				return 0; // error: unreleased-reference
			sink++;
		}
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(unlikely_test_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (__builtin_expect(!t, 0))
		return 0;
	if (__builtin_expect(!!(t->flags & 4), 1))
		sink++;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(unlikely_return_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (__builtin_expect(!t, 0))
		return 0;
	if (__builtin_expect(t->flags & 4, 0))
		return 0; // error: unreleased-reference
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(compare_is_no_null_test_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if ((long)t > 0) {
		sink = t->pid; // error: unchecked-null
		bpf_task_release(t);
	}
	return 0;
}
