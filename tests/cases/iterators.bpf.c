// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Open-coded iterators: new, next until NULL, destroy on every path, also when new failed. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

int sink;
int limit;

#define __destroyed __attribute__((cleanup(bpf_iter_num_destroy)))

SEC("tp_btf/task_newtask")
int BPF_PROG(sum_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, limit);
	while ((v = bpf_iter_num_next(&it)))
		sink += *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(not_destroyed_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, limit);
	while ((v = bpf_iter_num_next(&it)))
		sink += *v;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(return_inside_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, limit);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == 5)
			return 0; // error: unreleased-reference
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(failed_new_not_destroyed_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;

	if (bpf_iter_num_new(&it, 0, limit))
		return 0; // error: unreleased-reference
	bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(failed_new_destroyed_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	if (bpf_iter_num_new(&it, 0, limit))
		goto out;
	v = bpf_iter_num_next(&it);
	if (v)
		sink = *v;
out:
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(element_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	sink = *v; // error: unchecked-null
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(destroyed_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	bpf_iter_num_destroy(&it); // error: iter-uninit
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(next_before_new_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it = {};
	int *v = bpf_iter_num_next(&it); // error: iter-uninit

	if (v)
		sink = *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(new_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_new(&it, 0, 4); // error: iter-double-init
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(made_again_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	bpf_iter_num_new(&it, 0, 4);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(element_after_destroy_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	if (v)
		sink = *v; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(element_written_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	if (v)
		*v = 1; // error: rdonly-write
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(destroyed_by_cleanup_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it __destroyed;
	int *v;

	bpf_iter_num_new(&it, 0, limit);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == 5)
			return 0;
		sink += *v;
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num rows, cols;
	int *r, *c;

	bpf_iter_num_new(&rows, 0, limit);
	while ((r = bpf_iter_num_next(&rows))) {
		bpf_iter_num_new(&cols, 0, limit);
		while ((c = bpf_iter_num_next(&cols)))
			sink += *r * *c;
		bpf_iter_num_destroy(&cols);
	}
	bpf_iter_num_destroy(&rows);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(nested_inner_break_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num rows, cols;
	int *r, *c;

	bpf_iter_num_new(&rows, 0, limit);
	while ((r = bpf_iter_num_next(&rows))) {
		bpf_iter_num_new(&cols, 0, limit);
		while ((c = bpf_iter_num_next(&cols)))
			sink += *r * *c;
		if (sink & 1)
			break; /* the inner one is still alive */
		bpf_iter_num_destroy(&cols);
	}
	bpf_iter_num_destroy(&rows);
	return 0; // error: unreleased-reference
}

static __noinline int add_up(struct bpf_iter_num *it)
{
	int *v, sum = 0;

	while ((v = bpf_iter_num_next(it)))
		sum += *v;
	return sum;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(stepped_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	sink = add_up(&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tasks_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_task it;
	struct task_struct *p, *kept = NULL;

	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS);
	while ((p = bpf_iter_task_next(&it))) {
		if (p->pid != limit)
			continue;
		kept = bpf_task_acquire(p);
		break;
	}
	bpf_iter_task_destroy(&it);
	if (kept) {
		sink = kept->pid;
		bpf_task_release(kept);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tasks_element_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS);
	p = bpf_iter_task_next(&it);
	if (p)
		bpf_task_release(p); // error: untrusted-argument
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("syscall")
int tasks_under_rcu_ok(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS);
	while ((p = bpf_iter_task_next(&it)))
		sink = p->pid;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int tasks_without_rcu_bad(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS); // error: iter-rcu
	while ((p = bpf_iter_task_next(&it)))
		sink = p->pid;
	bpf_iter_task_destroy(&it);
	return 0;
}
