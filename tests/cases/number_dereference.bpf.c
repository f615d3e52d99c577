// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What comes from memory in which the verifier keeps no pointers is a number, whatever it is cast to; unsigned numbers
 * and pointers that are compared with 0 in disguise. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

struct kept {
	struct task_struct *task;
	u64 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct kept);
} keepers SEC(".maps");

volatile int sink;
struct task_struct *last;
struct task_struct *volatile shown;
static struct task_struct *mine;

SEC("syscall")
int global_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	if (last)
		sink = last->pid; // error: number-deref
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int map_value_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 key = 1;
	struct kept *kept;

	if (!task)
		return 0;
	kept = bpf_map_lookup_elem(&keepers, &key);
	if (kept && kept->task)
		sink = kept->task->pid; // error: number-deref
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int address_in_a_map_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 key = 1;
	struct kept *kept;

	if (!task)
		return 0;
	kept = bpf_map_lookup_elem(&keepers, &key);
	if (kept)
		sink = ((struct task_struct *)kept->address)->pid; // error: number-deref
	bpf_task_release(task);
	return 0;
}

/* Of a volatile variable compilers read the value that they just wrote. */
SEC("syscall")
int volatile_global_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	shown = task;
	sink = shown->pid; // error: number-deref
	bpf_task_release(task);
	return 0;
}

SEC("raw_tp/sched_switch")
int argument_of_a_raw_tracepoint_bad(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *previous = (struct task_struct *)ctx->args[1];

	bpf_rcu_read_lock();
	sink = previous->pid; // error: number-deref
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int current_as_number_bad(void *ctx)
{
	struct task_struct *now = (struct task_struct *)bpf_get_current_task();
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	sink = now->pid == task->pid; // error: number-deref
	bpf_task_release(task);
	return 0;
}

/* What was just stored need not be read again. */
SEC("syscall")
int stored_before_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 key = 1;
	struct kept *kept;

	if (!task)
		return 0;
	kept = bpf_map_lookup_elem(&keepers, &key);
	if (kept) {
		kept->task = task;
		sink = kept->task->pid;
	}
	mine = task;
	sink = mine->tgid;
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int copied_before_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	struct kept local = { .task = task };
	u32 key = 1;
	struct kept *kept;

	if (!task)
		return 0;
	kept = bpf_map_lookup_elem(&keepers, &key);
	if (kept) {
		*kept = local;
		sink = kept->task->pid;
	}
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int read_as_from_any_address_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	struct task_struct *now = (struct task_struct *)bpf_get_current_task();

	if (!task)
		return 0;
	if (last)
		sink = BPF_CORE_READ(last, pid);
	sink = BPF_CORE_READ(now, real_parent, pid);
	bpf_task_release(task);
	return 0;
}

SEC("tc")
int packet_ok(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct task_struct *task;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return 0;
	task = bpf_task_from_pid(eth->h_proto);
	if (task) {
		sink = eth->h_proto;
		bpf_task_release(task);
	}
	return 0;
}

/* Compilers compare with 0 here. */
SEC("syscall")
int zero_in_disguise_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1), *other = NULL;

	if ((u64)task > 0) {
		other = bpf_task_acquire(task);
		bpf_task_release(task);
	}
	if ((u64)other < 1)
		return 0;
	bpf_task_release(other);
	return 0;
}

SEC("syscall")
int one_in_disguise_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (1 <= (u64)task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int signed_comparison_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if ((long)task > 0)
		bpf_task_release(task); // error: null-argument
	return 0;
}

SEC("syscall")
int more_than_one_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if ((u64)task > 1)
		bpf_task_release(task); // error: null-argument
	return 0;
}
