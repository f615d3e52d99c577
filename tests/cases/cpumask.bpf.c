// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CPU masks: bpf_cpumask_create() may fail, bpf_cpumask_acquire() cannot; read-only masks are plain struct cpumask. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __ksym;
extern u32 bpf_cpumask_first(const struct cpumask *cpumask) __ksym;
extern bool bpf_cpumask_and(struct bpf_cpumask *dst, const struct cpumask *src1, const struct cpumask *src2) __ksym;
extern void bpf_cpumask_copy(struct bpf_cpumask *dst, const struct cpumask *src) __ksym;

char _license[] SEC("license") = "GPL";

int sink;

#define mask_of(m) ((const struct cpumask *)(m))

SEC("tp_btf/task_newtask")
int BPF_PROG(create_release_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	bpf_cpumask_set_cpu(1, m);
	sink = bpf_cpumask_first(mask_of(m));
	bpf_cpumask_release(m);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(create_leak_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	bpf_cpumask_set_cpu(1, m);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(create_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	bpf_cpumask_set_cpu(1, m); // error: null-argument
	if (m)
		bpf_cpumask_release(m);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(second_create_fails_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a, *b;

	a = bpf_cpumask_create();
	if (!a)
		return 0;
	b = bpf_cpumask_create();
	if (!b)
		return 0; // error: unreleased-reference
	bpf_cpumask_and(a, mask_of(b), task->cpus_ptr);
	bpf_cpumask_release(b);
	bpf_cpumask_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(four_masks_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m[4] = {};
	int n;

	for (n = 0; n < 4; n++) {
		m[n] = bpf_cpumask_create();
		if (!m[n])
			goto out;
		bpf_cpumask_set_cpu(n, m[n]);
	}
	bpf_cpumask_and(m[0], mask_of(m[1]), mask_of(m[2]));
	bpf_cpumask_copy(m[3], mask_of(m[0]));
out:
	for (n = 0; n < 4; n++)
		if (m[n])
			bpf_cpumask_release(m[n]);
	return 0;
}

static struct bpf_cpumask *new_mask(u32 cpu)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (m)
		bpf_cpumask_set_cpu(cpu, m);
	return m;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(made_by_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a = new_mask(0), *b = new_mask(1);

	if (!a || !b)
		goto out;
	sink = bpf_cpumask_and(a, mask_of(a), mask_of(b));
out:
	if (a)
		bpf_cpumask_release(a);
	if (b)
		bpf_cpumask_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_only_mask_ok, struct task_struct *task, u64 clone_flags)
{
	sink = bpf_cpumask_test_cpu(0, task->cpus_ptr);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_only_mask_acquired_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_acquire((struct bpf_cpumask *)task->cpus_ptr); // error: untrusted-argument

	bpf_cpumask_release(m);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_only_mask_written_bad, struct task_struct *task, u64 clone_flags)
{
	bpf_cpumask_set_cpu(0, (struct bpf_cpumask *)task->cpus_ptr); // error: argument-type-mismatch
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(second_reference_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b;

	if (!a)
		return 0;
	b = bpf_cpumask_acquire(a);
	bpf_cpumask_release(a);
	bpf_cpumask_set_cpu(2, b);
	bpf_cpumask_release(b);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(second_reference_leak_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b;

	if (!a)
		return 0;
	b = bpf_cpumask_acquire(a);
	bpf_cpumask_release(a);
	bpf_cpumask_set_cpu(2, b);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(two_names_two_references_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b;

	if (!a)
		return 0;
	b = bpf_cpumask_acquire(a);
	bpf_cpumask_release(b);
	bpf_cpumask_release(a);
	bpf_cpumask_release(b); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dead_test_hides_leak_warn, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b;

	if (!a)
		return 0;
	b = bpf_cpumask_acquire(a);
	if (!b) // warning: dead-null-test
		return 0;
	bpf_cpumask_release(b);
	bpf_cpumask_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_mask_used_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	bpf_cpumask_release(m);
	sink = bpf_cpumask_test_cpu(1, mask_of(m)); // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(member_of_mask_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	sink = bpf_cpumask_first(&m->cpumask);
	bpf_cpumask_release(m);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(pointer_for_cpu_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	bpf_cpumask_set_cpu((unsigned long)m, m); // error: scalar-argument
	bpf_cpumask_release(m);
	return 0;
}

SEC("xdp")
int mask_in_xdp_bad(struct xdp_md *ctx)
{
	struct bpf_cpumask *m = bpf_cpumask_create(); // error: kfunc-not-allowed

	if (m)
		bpf_cpumask_release(m); // error: kfunc-not-allowed
	return XDP_PASS;
}

/* struct cpumask holds nothing but numbers: where the kernel does not ask for a trusted one, memory will do. */
SEC("tp_btf/task_newtask")
int BPF_PROG(mask_on_stack_ok, struct task_struct *task, u64 clone_flags)
{
	u64 bits[sizeof(struct cpumask) / 8 + 1] = { clone_flags };

	sink = bpf_cpumask_first((struct cpumask *)bits);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mask_on_stack_written_ok, struct task_struct *task, u64 clone_flags)
{
	u64 bits[sizeof(struct bpf_cpumask) / 8 + 1] = { clone_flags };

	bpf_cpumask_set_cpu(1, (struct bpf_cpumask *)bits);
	sink = bits[0];
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mask_on_stack_released_bad, struct task_struct *task, u64 clone_flags)
{
	u64 bits[sizeof(struct bpf_cpumask) / 8 + 1] = { clone_flags };

	bpf_cpumask_release((struct bpf_cpumask *)bits); // error: release-unacquired
	return 0;
}
