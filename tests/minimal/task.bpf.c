// gen header bpf_task_from_pid --type 'struct task_struct:pid,comm,real_parent.tgid,mm.exe_file.f_inode.i_ino'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

unsigned long seen;

SEC("syscall")
int look(void *ctx)
{
	KFG_AUTO(bpf_task_release) struct task_struct *task = bpf_task_from_pid(1);

	(void)ctx;
	if (!task)
		return 0;
	seen = task->pid + task->real_parent->tgid + task->comm[0];
	if (task->mm)
		seen += task->mm->exe_file->f_inode->i_ino;
	return 0;
}

char _license[] SEC("license") = "GPL";
