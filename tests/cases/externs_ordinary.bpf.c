// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Externs without __ksym: libbpf cannot read such an object. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

extern struct task_struct *bpf_task_acquire(struct task_struct *p); // error: missing-ksym
struct task_struct *bpf_task_from_pid(s32 pid); // error: missing-ksym
extern void bpf_task_release(struct task_struct *p) __weak; // error: missing-ksym

SEC("tp_btf/task_newtask")
int BPF_PROG(extern_bad, struct task_struct *task)
{
	struct task_struct *held = bpf_task_acquire(task);

	if (held)
		bpf_task_release(held);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(prototype_bad, struct task_struct *task)
{
	struct task_struct *other = bpf_task_from_pid(1);

	if (other)
		bpf_task_release(other);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(weak_bad, struct task_struct *task)
{
	if (bpf_task_release)
		bpf_task_release(task); // error: release-unacquired
	return 0;
}
