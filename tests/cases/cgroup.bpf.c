// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cgroup references: acquire, ancestor, from_id; cgroups together with tasks. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern struct cgroup *bpf_task_get_cgroup1(struct task_struct *task, int hierarchy_id) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
u64 wanted;

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(acquire_release_ok, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_acquire(cgrp);

	if (!c)
		return 0;
	sink = c->level;
	bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(climb_ok, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_ancestor(cgrp, 1), *up;

	if (!c)
		return 0;
	up = bpf_cgroup_ancestor(c, 0);
	bpf_cgroup_release(c);
	if (!up)
		return 0;
	sink = up->level;
	bpf_cgroup_release(up);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(climb_same_variable_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_ancestor(cgrp, 2);

	if (!c)
		return 0;
	c = bpf_cgroup_ancestor(c, 1); /* the lower one has no name any more */
	if (c)
		bpf_cgroup_release(c);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(climb_unchecked_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *up = bpf_cgroup_ancestor(bpf_cgroup_from_id(wanted), 0); // error: null-argument

	if (up)
		bpf_cgroup_release(up);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(from_id_ok, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_from_id(cgrp->kn->id);

	if (c) {
		sink = c == cgrp;
		bpf_cgroup_release(c);
	}
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(from_id_deref_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_from_id(wanted);

	sink = c->level; // error: unchecked-null
	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(borrowed_released_bad, struct cgroup *cgrp, const char *path)
{
	sink = cgrp->level;
	bpf_cgroup_release(cgrp); // error: release-unacquired
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(walked_dfl_ok, struct cgroup *cgrp, const char *path)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct cgroup *c = bpf_cgroup_acquire(cur->cgroups->dfl_cgrp);

	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(walked_plain_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_acquire(cgrp->dom_cgrp); // error: not-rcu-argument

	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(two_kinds_ok, struct cgroup *cgrp, const char *path)
{
	struct task_struct *t = bpf_task_from_pid(1);
	struct cgroup *c = bpf_cgroup_acquire(cgrp);

	if (t && c)
		sink = bpf_task_under_cgroup(t, c);
	if (c)
		bpf_cgroup_release(c);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(two_kinds_task_lost_bad, struct cgroup *cgrp, const char *path)
{
	struct task_struct *t = bpf_task_from_pid(1);
	struct cgroup *c;

	if (!t)
		return 0;
	c = bpf_cgroup_acquire(cgrp);
	if (!c)
		return 0; // error: unreleased-reference
	sink = bpf_task_under_cgroup(t, c);
	bpf_cgroup_release(c);
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(released_as_task_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_acquire(cgrp);

	if (c)
		bpf_task_release((struct task_struct *)c); // error: argument-type-mismatch
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup1_ok, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_task_get_cgroup1(bpf_get_current_task_btf(), 1);

	if (!c)
		return 0;
	sink = c->level;
	bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup1_early_return_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_task_get_cgroup1(bpf_get_current_task_btf(), 1);

	if (!c || c->level > 3)
		return 0; // error: unreleased-reference
	bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(climb_in_loop_ok, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c;

	for (int level = 0; level < 4; level++) {
		c = bpf_cgroup_ancestor(cgrp, level);
		if (!c)
			break;
		sink += c->level;
		bpf_cgroup_release(c);
	}
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(climb_in_loop_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c;

	for (int level = 0; level < 4; level++) {
		c = bpf_cgroup_ancestor(cgrp, level);
		if (!c)
			break;
		if (c->max_depth == 7)
			break;
		bpf_cgroup_release(c);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(stack_cgroup_bad, struct cgroup *cgrp, const char *path)
{
	u64 fake[2] = { wanted, 1 };
	struct cgroup *c = bpf_cgroup_acquire((struct cgroup *)fake); // error: not-kernel-pointer

	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(pointer_as_level_bad, struct cgroup *cgrp, const char *path)
{
	struct cgroup *c = bpf_cgroup_ancestor(cgrp, (long)cgrp); // error: scalar-argument

	if (c)
		bpf_cgroup_release(c);
	return 0;
}
