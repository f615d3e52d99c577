// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arguments of tracepoints that the kernel knows to be NULL, or an error pointer, now and then. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";
int sink;

SEC("tp_btf/kfree_skb")
int BPF_PROG(socket_unchecked_bad, struct sk_buff *skb, void *location, int reason, struct sock *rx_sk)
{
	sink = rx_sk->__sk_common.skc_family; // error: unchecked-null
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(socket_checked_ok, struct sk_buff *skb, void *location, int reason, struct sock *rx_sk)
{
	if (rx_sk)
		sink = rx_sk->__sk_common.skc_family;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(packet_is_there_ok, struct sk_buff *skb, void *location, int reason, struct sock *rx_sk)
{
	sink = skb->len;
	return 0;
}

SEC("tp_btf/sched_pi_setprio")
int BPF_PROG(donor_unchecked_bad, struct task_struct *task, struct task_struct *pi_task)
{
	struct task_struct *held = bpf_task_acquire(pi_task); // error: null-argument

	if (held)
		bpf_task_release(held);
	return 0;
}

SEC("tp_btf/sched_pi_setprio")
int BPF_PROG(donor_checked_ok, struct task_struct *task, struct task_struct *pi_task)
{
	struct task_struct *held;

	if (!pi_task)
		return 0;
	held = bpf_task_acquire(pi_task);
	if (held)
		bpf_task_release(held);
	return 0;
}

SEC("tp_btf/fib_table_lookup")
int BPF_PROG(hop_unchecked_bad, u32 table, const struct flowi4 *flow, const struct fib_nh_common *hop, int err)
{
	sink = hop->nhc_family; // error: unchecked-null
	return 0;
}

SEC("tp_btf/fib_table_lookup")
int BPF_PROG(hop_checked_ok, u32 table, const struct flowi4 *flow, const struct fib_nh_common *hop, int err)
{
	sink = flow->saddr;
	if (hop)
		sink += hop->nhc_family;
	return 0;
}
