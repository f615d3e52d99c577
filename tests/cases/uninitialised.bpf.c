// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arguments that have no value: refused where no path sets them, and whatever compilers like where some do. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

u32 length;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

SEC("tc")
int number_bad(struct __sk_buff *skb)
{
	int pid;
	struct task_struct *t = bpf_task_from_pid(pid); // error: uninitialised-argument

	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tc")
int pointer_bad(struct __sk_buff *skb)
{
	struct task_struct *t;

	bpf_task_release(t); // error: uninitialised-argument
	return 0;
}

SEC("tc")
int size_bad(struct __sk_buff *skb)
{
	u32 n;

	return bpf_skb_pull_data(skb, n); // error: uninitialised-argument
}

SEC("tc")
int some_path_ok(struct __sk_buff *skb)
{
	struct task_struct *t;
	int pid;

	if (skb->mark)
		pid = 3;
	t = bpf_task_from_pid(pid);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tc")
int pointer_on_some_path_ok(struct __sk_buff *skb)
{
	struct task_struct *t;

	if (skb->mark)
		t = bpf_task_from_pid(1);
	if (!t)
		return 0;
	bpf_task_release(t);
	return 0;
}

SEC("tc")
int in_memory_ok(struct __sk_buff *skb)
{
	volatile int pid;
	struct task_struct *t = bpf_task_from_pid(pid);

	if (t)
		bpf_task_release(t);
	return 0;
}

/* Numbers that must be constants. */

SEC("tc")
int reserve_variable_bad(struct __sk_buff *skb)
{
	void *p = bpf_ringbuf_reserve(&ring, length, 0); // error: non-constant-argument

	if (p)
		bpf_ringbuf_discard(p, 0);
	return 0;
}

SEC("tc")
int reserve_bounded_bad(struct __sk_buff *skb)
{
	u32 n = length;
	void *p;

	if (n > 64)
		return 0;
	p = bpf_ringbuf_reserve(&ring, n, 0); // error: non-constant-argument
	if (p)
		bpf_ringbuf_discard(p, 0);
	return 0;
}

SEC("tc")
int reserve_known_ok(struct __sk_buff *skb)
{
	u32 n = length;
	void *p;

	if (n != 64)
		return 0;
	p = bpf_ringbuf_reserve(&ring, n, 0);
	if (p)
		bpf_ringbuf_discard(p, 0);
	return 0;
}
