// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Global functions: verified alone, so they begin and end outside of regions; which may be called within one. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_local_irq_save(unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags__irq_flag) __ksym;
extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags) __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (callback_fn)(void *map, int *key, void *value),
				    unsigned int flags, void *aux__prog) __ksym;
extern void bpf_throw(u64 cookie) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

struct queued {
	struct bpf_wq work;
	int n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct queued);
} works SEC(".maps");

char name[16];
int sink;

__noinline int plain(int n)
{
	return sink + n;
}

__noinline int sleeps(int n)
{
	return bpf_copy_from_user_str(name, sizeof(name), NULL, 0) + n;
}

__noinline int sleeps_through_another(int n)
{
	return sleeps(n) + 1;
}

__noinline int sleeps_perhaps(int n)
{
	if (n == 0)
		return 0;
	return bpf_copy_from_user(name, sizeof(name), NULL);
}

static int later(void *map, int *key, void *value)
{
	bpf_copy_from_user(name, sizeof(name), NULL);
	return 0;
}

/* That the callback runs later, in a context of its own, does not count. */
__noinline int starts_work(int n)
{
	int key = n;
	struct queued *q = bpf_map_lookup_elem(&works, &key);

	if (!q || bpf_wq_init(&q->work, &works, 0))
		return 0;
	return bpf_wq_set_callback_impl(&q->work, later, 0, NULL);
}

__noinline int enters_rcu(int n)
{
	bpf_rcu_read_lock();
	return n; // error: rcu-unbalanced
}

__noinline int leaves_rcu(int n)
{
	bpf_rcu_read_unlock(); // error: rcu-unbalanced
	return n;
}

__noinline int disables_preemption(int n)
{
	bpf_preempt_disable();
	return n; // error: preempt-unbalanced
}

__noinline int throws(int n)
{
	if (n)
		bpf_throw(1);
	return 0;
}

static __noinline int sleeps_inline(int n)
{
	return bpf_copy_from_user(name, sizeof(name), NULL) + n; // error: sleepable-in-atomic
}

SEC("syscall")
int plain_in_rcu_ok(void *ctx)
{
	bpf_rcu_read_lock();
	sink = plain(1);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int plain_without_preemption_ok(void *ctx)
{
	bpf_preempt_disable();
	sink = plain(1);
	bpf_preempt_enable();
	return 0;
}

SEC("syscall")
int sleeps_outside_ok(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	sink = sleeps(1);
	return 0;
}

SEC("syscall")
int sleeps_in_rcu_bad(void *ctx)
{
	bpf_rcu_read_lock();
	sink = sleeps(1); // error: global-call-in-region
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int sleeps_without_preemption_bad(void *ctx)
{
	bpf_preempt_disable();
	sink = sleeps_through_another(1); // error: global-call-in-region
	bpf_preempt_enable();
	return 0;
}

SEC("syscall")
int sleeps_without_interrupts_bad(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	sink = sleeps_perhaps(0); // error: global-call-in-region
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int starts_work_bad(struct __sk_buff *skb)
{
	sink = starts_work(0); // error: global-call-in-region
	return 0;
}

SEC("syscall")
int starts_work_ok(void *ctx)
{
	sink = starts_work(0);
	return 0;
}

SEC("syscall")
int static_function_in_rcu_bad(void *ctx)
{
	bpf_rcu_read_lock();
	sink = sleeps_inline(1);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int enters_rcu_bad(void *ctx)
{
	enters_rcu(1);
	return 0;
}

SEC("syscall")
int leaves_rcu_bad(void *ctx)
{
	bpf_rcu_read_lock();
	leaves_rcu(1);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int disables_preemption_bad(void *ctx)
{
	disables_preemption(1);
	return 0;
}

/* What a global function throws is not checked against what its caller holds. */
SEC("tc")
int thrown_past_a_reference_ok(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	throws(sink);
	bpf_task_release(task);
	return 0;
}

/* Nor what it would be for the program to return. */
SEC("cgroup_skb/ingress")
int thrown_for_the_program_ok(struct __sk_buff *skb)
{
	throws(sink);
	return 1;
}
