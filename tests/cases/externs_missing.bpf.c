// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Strong externs of what 6.16 removed: no program of such an object loads. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef bpf_ksym_exists
#define bpf_ksym_exists(sym) (!!(sym))
#endif

char _license[] SEC("license") = "GPL";

extern void cgroup_rstat_updated(struct cgroup *cgrp, int cpu) __ksym;
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym;
extern void bpf_rcu_read_lock(void) __weak __ksym;
extern void bpf_rcu_read_unlock(void) __weak __ksym;

int wanted;

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_every_path_bad, struct cgroup *cgrp)
{
	cgroup_rstat_updated(cgrp, 0); // error: kfunc-missing
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_some_path_bad, struct cgroup *cgrp)
{
	if (wanted)
		cgroup_rstat_updated(cgrp, 1);
	return 0;
}

SEC("iter.s/cgroup")
int fallback_of_a_test_bad(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;

	if (bpf_ksym_exists(bpf_rcu_read_lock)) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
	} else if (cgrp) {
		cgroup_rstat_flush(cgrp); // error: kfunc-missing
	}
	return 0;
}
