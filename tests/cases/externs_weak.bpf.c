// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Needs libbpf 1.3 for flavours: weak externs that are there, that were removed, and that fit no kernel. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef bpf_ksym_exists
#define bpf_ksym_exists(sym) (!!(sym))
#endif

char _license[] SEC("license") = "GPL";

extern void cgroup_rstat_updated(struct cgroup *cgrp, int cpu) __weak __ksym;
extern void cgroup_rstat_updated___old(struct cgroup *cgrp, int cpu) __weak __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __weak __ksym;
extern void bpf_task_release(struct task_struct *p) __weak __ksym;
extern struct task_struct *bpf_task_from_pid___here(s32 pid) __weak __ksym;
extern struct task_struct *bpf_task_from_pid___wide(s32 pid, u64 flags) __weak __ksym; // warning: weak-kfunc-signature
extern struct cgroup *bpf_cgroup_from_id(u64 cgid, u64 flags) __weak __ksym; // warning: weak-kfunc-signature
extern void bpf_cgroup_release(void *cgrp) __weak __ksym;

int known;

static bool has_updated(void)
{
	return bpf_ksym_exists(cgroup_rstat_updated);
}


SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(guarded_ok, struct cgroup *cgrp)
{
	if (bpf_ksym_exists(cgroup_rstat_updated))
		cgroup_rstat_updated(cgrp, 0);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(early_return_ok, struct cgroup *cgrp)
{
	if (!cgroup_rstat_updated)
		return 0;
	cgroup_rstat_updated(cgrp, 0);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(asked_by_a_function_ok, struct cgroup *cgrp)
{
	if (has_updated() && cgrp)
		cgroup_rstat_updated(cgrp, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(leak_on_a_dead_path_ok, struct task_struct *task)
{
	struct task_struct *held;

	if (bpf_ksym_exists(cgroup_rstat_updated)) {
		held = bpf_task_acquire(task);
		known = held != NULL;
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(flavour_that_is_there_ok, struct task_struct *task)
{
	struct task_struct *other;

	if (!bpf_ksym_exists(bpf_task_from_pid___here))
		return 0;
	other = bpf_task_from_pid___here(1);
	if (other)
		bpf_task_release(other);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(not_asked_for_what_is_there_ok, struct task_struct *task)
{
	struct task_struct *held = bpf_task_acquire(task);

	if (held)
		bpf_task_release(held);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(not_asked_bad, struct cgroup *cgrp)
{
	cgroup_rstat_updated(cgrp, 0); // error: unguarded-kfunc
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(asked_the_other_way_round_bad, struct cgroup *cgrp)
{
	if (!bpf_ksym_exists(cgroup_rstat_updated))
		cgroup_rstat_updated(cgrp, 0); // error: unguarded-kfunc
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(remembered_in_memory_bad, struct cgroup *cgrp)
{
	if (known)
		cgroup_rstat_updated___old(cgrp, 0); // error: unguarded-kfunc
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(in_a_function_bad, struct cgroup *cgrp)
{
	bool there = bpf_ksym_exists(cgroup_rstat_updated);

	if (!there)
		cgroup_rstat_updated(cgrp, 1); // error: unguarded-kfunc
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(leak_where_it_is_there_bad, struct task_struct *task)
{
	struct task_struct *held;

	if (bpf_ksym_exists(bpf_task_acquire)) {
		held = bpf_task_acquire(task);
		known = held != NULL;
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(never_found_warn, struct cgroup *cgrp)
{
	struct cgroup *other;

	if (!bpf_ksym_exists(bpf_cgroup_from_id))
		return 0;
	other = bpf_cgroup_from_id(1, 0);
	known = other != NULL;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(flavour_of_no_kernel_warn, struct task_struct *task)
{
	struct task_struct *other;

	if (bpf_ksym_exists(bpf_task_from_pid___wide)) {
		other = bpf_task_from_pid___wide(1, 0);
		known = other != NULL;
	}
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(wrongly_declared_and_not_asked_bad, struct cgroup *cgrp)
{
	bpf_cgroup_release(cgrp); // error: unguarded-kfunc
	return 0;
}
