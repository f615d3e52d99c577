// gen header bpf_iter_num_new bpf_iter_num_next bpf_iter_num_destroy
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

int sum;

SEC("syscall")
int add(void *ctx)
{
	KFG_AUTO(bpf_iter_num_destroy) struct bpf_iter_num it;
	int *number;

	(void)ctx;
	bpf_iter_num_new(&it, 0, 5);
	while ((number = bpf_iter_num_next(&it)))
		sum += *number;
	return 0;
}

char _license[] SEC("license") = "GPL";
