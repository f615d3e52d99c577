// gen header bpf_iter_task_new bpf_iter_task_next bpf_iter_task_destroy bpf_rcu_read_lock bpf_rcu_read_unlock --type 'struct task_struct:pid' --type BPF_TASK_ITER_ALL_PROCS
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

int last;

SEC("syscall")
int walk(void *ctx)
{
	struct task_struct *task;
	struct bpf_iter_task it;

	(void)ctx;
	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS);
	while ((task = bpf_iter_task_next(&it)))
		last = task->pid;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

char _license[] SEC("license") = "GPL";
