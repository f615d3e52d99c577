// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Task references along branches: tests of the result, ternaries, short circuits, flags and error codes that
 * correlate.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

/* of sched.h */
#define CLONE_VM 0x100
#define CLONE_THREAD 0x10000

int sink;
int mode;
int limit;

SEC("tp_btf/task_newtask")
int BPF_PROG(checked_and_released_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(result_ignored_bad, struct task_struct *task, u64 clone_flags)
{
	bpf_task_acquire(task);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(result_cast_to_void_bad, struct task_struct *task, u64 clone_flags)
{
	(void)bpf_task_from_pid(task->pid);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(one_arm_only_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (clone_flags & CLONE_VM)
		bpf_task_release(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(both_arms_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (clone_flags & CLONE_VM) {
		sink = t->pid;
		bpf_task_release(t);
	} else {
		bpf_task_release(t);
		sink++;
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(test_and_assign_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if (!(t = bpf_task_acquire(task)))
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(test_inverted_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if ((t = bpf_task_acquire(task)))
		return 0; // error: unreleased-reference
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(both_acquired_shortcircuit_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = NULL, *b = NULL;

	if ((a = bpf_task_acquire(task)) && (b = bpf_task_from_pid(1)))
		sink = a->pid - b->pid;
	if (b)
		bpf_task_release(b);
	if (a)
		bpf_task_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(shortcircuit_forgets_first_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a, *b;

	if ((a = bpf_task_acquire(task)) && (b = bpf_task_from_pid(1))) {
		bpf_task_release(b);
		bpf_task_release(a);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(either_missing_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(1);

	if (!a || !b) {
		if (a)
			bpf_task_release(a);
		if (b)
			bpf_task_release(b);
		return 0;
	}
	sink = a->pid + b->pid;
	bpf_task_release(a);
	bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(either_missing_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(1);

	if (!a || !b) {
		if (a)
			bpf_task_release(a);
		return 0; // error: unreleased-reference
	}
	bpf_task_release(a);
	bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(deref_guarded_by_and_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t && t->pid > limit)
		sink++;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(deref_under_or_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t || t->pid > limit) // error: unchecked-null
		sink++;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(ternary_deref_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	sink = t ? t->pid : -1;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(ternary_arms_swapped_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(task->pid + 1);

	sink = t ? -1 : t->pid; // error: unchecked-null
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(merge_of_two_acquires_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = mode ? bpf_task_acquire(task) : bpf_task_from_pid(1);

	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(merge_with_borrowed_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = mode ? bpf_task_from_pid(1) : task;

	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t); // error: release-unacquired
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(flag_correlates_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	int have = 0;

	if (clone_flags & CLONE_THREAD) {
		t = bpf_task_acquire(task);
		have = t != NULL;
	}
	sink++;
	if (have) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(flag_lies_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	int have = 0;

	if (clone_flags & CLONE_THREAD) {
		t = bpf_task_acquire(task);
		have = 1;
	}
	sink++;
	if (have)
		bpf_task_release(t); // error: null-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(same_condition_twice_ok, struct task_struct *task, u64 clone_flags)
{
	bool thread = clone_flags & CLONE_THREAD;
	struct task_struct *t = NULL;

	if (thread) {
		t = bpf_task_acquire(task);
		if (!t)
			return 0;
	}
	sink += thread;
	if (thread)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(other_condition_bad, struct task_struct *task, u64 clone_flags)
{
	bool thread = clone_flags & CLONE_THREAD, vm = clone_flags & CLONE_VM;
	struct task_struct *t = NULL;

	if (thread) {
		t = bpf_task_acquire(task);
		if (!t)
			return 0;
	}
	sink += thread;
	if (vm && t)
		bpf_task_release(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(error_code_correlates_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int err = 0;

	t = bpf_task_acquire(task);
	if (!t)
		err = -1;
	sink = err;
	if (err)
		goto out;
	sink = t->pid;
	bpf_task_release(t);
out:
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(error_after_acquire_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int err = 0;

	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	if (t->pid > limit)
		err = -7;
	if (err)
		goto out;
	bpf_task_release(t);
out:
	sink = err;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(error_code_names_the_step_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = NULL, *b = NULL;
	int err;

	a = bpf_task_acquire(task);
	if (!a) {
		err = -1;
		goto out;
	}
	b = bpf_task_from_pid(1);
	if (!b) {
		err = -2;
		goto out;
	}
	sink = a->pid - b->pid;
	err = 0;
out:
	sink = err;
	if (!err)
		bpf_task_release(b);
	if (err != -1)
		bpf_task_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(bool_result_of_test_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	bool found = t != NULL;

	sink += found;
	if (!found)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}
