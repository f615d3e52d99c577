// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fields that the kernel declares __rcu, __user or __percpu: verdicts depend on whether its BTF tells. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

int sink;

/* Plain without tags: read at will. With tags: protected by RCU, and maybe NULL. */
SEC("tp_btf/task_newtask")
int BPF_PROG(parent_unchecked_with_bad, struct task_struct *task, u64 clone_flags)
{
	sink = task->parent->pid; // error[with]: unchecked-null
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(parent_checked_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *parent = task->parent;

	if (parent)
		sink = parent->pid;
	return 0;
}

/* On the verifier's own list: the tag is not asked. */
SEC("tp_btf/task_newtask")
int BPF_PROG(real_parent_unchecked_ok, struct task_struct *task, u64 clone_flags)
{
	sink = task->real_parent->pid;
	return 0;
}

/* Without tags the child of a trusted pointer is nothing that a kfunc takes. */
SEC("tp_btf/task_newtask")
int BPF_PROG(acquire_parent_without_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *parent = task->parent, *kept;

	if (!parent)
		return 0;
	kept = bpf_task_acquire(parent); // error[without]: not-rcu-argument
	if (kept)
		bpf_task_release(kept);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquire_parent_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	/* Refused by both, for another reason each. */
	struct task_struct *kept = bpf_task_acquire(task->parent); // error[with]: null-argument // error[without]: not-rcu-argument

	if (kept)
		bpf_task_release(kept);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cred_unchecked_with_bad, struct task_struct *task, u64 clone_flags)
{
	sink = task->cred->uid.val; // error[with]: unchecked-null
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cred_checked_ok, struct task_struct *task, u64 clone_flags)
{
	const struct cred *cred = task->cred;

	if (cred)
		sink = cred->uid.val;
	return 0;
}

/* Outside of RCU a field may be read, whatever its tag: the pointer is untrusted, and reads of it are guarded. */
SEC("iter.s/task")
int sleepable_outside_ok(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		sink = task->parent->pid;
	return 0;
}

SEC("iter.s/task")
int sleepable_inside_with_bad(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	bpf_rcu_read_lock();
	sink = task->parent->pid; // error[with]: unchecked-null
	bpf_rcu_read_unlock();
	return 0;
}

SEC("iter.s/task")
int sleepable_kept_over_unlock_bad(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *parent, *kept;

	if (!task)
		return 0;
	bpf_rcu_read_lock();
	parent = task->parent;
	bpf_rcu_read_unlock();
	kept = bpf_task_acquire(parent); // error: not-rcu-argument
	if (kept)
		bpf_task_release(kept);
	return 0;
}

/* Two steps: what a protected pointer leads to is protected as well. */
SEC("tp_btf/task_newtask")
int BPF_PROG(grandparent_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *parent = task->parent, *grandparent;

	if (!parent)
		return 0;
	grandparent = parent->parent;
	if (grandparent)
		sink = grandparent->pid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(user_memory_with_bad, struct task_struct *task, u64 clone_flags)
{
	sink = task->rseq->cpu_id; // error[with]: user-deref
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(user_memory_copied_ok, struct task_struct *task, u64 clone_flags)
{
	__u32 cpu = 0;

	bpf_probe_read_user(&cpu, sizeof(cpu), &task->rseq->cpu_id);
	sink = cpu;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(user_list_with_bad, struct task_struct *task, u64 clone_flags)
{
	struct robust_list_head *head = task->robust_list;

	if (head)
		sink = head->futex_offset; // error[with]: user-deref
	return 0;
}
