// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* C constructs around contracts: comma, statement expressions, compound literals, cleanup attributes, dead code. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
int limit;
const volatile bool feature = false;
const volatile int wanted_pid = 7;

struct holder {
	int tag;
	struct task_struct *task;
};

static __always_inline void put_ptr(struct task_struct **t)
{
	if (*t)
		bpf_task_release(*t);
}

#define __put_task __attribute__((cleanup(put_ptr)))
#define acquired(from) ({ struct task_struct *_t = bpf_task_acquire(from); if (!_t) sink++; _t; })
#define or_return(p) ({ struct task_struct *_p = (p); if (!_p) return 0; _p; })

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_releases_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t __put_task = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (t->pid == limit)
		return 0;
	sink = t->tgid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_in_loop_ok, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 5; i++) {
		struct task_struct *t __put_task = bpf_task_from_pid(i);

		if (!t)
			continue;
		if (t->pid == limit)
			break;
		sink += t->pid;
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_with_goto_ok, struct task_struct *task, u64 clone_flags)
{
	{
		struct task_struct *t __put_task = bpf_task_acquire(task);

		if (!t)
			goto out;
		sink = t->pid;
	}
	sink++;
out:
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_handed_over_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *out = NULL;

	{
		struct task_struct *t __put_task = bpf_task_acquire(task);

		if (t && t->pid != limit) {
			out = t;
			t = NULL;
		}
	}
	if (out) {
		sink = out->pid;
		bpf_task_release(out);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_variable_reused_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t __put_task = bpf_task_acquire(task);

	t = bpf_task_from_pid(limit);
	sink = t ? 1 : 0;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleanup_and_by_hand_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	{
		struct task_struct *u __put_task = t;

		sink = u->pid;
	}
	bpf_task_release(t); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(comma_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if (sink++, (t = bpf_task_acquire(task)) != NULL)
		sink = t->pid, bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(comma_order_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if ((t = bpf_task_acquire(task)) != NULL)
		bpf_task_release(t), sink = t->pid; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(statement_expression_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = acquired(task);

	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(statement_expression_returns_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = or_return(bpf_task_acquire(task));

	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(statement_expression_returns_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = or_return(bpf_task_acquire(task));
	struct task_struct *b = or_return(bpf_task_from_pid(limit)); // error: unreleased-reference

	bpf_task_release(b);
	bpf_task_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(compound_literal_ok, struct task_struct *task, u64 clone_flags)
{
	struct holder *h = &(struct holder){ .tag = 2, .task = bpf_task_acquire(task) };

	if (h->task) {
		sink = h->task->pid + h->tag;
		bpf_task_release(h->task);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(compound_literal_bad, struct task_struct *task, u64 clone_flags)
{
	struct holder h = (struct holder){ 2, bpf_task_acquire(task) };

	if (!h.task)
		return 0;
	sink = h.tag;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(elvis_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit) ?: bpf_task_acquire(task);

	if (t) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(if_zero_ok, struct task_struct *task, u64 clone_flags)
{
	if (0) {
		bpf_task_acquire(task);
		bpf_task_release(task);
	}
	sink++;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(after_return_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t)
		bpf_task_release(t);
	return 0;
	bpf_task_release(t);
	return 1;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(feature_off_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (feature)
		return 0;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(feature_guards_both_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	if (feature)
		t = bpf_task_acquire(task);
	sink++;
	if (feature && t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(constant_known_at_load_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (wanted_pid == 7)
		return 0; // error: unreleased-reference
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(sizeof_is_not_a_call_ok, struct task_struct *task, u64 clone_flags)
{
	sink = sizeof(*bpf_task_acquire(task)) > 8;
	sink += sizeof(bpf_task_from_pid(1)->pid);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(address_of_member_is_no_deref_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	u64 off = __builtin_offsetof(struct task_struct, pid);

	if (!t)
		return 0;
	sink = *(int *)((void *)t + off);
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(arithmetic_before_check_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	void *where = (void *)t + clone_flags % 64; // error: unchecked-null

	asm volatile("" : "+r"(where));
	if (t) {
		sink = where != NULL;
		bpf_task_release(t);
	}
	return 0;
}

SEC("xdp")
int member_behind_null_bad(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *header = NULL;
	u32 *words;

	if (data + sizeof(*header) <= end && ctx->rx_queue_index)
		header = data;
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	words = header->saddr.in6_u.u6_addr32;
	return words[1]; // error: unchecked-null
}
