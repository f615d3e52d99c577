// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connection tracking: lookup gives a live entry; alloc gives one that must be inserted first, then released. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *xdp_ctx, struct bpf_sock_tuple *bpf_tuple,
					       u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz) __ksym;
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *xdp_ctx, struct bpf_sock_tuple *bpf_tuple,
					 u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz) __ksym;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb_ctx, struct bpf_sock_tuple *bpf_tuple,
					 u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *nfct_i) __ksym;
extern void bpf_ct_release(struct nf_conn *nfct) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *nfct, u32 timeout) __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *nfct, u32 timeout) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
int failed;

#define TCP 6
#define CT_OPTS { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = TCP }

SEC("xdp")
int lookup_ok(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct) {
		failed = opts.error;
		return XDP_PASS;
	}
	sink = ct->status;
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("tc")
int lookup_in_tc_ok(struct __sk_buff *skb)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
	if (ct) {
		bpf_ct_change_timeout(ct, 10000);
		bpf_ct_release(ct);
	} else if (opts.error == -2) {
		failed++;
	}
	return 0;
}

SEC("xdp")
int first_layout_of_opts_ok(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	/* 12 bytes: the struct before 6.11, still accepted */
	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, 12);
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int lookup_leak_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct) {
		failed = opts.error;
		return XDP_PASS;
	}
	if (ct->status & 8)
		return XDP_TX; // error: unreleased-reference
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int lookup_unchecked_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	failed = opts.error;
	sink = ct->status; // error: unchecked-null
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int timeout_unchecked_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	failed = opts.error;
	bpf_ct_change_timeout(ct, 100); // error: null-argument
	if (ct)
		bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int alloc_insert_release_ok(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;
	struct nf_conn *ct;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_set_timeout(entry, 10000);
	ct = bpf_ct_insert_entry(entry);
	if (ct)
		bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int alloc_not_inserted_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_set_timeout(entry, 10000);
	return XDP_PASS; // error: unreleased-reference
}

SEC("xdp")
int alloc_released_directly_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_release((struct nf_conn *)entry); // error: argument-type-mismatch
	return XDP_PASS;
}

SEC("xdp")
int insert_result_leaks_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_insert_entry(entry);
	return XDP_PASS; // error: unreleased-reference
}

SEC("xdp")
int insert_consumes_argument_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;
	struct nf_conn *ct;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	ct = bpf_ct_insert_entry(entry);
	if (!ct) {
		bpf_ct_set_timeout(entry, 0); // error: use-after-release
		return XDP_PASS;
	}
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int insert_unchecked_release_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *entry;

	entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!entry) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_release(bpf_ct_insert_entry(entry)); // error: null-argument
	return XDP_PASS;
}

SEC("xdp")
int live_entry_configured_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_ct_set_timeout((struct nf_conn___init *)ct, 5); // error: argument-type-mismatch
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int status_written_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct) {
		failed = opts.error;
		return XDP_PASS;
	}
	ct->status = 0; // error: kernel-write
	bpf_ct_release(ct);
	return XDP_PASS;
}

SEC("xdp")
int tuple_smaller_than_size_bad(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct nf_conn *ct;
	u64 addresses = 0;

	ct = bpf_xdp_ct_lookup(ctx, (void *)&addresses, sizeof(struct bpf_sock_tuple), // error: buffer-size
			       &opts, sizeof(opts));
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int opts_size_14_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, 14); // warning: wrong-opts-size
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int opts_size_of_pointer_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS, *o = &opts;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), o, sizeof(o)); // warning: wrong-opts-size
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int reserved_set_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	opts.reserved[0] = 1;
	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts)); // warning: reserved-opts-field
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int protocol_unset_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = { .netns_id = BPF_F_CURRENT_NETNS };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts)); // warning: unset-opts-field
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int protocol_out_of_range_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = 50 };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts)); // warning: opts-out-of-range
	if (ct)
		bpf_ct_release(ct);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int error_never_read_warn(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = CT_OPTS;
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts)); // warning: ignored-opts-error
	if (!ct)
		return XDP_PASS;
	sink = ct->status;
	bpf_ct_release(ct);
	return XDP_PASS;
}
