// gen header bpf_cpumask_create bpf_cpumask_set_cpu bpf_cpumask_first
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

u32 first;

SEC("syscall")
int fill(void *ctx)
{
	KFG_AUTO(bpf_cpumask_release) struct bpf_cpumask *mask = bpf_cpumask_create();

	(void)ctx;
	if (!mask)
		return 0;
	bpf_cpumask_set_cpu(3, mask);
	first = bpf_cpumask_first((const struct cpumask *)mask);
	return 0;
}

char _license[] SEC("license") = "GPL";
