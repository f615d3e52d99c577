// gen header bpf_rcu_read_lock bpf_local_irq_save bpf_preempt_disable --type __sk_buff --type 'struct task_struct:real_parent.pid'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

int count;

SEC("syscall")
int rcu(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	KFG_GUARD(bpf_rcu_read_lock);

	(void)ctx;
	if (task->real_parent->pid == 1)
		return 1;
	count++;
	return 0;
}

SEC("syscall")
int nested(void *ctx)
{
	KFG_GUARD(bpf_preempt_disable);

	(void)ctx;
	if (count) {
		KFG_GUARD(bpf_local_irq_save);

		count++;
	}
	return 0;
}

SEC("tc")
int irq(struct __sk_buff *ctx)
{
	KFG_GUARD(bpf_local_irq_save);

	if (ctx->len > 7)
		return 2;
	count++;
	return 0;
}

char _license[] SEC("license") = "GPL";
