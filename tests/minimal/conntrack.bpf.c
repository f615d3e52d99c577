// gen header bpf_xdp_ct_lookup bpf_ct_change_timeout --type 'struct nf_conn:timeout,mark' --type xdp_action
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int refresh(struct xdp_md *ctx)
{
	struct bpf_sock_tuple tuple = { .ipv4.sport = 1 };
	struct bpf_ct_opts opts = { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = 17 };
	struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	int mark;

	if (!ct)
		return opts.error == -2 ? XDP_DROP : XDP_PASS;
	mark = ct->mark;
	bpf_ct_change_timeout(ct, 1000);
	bpf_ct_release(ct);
	return mark ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
