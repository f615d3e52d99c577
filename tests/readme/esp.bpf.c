// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2

struct xfrm_state *bpf_xdp_get_xfrm_state(struct xdp_md *ctx, struct bpf_xfrm_state_opts *opts,
					  u32 opts__sz) __ksym;
void bpf_xdp_xfrm_state_release(struct xfrm_state *x) __ksym;

SEC("xdp")
int drop_tunnels(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS,
		.daddr.a4 = bpf_htonl(0x0a000001),
		.spi = bpf_htonl(1),
		.proto = IPPROTO_ESP,
		.family = AF_INET,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x)
		return XDP_PASS;
	if (x->props.mode)
		return XDP_DROP;
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
