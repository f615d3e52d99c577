// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The options of bpf_xdp_get_xfrm_state(): the verifier accepts any size that is in bounds and any field value;
 * the kernel then answers -EINVAL (or nothing at all) on every call.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct xfrm_state *bpf_xdp_get_xfrm_state(struct xdp_md *ctx, struct bpf_xfrm_state_opts *opts,
						 u32 opts__sz) __ksym;
extern void bpf_xdp_xfrm_state_release(struct xfrm_state *x) __ksym;

char _license[] SEC("license") = "GPL";

int failed;
__be32 wanted_spi;
__be32 wanted_daddr;

#define ESP 50
#define INET 2
#define OPTS_SZ ((u32)sizeof(struct bpf_xfrm_state_opts))

SEC("xdp")
int size_from_macro_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, &opts, OPTS_SZ);

	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_of_dereference_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct bpf_xfrm_state_opts *o = &opts;
	struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, o, sizeof(*o));

	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = o->error;
	return XDP_PASS;
}

SEC("xdp")
int memset_then_fill_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts;
	struct xfrm_state *x;

	__builtin_memset(&opts, 0, sizeof(opts));
	opts.netns_id = 3; /* a namespace id of this namespace's table */
	opts.daddr.in6.in6_u.u6_addr32[3] = wanted_daddr;
	opts.spi = wanted_spi;
	opts.proto = ESP;
	opts.family = 10;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

static void fill(struct bpf_xfrm_state_opts *o, __be32 spi)
{
	o->netns_id = BPF_F_CURRENT_NETNS;
	o->daddr.a4 = wanted_daddr;
	o->spi = spi;
	o->proto = ESP;
	o->family = INET;
}

SEC("xdp")
int filled_by_helper_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {};
	struct xfrm_state *x;

	fill(&opts, wanted_spi);
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int literal_assigned_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts;
	struct xfrm_state *x;

	opts = (struct bpf_xfrm_state_opts){
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int family_from_packet_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr, .spi = wanted_spi, .proto = ESP,
	};
	struct xfrm_state *x;

	if (ctx->rx_queue_index)
		opts.family = 10;
	else
		opts.family = INET;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_too_small_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts) - 4); // warning: wrong-opts-size
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_of_pointer_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct bpf_xfrm_state_opts *o = &opts;
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, o, sizeof(o)); // warning: wrong-opts-size
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_four_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, &opts, 4); // warning: wrong-opts-size

	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_two_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, &opts, 2); // warning: wrong-opts-size

	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_in_variable_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	u32 size = sizeof(opts.daddr) + sizeof(opts.spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, size); // warning: wrong-opts-size
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int size_too_large_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, 2 * sizeof(opts)); // error: buffer-size
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int netns_out_of_range_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = -2, .daddr.a4 = wanted_daddr, .spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: opts-out-of-range
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int netns_reassigned_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x;

	opts.netns_id = -22;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: opts-out-of-range
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int family_not_set_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr, .spi = wanted_spi, .proto = ESP,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: unset-opts-field
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int family_set_on_one_path_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr, .spi = wanted_spi, .proto = ESP,
	};
	struct xfrm_state *x;

	if (ctx->rx_queue_index)
		opts.family = INET;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: unset-opts-field
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int error_ignored_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {
		.netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr,
		.spi = wanted_spi, .proto = ESP, .family = INET,
	};
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: ignored-opts-error
	if (!x)
		return XDP_PASS;
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int spi_not_set_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = { .netns_id = BPF_F_CURRENT_NETNS, .proto = ESP, .family = INET };
	struct xfrm_state *x;

	opts.daddr.a4 = wanted_daddr;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: unset-opts-field
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int not_initialised_warn(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts;
	struct xfrm_state *x;

	opts.netns_id = BPF_F_CURRENT_NETNS;
	opts.daddr.a4 = wanted_daddr;
	opts.spi = wanted_spi;
	opts.proto = ESP;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts)); // warning: unset-opts-field
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}
