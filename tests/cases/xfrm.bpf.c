// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* References to XFRM states: found by bpf_xdp_get_xfrm_state(), given back with bpf_xdp_xfrm_state_release(). */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct xfrm_state *bpf_xdp_get_xfrm_state(struct xdp_md *ctx, struct bpf_xfrm_state_opts *opts,
						 u32 opts__sz) __ksym;
extern void bpf_xdp_xfrm_state_release(struct xfrm_state *x) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
int failed;
__be32 wanted_spi;
__be32 wanted_daddr;

#define ESP 50
#define INET 2
#define OPTS(_spi)                                                                                      \
	{ .netns_id = BPF_F_CURRENT_NETNS, .daddr.a4 = wanted_daddr, .spi = (_spi), .proto = ESP,        \
	  .family = INET }

SEC("xdp")
int look_then_release_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	sink = x->replay_esn ? 1 : 0;
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int positive_test_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));

	if (x) {
		sink = x->props.mode;
		bpf_xdp_xfrm_state_release(x);
	} else {
		failed = opts.error;
	}
	return XDP_PASS;
}

SEC("xdp")
int fields_set_one_by_one_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = {};
	struct xfrm_state *x;

	opts.netns_id = BPF_F_CURRENT_NETNS;
	opts.daddr.a4 = bpf_get_prandom_u32();
	opts.spi = wanted_spi;
	opts.proto = ESP;
	opts.family = INET;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x == NULL || opts.error) {
		failed = opts.error;
		if (x)
			bpf_xdp_xfrm_state_release(x);
		return XDP_DROP;
	}
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int two_states_any_order_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts one = OPTS(wanted_spi), two = OPTS(wanted_spi + 1);
	struct xfrm_state *a, *b;

	a = bpf_xdp_get_xfrm_state(ctx, &one, sizeof(one));
	if (!a) {
		failed = one.error;
		return XDP_PASS;
	}
	b = bpf_xdp_get_xfrm_state(ctx, &two, sizeof(two));
	if (!b) {
		failed = two.error;
		goto out;
	}
	sink = a->props.mode == b->props.mode;
	bpf_xdp_xfrm_state_release(a);
	bpf_xdp_xfrm_state_release(b);
	return XDP_PASS;
out:
	bpf_xdp_xfrm_state_release(a);
	return XDP_PASS;
}

SEC("xdp")
int second_lookup_fails_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts one = OPTS(wanted_spi), two = OPTS(wanted_spi + 1);
	struct xfrm_state *a, *b;

	a = bpf_xdp_get_xfrm_state(ctx, &one, sizeof(one));
	if (!a) {
		failed = one.error;
		return XDP_PASS;
	}
	b = bpf_xdp_get_xfrm_state(ctx, &two, sizeof(two));
	if (!b) {
		failed = two.error;
		return XDP_ABORTED; // error: unreleased-reference
	}
	bpf_xdp_xfrm_state_release(b);
	bpf_xdp_xfrm_state_release(a);
	return XDP_PASS;
}

SEC("xdp")
int early_return_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	if (x->props.mode)
		return XDP_DROP; // error: unreleased-reference
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int switch_default_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	switch (x->props.mode) {
	case 0:
		sink++;
		/* fall through */
	case 1:
		bpf_xdp_xfrm_state_release(x);
		break;
	default:
		return XDP_DROP; // error: unreleased-reference
	}
	return XDP_PASS;
}

SEC("xdp")
int switch_all_cases_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;
	int action = XDP_PASS;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		switch (opts.error) {
		case -2:
			return XDP_PASS;
		default:
			failed = opts.error;
			return XDP_ABORTED;
		}
	}
	switch (x->props.mode) {
	case 0:
		sink++;
		/* fall through */
	case 1:
		action = XDP_DROP;
		break;
	case 2:
		action = XDP_TX;
	}
	bpf_xdp_xfrm_state_release(x);
	return action;
}

SEC("xdp")
int not_checked_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	failed = opts.error;
	sink = x->props.mode; // error: unchecked-null
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int error_checked_instead_of_pointer_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (opts.error)
		return XDP_PASS; // error: unreleased-reference
	if (x)
		bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int released_unchecked_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	failed = opts.error;
	bpf_xdp_xfrm_state_release(x); // error: null-argument
	return XDP_PASS;
}

SEC("xdp")
int released_when_null_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		bpf_xdp_xfrm_state_release(x); // error: release-null
		return XDP_PASS;
	}
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int released_twice_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_xdp_xfrm_state_release(x);
	bpf_xdp_xfrm_state_release(x); // error: double-release
	return XDP_PASS;
}

SEC("xdp")
int read_after_release_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_xdp_xfrm_state_release(x);
	sink = x->props.mode; // error: use-after-release
	return XDP_PASS;
}

SEC("xdp")
int only_holder_overwritten_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	opts.spi = wanted_spi + 1;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	failed = opts.error;
	if (x)
		bpf_xdp_xfrm_state_release(x);
	return XDP_PASS; // error: unreleased-reference
}

SEC("xdp")
int same_variable_reused_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	opts.spi = wanted_spi + 1;
	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (x)
		bpf_xdp_xfrm_state_release(x);
	else
		failed = opts.error;
	return XDP_PASS;
}

SEC("xdp")
int ladder_ok(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *a, *b, *c;
	int action = XDP_ABORTED;

	a = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!a)
		goto out;
	opts.spi++;
	b = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!b)
		goto put_a;
	opts.spi++;
	c = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!c)
		goto put_b;
	sink = a->props.mode + b->props.mode + c->props.mode;
	action = XDP_PASS;
	bpf_xdp_xfrm_state_release(c);
put_b:
	bpf_xdp_xfrm_state_release(b);
put_a:
	bpf_xdp_xfrm_state_release(a);
out:
	failed = opts.error;
	return action;
}

SEC("xdp")
int ladder_wrong_rung_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *a, *b, *c;
	int action = XDP_ABORTED;

	a = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!a)
		goto out;
	opts.spi++;
	b = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!b)
		goto put_a;
	opts.spi++;
	c = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!c)
		goto put_a; /* should be put_b */
	sink = a->props.mode + b->props.mode + c->props.mode;
	action = XDP_PASS;
	bpf_xdp_xfrm_state_release(c);
	bpf_xdp_xfrm_state_release(b);
put_a:
	bpf_xdp_xfrm_state_release(a);
out:
	failed = opts.error;
	return action; // error: unreleased-reference
}

SEC("xdp")
int write_to_state_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	x->mark.v = 1; // error: kernel-write
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("tc")
int called_from_tc_bad(struct __sk_buff *skb)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state((void *)skb, &opts, sizeof(opts)); // error: kfunc-not-allowed
	if (!x) {
		failed = opts.error;
		return 0;
	}
	bpf_xdp_xfrm_state_release(x); // error: kfunc-not-allowed
	return 0;
}

SEC("xdp")
int wrong_context_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state((struct xdp_md *)&opts, &opts, sizeof(opts)); // error: context-argument
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}

SEC("xdp")
int moved_context_bad(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts = OPTS(wanted_spi);
	struct xfrm_state *x;

	x = bpf_xdp_get_xfrm_state(ctx + 1, &opts, sizeof(opts)); // error: context-argument
	if (!x) {
		failed = opts.error;
		return XDP_PASS;
	}
	bpf_xdp_xfrm_state_release(x);
	return XDP_PASS;
}
