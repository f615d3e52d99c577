// gen header bpf_iter_task_vma_new bpf_iter_task_vma_next bpf_iter_task_vma_destroy --type 'struct vm_area_struct:vm_start,vm_end'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

unsigned long size;

SEC("raw_tp/sys_enter")
int measure(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;

	(void)ctx;
	bpf_iter_task_vma_new(&it, task, 0);
	while ((vma = bpf_iter_task_vma_next(&it)))
		size += vma->vm_end - vma->vm_start;
	bpf_iter_task_vma_destroy(&it);
	return 0;
}

char _license[] SEC("license") = "GPL";
