// gen header bpf_xdp_get_xfrm_state --type 'struct xfrm_state:props.replay_window,replay_esn.seq' --type XDP_PASS
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int look_up(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts;
	xfrm_address_t daddr = {};
	KFG_AUTO(bpf_xdp_xfrm_state_release) struct xfrm_state *state = NULL;

	kfg_xfrm_state_opts_init(&opts, BPF_F_CURRENT_NETNS, &daddr, 1, IPPROTO_ESP, AF_INET);
	state = kfg_xdp_get_xfrm_state(ctx, &opts);
	if (!state)
		return kfg_xfrm_state_opts_error(opts.error) + XDP_PASS;
	if (state->replay_esn)
		return state->replay_esn->seq & 1;
	return state->props.replay_window & 1;
}

char _license[] SEC("license") = "GPL";
