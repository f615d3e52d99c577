// gen header bpf_dynptr_from_xdp bpf_dynptr_slice --type ethhdr --type iphdr --type xdp_action
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	struct bpf_dynptr packet;
	struct ethhdr buffer;
	const struct ethhdr *eth;
	const struct iphdr *ip;
	struct iphdr ip_buffer;

	if (bpf_dynptr_from_xdp(ctx, 0, &packet))
		return XDP_DROP;
	eth = bpf_dynptr_slice(&packet, 0, &buffer, sizeof(buffer));
	if (!eth || eth->h_proto != 8)
		return XDP_PASS;
	ip = bpf_dynptr_slice(&packet, sizeof(*eth), &ip_buffer, sizeof(ip_buffer));
	return ip && ip->protocol == 50 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
