// gen header bpf_iter_bits_new bpf_iter_bits_next bpf_iter_bits_destroy
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

int count;

SEC("syscall")
int tally(void *ctx)
{
	u64 word = 0x11;
	struct bpf_iter_bits it;

	(void)ctx;
	bpf_iter_bits_new(&it, &word, 1);
	while (bpf_iter_bits_next(&it))
		count++;
	bpf_iter_bits_destroy(&it);
	return 0;
}

char _license[] SEC("license") = "GPL";
