// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* kfuncs may be called by GPL-compatible programs only; programs of the object that call none are not concerned. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;

char _license[] SEC("license") = "Proprietary";

int sink;

SEC("xdp")
int calls_nothing_ok(struct xdp_md *ctx)
{
	sink = ctx->rx_queue_index;
	return XDP_PASS;
}

SEC("xdp")
int calls_kfunc_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d); // error: gpl-license
	return XDP_PASS;
}

SEC("xdp")
int free_helper_ok(struct xdp_md *ctx)
{
	sink = bpf_get_prandom_u32() + bpf_ktime_get_ns();
	return XDP_PASS;
}

SEC("xdp")
int restricted_helper_bad(struct xdp_md *ctx)
{
	bpf_probe_read_kernel(&sink, sizeof(sink), NULL); // error: gpl-license
	return XDP_PASS;
}

SEC("xdp")
int restricted_print_bad(struct xdp_md *ctx)
{
	bpf_trace_printk("packet", sizeof("packet")); // error: gpl-license
	return XDP_PASS;
}

SEC("struct_ops") int whole_program_bad(unsigned long long *ctx) // error: gpl-license
{
	return 2;
}

SEC(".struct_ops")
struct tcp_congestion_ops no_gpl = {
	.ssthresh = (void *)whole_program_bad,
	.name = "bpf_no_gpl",
};
