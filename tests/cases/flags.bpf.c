// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers that tell on which path we are: flags, masks, bit-fields, tests of pointers kept as numbers. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

int limit, sink;

struct flag_state {
	u32 have : 1, done : 1;
	struct task_struct *task;
};

SEC("tp_btf/task_newtask")
int BPF_PROG(two_flags_in_one_word_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	u32 flags = 0;

	if (t)
		flags |= 1;
	if (clone_flags & 4)
		flags |= 2;
	if (flags & 2)
		sink++;
	if (flags & 1)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(wrong_flag_of_two_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	u32 flags = 0;

	if (t)
		flags |= 1;
	if (clone_flags & 4)
		flags |= 2;
	if (flags & 2)
		bpf_task_release(t); // error: release-null
	else if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(same_mask_asked_twice_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	if (clone_flags & 8) {
		t = bpf_task_from_pid(limit);
		if (!t)
			return 0;
	}
	sink++;
	if (clone_flags & 8)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(other_mask_asked_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	if (clone_flags & 8) {
		t = bpf_task_from_pid(limit);
		if (!t)
			return 0;
	}
	if (t && (clone_flags & 16))
		bpf_task_release(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(test_shifted_into_flag_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	u32 flags = !!t << 3;

	if (flags & 8)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tests_counted_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit), *u = bpf_task_acquire(task);
	int held = (t != NULL) + (u != NULL);

	if (held == 2)
		sink = t->pid + u->pid;
	if (t)
		bpf_task_release(t);
	if (u)
		bpf_task_release(u);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(one_of_two_is_not_both_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit), *u = bpf_task_acquire(task);
	int held = (t != NULL) + (u != NULL);

	if (held >= 1)
		sink = t->pid; // error: unchecked-null
	if (t)
		bpf_task_release(t);
	if (u)
		bpf_task_release(u);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(bit_field_remembers_ok, struct task_struct *task, u64 clone_flags)
{
	struct flag_state s = { .task = bpf_task_from_pid(limit) };

	if (s.task)
		s.have = 1;
	s.done = 1;
	if (s.have)
		bpf_task_release(s.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(other_bit_field_bad, struct task_struct *task, u64 clone_flags)
{
	struct flag_state s = { .task = bpf_task_from_pid(limit) };

	if (s.task)
		s.have = 1;
	if (clone_flags & 2)
		s.done = 1;
	if (s.done)
		bpf_task_release(s.task); // error: release-null
	else if (s.have)
		bpf_task_release(s.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(array_of_structs_partly_set_ok, struct task_struct *task, u64 clone_flags)
{
	struct flag_state s[2] = { { .have = 1 }, { .done = 1 } };
	int i;

	s[0].task = bpf_task_from_pid(limit);
	for (i = 0; i < 2; i++)
		if (s[i].task)
			bpf_task_release(s[i].task);
	return 0;
}

char _license[] SEC("license") = "GPL";
