// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Task references acquired inside loops: for, while, do-while, goto loops, iterators; continue and break. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

char _license[] SEC("license") = "GPL";

/* A numeric loop that the verifier need not unroll; the iterator is destroyed however the loop is left. */
#define each_number(i, from, to)                                                                        \
	for (struct bpf_iter_num _it __attribute__((cleanup(bpf_iter_num_destroy))),                    \
	     *_once = (bpf_iter_num_new(&_it, (from), (to)), (void)bpf_iter_num_destroy, (void *)0);     \
	     ({ int *_n = bpf_iter_num_next(&_it); (void)_once; _n ? (i = *_n, 1) : 0; });)

int sink;
int limit;

SEC("tp_btf/task_newtask")
int BPF_PROG(for_balanced_ok, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (!t)
			continue;
		sink += t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(for_no_release_bad, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (t)
			sink += t->pid;
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(for_continue_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (!t)
			continue;
		if (t->pid == limit)
			continue;
		bpf_task_release(t);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(for_break_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (!t)
			continue;
		if (t->pid == limit)
			break;
		bpf_task_release(t);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(for_break_holds_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	for (int i = 1; i < 8; i++) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (t->pid == limit)
			break;
		bpf_task_release(t);
		t = NULL;
	}
	if (t) {
		sink = t->tgid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(for_break_stale_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	for (int i = 1; i < 8; i++) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (t->pid == limit)
			break;
		bpf_task_release(t); /* t still points there when the loop ends */
	}
	if (t)
		sink = t->tgid; // error: use-after-release
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(return_inside_loop_ok, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (t) {
			sink = t->pid;
			bpf_task_release(t);
			if (sink == limit)
				return 0;
		}
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(return_inside_loop_bad, struct task_struct *task, u64 clone_flags)
{
	for (int i = 1; i < 8; i++) {
		struct task_struct *t = bpf_task_from_pid(i);

		if (t) {
			sink = t->pid;
			if (clone_flags & (1 << i)) {
				if (sink == limit)
					return 0; // error: unreleased-reference
			}
			bpf_task_release(t);
		}
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(while_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int pid = 1;

	while (pid < 6 && (t = bpf_task_from_pid(pid))) {
		sink += t->pid;
		bpf_task_release(t);
		pid++;
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(while_condition_order_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int pid = 1;

	while ((t = bpf_task_from_pid(pid)) && pid < 6) {
		sink += t->pid;
		bpf_task_release(t);
		pid++;
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(do_while_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int n = 0;

	do {
		t = bpf_task_from_pid(n + 1);
		if (!t)
			break;
		sink += t->pid;
		bpf_task_release(t);
	} while (++n < 5);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(do_while_last_one_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	int n = 0;

	do {
		if (t)
			bpf_task_release(t);
		t = bpf_task_from_pid(n + 1);
	} while (++n < 5);
	sink = n;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(do_while_last_one_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	int n = 0;

	do {
		if (t)
			bpf_task_release(t);
		t = bpf_task_from_pid(n + 1);
	} while (++n < 5);
	sink = n;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(goto_loop_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int tries = 0;

again:
	t = bpf_task_from_pid(tries + 1);
	if (!t) {
		if (++tries < 4)
			goto again;
		return 0;
	}
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(goto_retry_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int tries = 0;

again:
	t = bpf_task_from_pid(tries + 1);
	if (t && t->pid != limit && ++tries < 4)
		goto again;
	if (t)
		bpf_task_release(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(collected_then_released_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[4] = {};

	for (int i = 0; i < 4; i++)
		all[i] = bpf_task_from_pid(i + 1);
	for (int i = 3; i >= 0; i--)
		if (all[i]) {
			sink += all[i]->pid;
			bpf_task_release(all[i]);
		}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(collected_first_overwritten_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[2] = {};

	for (int i = 0; i < 3; i++)
		all[i & 1] = bpf_task_from_pid(i + 1);
	for (int i = 0; i < 2; i++)
		if (all[i])
			bpf_task_release(all[i]);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(each_number_balanced_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int i;

	each_number(i, 1, 100) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (t->pid == limit) {
			bpf_task_release(t);
			break;
		}
		sink += t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(each_number_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int i;

	each_number(i, 1, 100) {
		t = bpf_task_from_pid(i);
		if (t)
			sink += t->pid;
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(each_number_break_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int i;

	each_number(i, 1, 100) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (t->pid == limit)
			break;
		bpf_task_release(t);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(each_number_keeps_best_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *best = NULL, *t;
	int i;

	each_number(i, 1, 100) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (!best || t->pid > 1000) {
			if (best)
				bpf_task_release(best);
			best = t;
		} else {
			bpf_task_release(t);
		}
	}
	if (best)
		bpf_task_release(best);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(each_number_best_overwritten_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *best = NULL, *t;
	int i;

	each_number(i, 1, 100) {
		t = bpf_task_from_pid(i);
		if (!t)
			continue;
		if (!best || t->pid > 1000)
			best = t;
		else
			bpf_task_release(t);
	}
	if (best)
		bpf_task_release(best);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(held_across_loop_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	int i;

	if (!t)
		return 0;
	each_number(i, 0, limit) {
		sink += t->pid + i;
	}
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_each_turn_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	for (int i = 0; i < 3; i++) {
		sink += i;
		bpf_task_release(t); // error: double-release
	}
	return 0;
}
