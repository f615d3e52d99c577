// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pointers that are calculated with as if they were numbers. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

struct kept {
	u64 address;
	u64 hash;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct kept);
} keepers SEC(".maps");

volatile int sink;
volatile u64 wide;

SEC("syscall")
int lowest_bit_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	if ((u64)task & 1) // error: pointer-bits
		sink = 1;
	bpf_task_release(task);
	return 0;
}

/* Refused before the check and after it: the check is no remedy. */
SEC("syscall")
int before_the_check_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if ((u64)task & 1) // error: pointer-bits
		sink = 1;
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int shifted_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	wide = (u64)task >> 12; // error: pointer-bits
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int half_of_what_was_shifted_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	sink = (u64)task >> 12; // error: pointer-bits
	bpf_task_release(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(remainder_bad, struct task_struct *task, u64 clone_flags)
{
	sink = (u64)task % 10; // error: pointer-bits
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(quotient_bad, struct task_struct *task, u64 clone_flags)
{
	wide = (u64)task / sizeof(*task); // error: pointer-bits
	return 0;
}

SEC("syscall")
int pointer_on_the_right_bad(void *ctx)
{
	u32 key = sink;
	struct kept *kept = bpf_map_lookup_elem(&keepers, &key);
	u64 mask = wide;

	if (kept && (mask & (u64)kept) == 7) // error: pointer-bits
		sink = 1;
	return 0;
}

SEC("syscall")
int tagged_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	task = (void *)((long)task | 1); // error: pointer-bits
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int number_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 key = sink;
	struct kept *kept = bpf_map_lookup_elem(&keepers, &key);

	if (task && kept) {
		wide = (u64)task;
		kept->hash = wide * 0x9e3779b97f4a7c15 >> 40;
	}
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall")
int no_calculation_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	wide = ((u64)task | 0) >> 0;
	bpf_task_release(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(moved_ok, struct task_struct *task, u64 clone_flags)
{
	wide = *(u32 *)((u64)task + __builtin_offsetof(struct task_struct, pid));
	return 0;
}
