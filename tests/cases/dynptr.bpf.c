// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Dynptrs over packets and the slices taken from them: NULL results, constant sizes, slices that went stale. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt,
				   u32 buffer__szk) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
char scratch[64];

SEC("xdp")
int slice_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	struct ethhdr *eth, room;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	eth = bpf_dynptr_slice(&d, 0, &room, sizeof(room));
	if (!eth)
		return XDP_DROP;
	sink = eth->h_proto;
	return XDP_PASS;
}

SEC("xdp")
int slice_unchecked_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	struct ethhdr *eth, room;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	eth = bpf_dynptr_slice(&d, 0, &room, sizeof(room));
	sink = eth->h_proto; // error: unchecked-null
	return XDP_PASS;
}

SEC("xdp")
int slice_without_room_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	struct ethhdr *eth;

	if (bpf_dynptr_from_xdp(ctx, 0, &d))
		return XDP_ABORTED;
	eth = bpf_dynptr_slice(&d, 0, NULL, sizeof(*eth));
	if (eth)
		sink = eth->h_proto;
	return XDP_PASS;
}

SEC("xdp")
int slice_size_varies_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[64], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, bpf_dynptr_size(&d) & 63); // error: non-constant-argument
	if (p)
		sink = *p;
	return XDP_PASS;
}

SEC("xdp")
int slice_room_too_small_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, 64); // error: buffer-size
	if (p)
		sink = *p;
	return XDP_PASS;
}

SEC("xdp")
int slice_of_nothing_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d = {};
	char room[8], *p;

	p = bpf_dynptr_slice(&d, 0, room, sizeof(room)); // error: dynptr-uninit
	if (p)
		sink = *p;
	return XDP_PASS;
}

SEC("xdp")
int slice_written_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		*p = 1; // error: rdonly-write
	return XDP_PASS;
}

SEC("xdp")
int slice_rdwr_written_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice_rdwr(&d, 0, room, sizeof(room));
	if (!p)
		return XDP_PASS;
	*p = 1;
	if (p == room)
		bpf_dynptr_write(&d, 0, room, sizeof(room), 0);
	return XDP_PASS;
}

SEC("xdp")
int slice_read_past_end_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	struct iphdr *ip;
	char room[14];

	bpf_dynptr_from_xdp(ctx, 0, &d);
	ip = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (ip)
		sink = ip->daddr; // error: mem-bounds
	return XDP_PASS;
}

SEC("xdp")
int slice_after_adjust_head_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return XDP_PASS;
	bpf_xdp_adjust_head(ctx, 4);
	sink = *p; // error: dynptr-stale-slice
	return XDP_PASS;
}

SEC("xdp")
int slice_taken_again_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return XDP_PASS;
	sink = *p;
	bpf_xdp_adjust_head(ctx, 4);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		sink += *p;
	return XDP_PASS;
}

SEC("tc")
int skb_slice_after_write_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	bpf_dynptr_write(&d, 0, "abcd", 4, 0);
	sink = *p; // error: dynptr-stale-slice
	return 0;
}

SEC("tc")
int skb_slice_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice_rdwr(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	p[0] ^= p[7];
	return 0;
}

SEC("tc")
int not_a_context_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_skb((struct __sk_buff *)scratch, 0, &d); // error: context-argument
	sink = bpf_dynptr_size(&d);
	return 0;
}

SEC("tc")
int clone_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d, e;

	bpf_dynptr_from_skb(skb, 0, &d);
	bpf_dynptr_clone(&d, &e);
	sink = bpf_dynptr_size(&d) - bpf_dynptr_size(&e);
	return 0;
}

SEC("tc")
int static_dynptr_bad(struct __sk_buff *skb)
{
	static struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d); // error: dynptr-not-stack
	return 0;
}

SEC("raw_tp/task_newtask")
int skb_dynptr_in_raw_tp_bad(struct bpf_raw_tracepoint_args *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_skb((void *)ctx, 0, &d); // error: kfunc-not-allowed
	return 0;
}

SEC("tc")
int local_memory_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	int *p;

	bpf_dynptr_from_mem(scratch, sizeof(scratch), 0, &d);
	p = bpf_dynptr_data(&d, 0, sizeof(*p));
	if (p)
		*p = skb->len;
	return 0;
}
