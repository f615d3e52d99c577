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
