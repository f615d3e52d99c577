// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What may be passed for a task: trusted and RCU pointers, not walked ones, not stack memory, not NULL. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

int sink;

SEC("tp_btf/task_newtask")
int BPF_PROG(rcu_child_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task->group_leader);

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(current_task_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(bpf_get_current_task_btf());

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(reacquired_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b;

	if (!a)
		return 0;
	b = bpf_task_acquire(a);
	bpf_task_release(a);
	if (b) {
		sink = b->pid;
		bpf_task_release(b);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(walked_pointer_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task->last_wakee); // error: not-rcu-argument

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(walked_pointer_read_ok, struct task_struct *task, u64 clone_flags)
{
	sink = task->last_wakee->pid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(stack_pointer_bad, struct task_struct *task, u64 clone_flags)
{
	u64 local = clone_flags;
	struct task_struct *t = bpf_task_acquire((struct task_struct *)&local); // error: not-kernel-pointer

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(integer_for_pointer_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire((struct task_struct *)clone_flags); // error: not-kernel-pointer

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(current_as_number_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire((struct task_struct *)bpf_get_current_task()); // error: not-kernel-pointer

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(pointer_for_integer_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid((long)task); // error: scalar-argument

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(null_constant_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(NULL); // error: null-argument

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(wrong_struct_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire((void *)task->group_leader->cgroups); // error: argument-type-mismatch

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(borrowed_released_bad, struct task_struct *task, u64 clone_flags)
{
	sink = task->pid;
	bpf_task_release(task); // error: release-unacquired
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(walked_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *p = task->real_parent;

	sink = p->pid;
	bpf_task_release(p); // error: untrusted-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(wrong_release_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	bpf_cgroup_release((struct cgroup *)t); // error: argument-type-mismatch
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(unchecked_second_argument_bad, struct task_struct *task, u64 clone_flags)
{
	struct cgroup *c = bpf_cgroup_from_id(1);

	sink = bpf_task_under_cgroup(task, c); // error: null-argument
	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(both_arguments_checked_ok, struct task_struct *task, u64 clone_flags)
{
	struct cgroup *c = bpf_cgroup_from_id(1);

	if (c) {
		sink = bpf_task_under_cgroup(task, c);
		bpf_cgroup_release(c);
	}
	return 0;
}

SEC("syscall")
int rcu_child_locked_ok(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *t;

	bpf_rcu_read_lock();
	t = bpf_task_acquire(cur->group_leader);
	bpf_rcu_read_unlock();
	if (t) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("syscall")
int rcu_child_unlocked_bad(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *t;

	t = bpf_task_acquire(cur->group_leader); // error: not-rcu-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("syscall")
int rcu_child_escapes_bad(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *leader, *t;

	bpf_rcu_read_lock();
	leader = cur->group_leader;
	bpf_rcu_read_unlock();
	t = bpf_task_acquire(leader); // error: not-rcu-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("syscall")
int rcu_child_read_later_ok(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *leader;

	bpf_rcu_read_lock();
	leader = cur->group_leader;
	bpf_rcu_read_unlock();
	sink = leader->pid;
	return 0;
}

SEC("iter/task")
int iterated_task_ok(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *t;

	if (!task)
		return 0;
	t = bpf_task_acquire(task);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("iter/task")
int iterated_task_unchecked_bad(struct bpf_iter__task *ctx)
{
	struct task_struct *t = bpf_task_acquire(ctx->task); // error: null-argument

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("iter/task")
int iterated_task_deref_bad(struct bpf_iter__task *ctx)
{
	sink = ctx->task->pid; // error: unchecked-null
	return 0;
}

SEC("raw_tp/task_newtask")
int raw_tracepoint_bad(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1); // error: kfunc-not-allowed

	if (t)
		bpf_task_release(t); // error: kfunc-not-allowed
	return 0;
}

SEC("cgroup_skb/egress")
int cgroup_program_ok(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (t) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 1;
}

SEC("socket")
int socket_filter_bad(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(1); // error: kfunc-not-allowed

	if (t)
		bpf_task_release(t); // error: kfunc-not-allowed
	return 0;
}
