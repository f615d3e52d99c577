// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Helpers that programs of a type have, or do not. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

int sink;

SEC("xdp")
int adjust_ok(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, 0) ? XDP_ABORTED : XDP_PASS;
}

SEC("tc")
int adjust_packet_bad(struct __sk_buff *skb)
{
	return bpf_xdp_adjust_head((void *)skb, 0); // error: helper-not-allowed
}

SEC("tc")
int redirect_ok(struct __sk_buff *skb)
{
	return bpf_clone_redirect(skb, 1, 0);
}

SEC("socket")
int redirect_from_filter_bad(struct __sk_buff *skb)
{
	return bpf_clone_redirect(skb, 1, 0); // error: helper-not-allowed
}

/* Only what is reached counts. */
SEC("socket")
int redirect_never_ok(struct __sk_buff *skb)
{
	if (0)
		return bpf_clone_redirect(skb, 1, 0);
	return 0;
}

static __noinline int shared(void *ctx)
{
	return bpf_clone_redirect(ctx, 1, 0); // error: helper-not-allowed
}

SEC("lwt_xmit")
int shared_ok(struct __sk_buff *skb)
{
	return shared(skb);
}

SEC("lwt_in")
int shared_bad(struct __sk_buff *skb)
{
	return shared(skb);
}

SEC("iter/task")
int seq_ok(struct bpf_iter__task *ctx)
{
	static const char line[] = "line\n";

	bpf_seq_write(ctx->meta->seq, line, sizeof(line));
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(sysctl_bad, struct task_struct *task, u64 clone_flags)
{
	char name[16];

	return bpf_sysctl_get_name((void *)ctx, name, sizeof(name), 0); // error: helper-not-allowed
}

SEC("cgroup/connect4")
int bind_ok(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in address = { .sin_family = 2 };

	bpf_bind(ctx, (void *)&address, sizeof(address));
	return 1;
}

/* Of the same type, attached elsewhere. */
SEC("cgroup/bind4")
int bind_in_bind_bad(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in address = { .sin_family = 2 };

	bpf_bind(ctx, (void *)&address, sizeof(address)); // error: helper-not-allowed
	return 1;
}

SEC("perf_event")
int sample_ok(struct bpf_perf_event_data *ctx)
{
	struct bpf_perf_event_value value = {};

	sink = bpf_perf_prog_read_value((void *)ctx, &value, sizeof(value));
	return 0;
}

SEC("tracepoint/sched/sched_switch")
int sample_elsewhere_bad(void *ctx)
{
	struct bpf_perf_event_value value = {};

	sink = bpf_perf_prog_read_value(ctx, &value, sizeof(value)); // error: helper-not-allowed
	return 0;
}
