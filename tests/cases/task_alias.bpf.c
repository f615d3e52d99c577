// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many names for one task reference: copies, struct members, arrays, out-parameters, swaps, casts. */
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
int limit;

struct holder {
	int tag;
	struct task_struct *task;
};

struct nest {
	struct holder inner;
	struct task_struct *pair[2];
};

SEC("tp_btf/task_newtask")
int BPF_PROG(released_through_copy_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task), *q = p;

	if (!p)
		return 0;
	sink = q->pid;
	bpf_task_release(q);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(used_after_copy_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task), *q = p;

	if (!p)
		return 0;
	bpf_task_release(p);
	sink = q->pid; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(both_names_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task), *q = p;

	if (!p)
		return 0;
	bpf_task_release(p);
	bpf_task_release(q); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(copy_checked_for_both_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task), *q = p;

	if (!q)
		return 0;
	sink = p->pid;
	bpf_task_release(p);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(copy_overwritten_original_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task), *q = p;

	p = task;
	sink = p->pid;
	if (q)
		bpf_task_release(q);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(only_holder_overwritten_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task);

	p = bpf_task_from_pid(limit);
	if (p)
		bpf_task_release(p);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(only_holder_cleared_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = bpf_task_acquire(task);

	sink = p ? 1 : 2;
	p = NULL;
	if (p)
		bpf_task_release(p);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(member_ok, struct task_struct *task, u64 clone_flags)
{
	struct holder h = { .tag = 1 };

	h.task = bpf_task_acquire(task);
	if (h.task) {
		sink = h.task->pid + h.tag;
		bpf_task_release(h.task);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(member_not_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct holder h = {};

	h.task = bpf_task_acquire(task);
	h.tag = h.task ? 1 : 0;
	sink = h.tag;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(struct_copied_ok, struct task_struct *task, u64 clone_flags)
{
	struct holder h = { .task = bpf_task_acquire(task) }, k;

	k = h;
	if (!k.task)
		return 0;
	sink = h.task->pid;
	bpf_task_release(k.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(struct_copy_released_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct holder h = { .task = bpf_task_acquire(task) }, k;

	k = h;
	if (!k.task)
		return 0;
	bpf_task_release(h.task);
	bpf_task_release(k.task); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_members_ok, struct task_struct *task, u64 clone_flags)
{
	struct nest n = {};
	struct holder *h = &n.inner;

	h->task = bpf_task_acquire(task);
	n.pair[1] = bpf_task_from_pid(limit);
	if (n.inner.task)
		bpf_task_release(n.inner.task);
	if (n.pair[1])
		bpf_task_release(n.pair[1]);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_member_forgotten_bad, struct task_struct *task, u64 clone_flags)
{
	struct nest n = {};
	struct holder *h = &n.inner;

	h->task = bpf_task_acquire(task);
	n.pair[0] = bpf_task_from_pid(limit);
	n.pair[1] = n.pair[0];
	if (n.inner.task)
		bpf_task_release(n.inner.task);
	if (n.pair[1])
		sink = n.pair[0]->pid;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(array_released_in_loop_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[3];

	all[0] = bpf_task_acquire(task);
	all[1] = bpf_task_from_pid(limit);
	all[2] = bpf_task_from_pid(limit + 1);
	for (int i = 0; i < 3; i++)
		if (all[i])
			bpf_task_release(all[i]);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(array_loop_stops_short_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[3];

	all[0] = bpf_task_acquire(task);
	all[1] = bpf_task_from_pid(limit);
	all[2] = bpf_task_from_pid(limit + 1);
	for (int i = 0; i < 2; i++)
		if (all[i])
			bpf_task_release(all[i]);
	sink = all[2] != NULL;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(swapped_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(limit), *t;

	t = a;
	a = b;
	b = t;
	if (a)
		bpf_task_release(a);
	if (b)
		bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(swap_lost_one_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(limit);

	if (!a)
		goto out;
	if (b) {
		a = b; /* the first reference has no name any more */
		b = a;
		bpf_task_release(b);
		return 0; // error: unreleased-reference
	}
	bpf_task_release(a);
	return 0;
out:
	if (b)
		bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(pointer_to_pointer_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t, **pt = &t;

	*pt = bpf_task_acquire(task);
	if (!*pt)
		return 0;
	sink = t->pid;
	bpf_task_release(*pt);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(pointer_to_pointer_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t, **pt = &t;

	*pt = bpf_task_acquire(task);
	if (!t)
		return 0;
	bpf_task_release(t);
	sink = (*pt)->pid; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(casts_keep_the_reference_ok, struct task_struct *task, u64 clone_flags)
{
	void *v = bpf_task_acquire(task);
	unsigned long word = (unsigned long)v;

	if (!word)
		return 0;
	sink = ((struct task_struct *)word)->pid;
	bpf_task_release((struct task_struct *)v);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(container_of_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task), *u;
	struct sched_entity *se;

	if (!t)
		return 0;
	se = &t->se;
	u = (struct task_struct *)((void *)se - __builtin_offsetof(struct task_struct, se));
	sink = u->pid;
	bpf_task_release(u);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(member_address_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	struct sched_entity *se;

	if (!t)
		return 0;
	se = &t->se;
	bpf_task_release((struct task_struct *)se); // error: release-nonzero-offset
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(child_read_after_release_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task), *leader;

	if (!t)
		return 0;
	leader = t->group_leader;
	bpf_task_release(t);
	sink = leader->pid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(maybe_null_merged_then_checked_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(limit), *p;

	p = (clone_flags & CLONE_VM) ? a : b;
	if (p)
		sink = p->pid;
	if (a)
		bpf_task_release(a);
	if (b)
		bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(maybe_null_merged_wrong_check_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(limit), *p;

	p = (clone_flags & CLONE_VM) ? a : b;
	if (a)
		sink = p->pid; // error: unchecked-null
	if (a)
		bpf_task_release(a);
	if (b)
		bpf_task_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(global_copy_keeps_nothing_bad, struct task_struct *task, u64 clone_flags)
{
	static volatile u64 parked;
	struct task_struct *t = bpf_task_acquire(task);

	parked = (u64)t;
	if (parked)
		bpf_task_release((struct task_struct *)parked); // error: not-kernel-pointer
	if (t)
		bpf_task_release(t);
	return 0;
}
