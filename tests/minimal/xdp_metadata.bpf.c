// gen header bpf_dynptr_from_xdp bpf_dynptr_size bpf_xdp_pull_data --type XDP_PASS
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

u64 size;

SEC("xdp")
int measure(struct xdp_md *ctx)
{
	struct bpf_dynptr packet;

	if (!bpf_dynptr_from_xdp(ctx, 0, &packet))
		size = bpf_dynptr_size(&packet);
	return bpf_xdp_pull_data(ctx, 1) + XDP_PASS;
}

char _license[] SEC("license") = "GPL";
