#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

u64 threads;

SEC("tp_btf/task_newtask")
int BPF_PROG(watch, struct task_struct *child, u64 clone_flags)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	if (child->tgid == task->tgid)
		threads++;
	bpf_task_release(task);
	return 0;
}
