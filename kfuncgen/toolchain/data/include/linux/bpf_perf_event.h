/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/bpf_perf_event.h> where it is not installed. */
#ifndef __KFG_LINUX_BPF_PERF_EVENT_H
#define __KFG_LINUX_BPF_PERF_EVENT_H

#include <linux/types.h>
#include <asm/ptrace.h>

struct bpf_perf_event_data {
	bpf_user_pt_regs_t regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
