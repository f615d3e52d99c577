// gen header bpf_skb_ct_alloc bpf_ct_set_nat_info bpf_ct_insert_entry
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("tc")
int translate(struct __sk_buff *ctx)
{
	struct bpf_sock_tuple tuple = { .ipv4.dport = 2 };
	struct bpf_ct_opts opts = { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = 6 };
	union nf_inet_addr addr = { .ip = 1 };
	struct nf_conn___init *ct;
	struct nf_conn *inserted;

	ct = bpf_skb_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct)
		return opts.error;
	bpf_ct_set_nat_info(ct, &addr, 80, NF_NAT_MANIP_DST);
	inserted = bpf_ct_insert_entry(ct);
	if (inserted)
		bpf_ct_release(inserted);
	return ctx->mark;
}

char _license[] SEC("license") = "GPL";
