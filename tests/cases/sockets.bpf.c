// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sockets found by helpers: bpf_sk_lookup_*() acquire, casts share the reference, bpf_sk_release() ends it. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

int sink;

static struct bpf_sock *find(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};

	return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

SEC("tc")
int lookup_ok(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	sink = sk->state;
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int lookup_leak_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	if (!sk)
		return 0;
	if (sk->state == 10)
		return 2; // error: unreleased-reference
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int lookup_unchecked_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	sink = sk->family; // error: unchecked-null
	if (sk)
		bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int released_unchecked_bad(struct __sk_buff *skb)
{
	bpf_sk_release(find(skb)); // error: null-argument
	return 0;
}

SEC("tc")
int released_twice_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	bpf_sk_release(sk); // error: double-release
	return 0;
}

SEC("tc")
int used_after_release_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	sink = sk->state; // error: use-after-release
	return 0;
}

SEC("tc")
int cast_shares_reference_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);
	struct bpf_tcp_sock *tp;

	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	if (tp)
		sink = tp->snd_cwnd;
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int cast_outlives_socket_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);
	struct bpf_tcp_sock *tp;

	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	if (!tp) {
		bpf_sk_release(sk);
		return 0;
	}
	bpf_sk_release(sk);
	sink = tp->snd_cwnd; // error: use-after-release
	return 0;
}

SEC("tc")
int cast_missing_leaks_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);
	struct bpf_tcp_sock *tp;

	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	if (!tp)
		return 0; // error: unreleased-reference
	sink = tp->snd_cwnd;
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int cast_unchecked_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);
	struct bpf_tcp_sock *tp;

	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	sink = tp->snd_cwnd; // error: unchecked-null
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int context_socket_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (sk)
		sink = sk->family;
	return 0;
}

SEC("tc")
int context_socket_released_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		bpf_sk_release(sk); // error: release-unacquired
	return 0;
}

SEC("tc")
int tcp_then_udp_ok(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = NULL;

	switch (skb->protocol) {
	case 6:
		sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
		break;
	case 17:
		sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
		break;
	default:
		return 0;
	}
	if (!sk)
		return 0;
	sink = sk->src_port;
	bpf_sk_release(sk);
	return 0;
}

SEC("xdp")
int listener_or_not_bad(struct xdp_md *ctx)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	sk = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (sk && sk->state == 10) {
		sink++;
		bpf_sk_release(sk);
	}
	return XDP_PASS; // error: unreleased-reference
}
