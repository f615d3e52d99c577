// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* RCU, preemption and lock regions; bpf_throw() and tail calls, which leave the program from the middle. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_throw(u64 cookie) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_local_irq_save(unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags__irq_flag) __ksym;
extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags) __ksym;

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} programs SEC(".maps");

struct guarded {
	struct bpf_spin_lock lock;
	int n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct guarded);
} guards SEC(".maps");

int sink;
int limit;

SEC("syscall")
int rcu_region_ok(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();

	bpf_rcu_read_lock();
	sink = cur->real_parent->pid;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int rcu_not_unlocked_bad(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();

	bpf_rcu_read_lock();
	if (cur->real_parent->pid == limit)
		return 0; // error: rcu-unbalanced
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int rcu_unlocked_without_lock_bad(void *ctx)
{
	sink++;
	bpf_rcu_read_unlock(); // error: rcu-unbalanced
	return 0;
}

static void enter(void)
{
	bpf_rcu_read_lock();
}

static void leave(void)
{
	bpf_rcu_read_unlock();
}

SEC("syscall")
int rcu_in_helpers_ok(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *t;

	enter();
	t = bpf_task_acquire(cur->real_parent);
	leave();
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("syscall")
int reference_survives_unlock_ok(void *ctx)
{
	struct task_struct *t;

	bpf_rcu_read_lock();
	t = bpf_task_from_pid(limit);
	bpf_rcu_read_unlock();
	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("syscall")
int conditional_region_ok(void *ctx)
{
	bool locked = limit > 3;

	if (locked)
		bpf_rcu_read_lock();
	sink++;
	if (locked)
		bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int sleeping_under_rcu_bad(void *ctx)
{
	char text[8];

	bpf_rcu_read_lock();
	bpf_copy_from_user_str(text, sizeof(text), NULL, 0); // error: sleepable-in-atomic
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int sleeping_ok(void *ctx)
{
	char text[8];

	sink = bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(sleeping_in_tracepoint_bad, struct task_struct *task, u64 clone_flags)
{
	char text[8];

	sink = bpf_copy_from_user_str(text, sizeof(text), NULL, 0); // error: sleepable-prog
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(preempt_nested_ok, struct task_struct *task, u64 clone_flags)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	sink++;
	bpf_preempt_enable();
	bpf_preempt_enable();
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(preempt_left_off_bad, struct task_struct *task, u64 clone_flags)
{
	bpf_preempt_disable();
	if (task->pid == limit)
		return 0; // error: preempt-unbalanced
	bpf_preempt_enable();
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(preempt_enabled_twice_bad, struct task_struct *task, u64 clone_flags)
{
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_preempt_enable(); // error: preempt-unbalanced
	return 0;
}

SEC("tc")
int lock_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	bpf_spin_lock(&g->lock);
	g->n++;
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tc")
int lock_left_held_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	bpf_spin_lock(&g->lock);
	if (g->n == limit)
		return 0; // error: lock-unbalanced
	g->n++;
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tc")
int released_under_lock_bad(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	int key = 0;
	struct guarded *g;

	if (!t)
		return 0;
	g = bpf_map_lookup_elem(&guards, &key);
	if (!g) {
		bpf_task_release(t);
		return 0;
	}
	bpf_spin_lock(&g->lock);
	g->n = t->pid;
	bpf_task_release(t); // error: call-under-lock
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tc")
int throw_ok(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);

	if (!t)
		bpf_throw(0);
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tc")
int throw_holding_task_bad(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);

	if (!t)
		return 0;
	if (t->pid != limit)
		bpf_throw(0); // error: throw-with-resources
	bpf_task_release(t);
	return 0;
}

static __noinline int require(int condition)
{
	if (!condition)
		bpf_throw(0); // error: throw-with-resources
	return 1;
}

SEC("tc")
int throw_in_helper_holding_task_bad(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);

	if (!t)
		return 0;
	sink = require(t->pid == limit);
	bpf_task_release(t);
	return 0;
}

static __noinline int require_calm(int condition)
{
	if (!condition)
		bpf_throw(0);
	return 1;
}

SEC("tc")
int throw_in_helper_ok(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	int pid;

	if (!t)
		return 0;
	pid = t->pid;
	bpf_task_release(t);
	sink = require_calm(pid == limit);
	return 0;
}

SEC("tc")
int throw_under_rcu_bad(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	if (limit == 3)
		bpf_throw(0); // error: throw-with-resources
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int throw_preempt_disabled_bad(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	if (limit == 3)
		bpf_throw(0); // error: throw-with-resources
	bpf_preempt_enable();
	return 0;
}

SEC("tc")
int tail_call_ok(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);

	if (t)
		bpf_task_release(t);
	bpf_tail_call(skb, &programs, 1);
	return 0;
}

SEC("tc")
int tail_call_holding_task_bad(struct __sk_buff *skb)
{
	struct task_struct *t = bpf_task_from_pid(limit);

	if (!t)
		return 0;
	bpf_tail_call(skb, &programs, 1); // error: throw-with-resources
	bpf_task_release(t);
	return 0;
}

SEC("tc")
int tail_call_under_rcu_bad(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_tail_call(skb, &programs, 1); // error: throw-with-resources
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int interrupts_nested_ok(struct __sk_buff *skb)
{
	unsigned long outer, inner;

	bpf_local_irq_save(&outer);
	bpf_local_irq_save(&inner);
	sink++;
	bpf_local_irq_restore(&inner);
	bpf_local_irq_restore(&outer);
	return 0;
}

SEC("tc")
int interrupts_left_off_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	if (limit == 3)
		return 0; // error: irq-unbalanced
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int interrupts_wrong_order_bad(struct __sk_buff *skb)
{
	unsigned long outer, inner;

	bpf_local_irq_save(&outer);
	bpf_local_irq_save(&inner);
	sink++;
	bpf_local_irq_restore(&outer); // error: irq-unbalanced
	bpf_local_irq_restore(&inner);
	return 0;
}

SEC("tc")
int tail_call_interrupts_off_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_tail_call(skb, &programs, 1); // error: throw-with-resources
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall")
int nested_rcu_bad(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock(); // error: rcu-unbalanced
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

/* The verifier does not take an RCU-protected pointer for non-NULL, whatever the kernel knows. */
SEC("tp_btf/sys_enter")
int unlocked_if_there_is_a_parent_bad(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *parent;

	bpf_rcu_read_lock();
	parent = cur->real_parent;
	if (!parent)
		return 0; // error: rcu-unbalanced
	sink = parent->pid;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tp_btf/sys_enter")
int unlocked_after_the_test_ok(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf(), *parent;

	bpf_rcu_read_lock();
	parent = cur->real_parent;
	if (parent)
		sink = parent->pid;
	bpf_rcu_read_unlock();
	return 0;
}
