// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Task references across functions: static helpers that acquire, check or release, nested three deep, inlined or
 * not; global functions, which are verified alone; callbacks of bpf_loop().
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

#ifndef __arg_trusted
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#endif
#ifndef __arg_nullable
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#endif

int sink;
int limit;

static struct task_struct *get(s32 pid)
{
	return bpf_task_from_pid(pid);
}

static __noinline struct task_struct *get_apart(s32 pid)
{
	struct task_struct *t = bpf_task_from_pid(pid);

	if (!t)
		sink++;
	return t;
}

static void put(struct task_struct *t)
{
	if (t)
		bpf_task_release(t);
}

static __noinline int put_apart(struct task_struct *t)
{
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

static __always_inline int usable(struct task_struct *t)
{
	return t != NULL;
}

static __noinline int acquire_into(struct task_struct *from, struct task_struct **out)
{
	*out = bpf_task_acquire(from);
	return *out ? 0 : -1;
}

static struct task_struct *third(s32 pid)
{
	return bpf_task_from_pid(pid + 1);
}

static struct task_struct *second(s32 pid)
{
	struct task_struct *t = third(pid);

	if (t && t->pid == limit) {
		bpf_task_release(t);
		return NULL;
	}
	return t;
}

static struct task_struct *first(s32 pid)
{
	return pid > 1 ? second(pid) : NULL;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquired_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = get(task->pid);

	if (t) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquired_in_helper_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = get(task->pid);

	sink = t ? 1 : 0;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(helper_result_ignored_bad, struct task_struct *task, u64 clone_flags)
{
	get_apart(task->pid);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(helper_result_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = get_apart(task->pid);

	sink = t->pid; // error: unchecked-null
	put(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	put(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_by_many_callers_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = get(1), *c = get_apart(2);

	if (clone_flags & 1) {
		put(c);
		put(b);
		put(a);
		return 0;
	}
	put(a);
	put(b);
	put(c);
	put(NULL);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(used_after_helper_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	put_apart(t);
	sink = t->pid; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_apart_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = get_apart(task->pid);

	if (t)
		put_apart(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(checked_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!usable(t))
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(out_parameter_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if (acquire_into(task, &t))
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(out_parameter_result_ignored_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	acquire_into(task, &t);
	sink = t->pid; // error: unchecked-null
	put(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(out_parameter_leak_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;

	if (acquire_into(task, &t) < 0)
		return 0;
	sink = t->pid;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(three_deep_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = first(task->pid);

	if (!t)
		return 0;
	sink = t->pid;
	put(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(three_deep_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = first(task->pid);

	if (!t)
		return 0;
	if (t->tgid == limit)
		return 0; // error: unreleased-reference
	put(t);
	return 0;
}

static __always_inline int drop_and_count(struct task_struct *t, int n)
{
	bpf_task_release(t);
	return n + 1;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dropped_inside_expression_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task), *u = get(1);

	if (t)
		sink = t->pid + (u ? drop_and_count(u, u->pid) : 0) + drop_and_count(t, 1);
	else if (u)
		sink = drop_and_count(u, 0);
	return 0;
}

/* A global function is verified alone, with the arguments its prototype promises. */
__noinline int read_trusted(struct task_struct *t __arg_trusted)
{
	sink = t->pid;
	return t->tgid;
}

__noinline int acquire_trusted(struct task_struct *t __arg_trusted)
{
	struct task_struct *mine = bpf_task_acquire(t);

	if (!mine)
		return -1;
	bpf_task_release(mine);
	return 0;
}

__noinline int read_if_there(struct task_struct *t __arg_trusted __arg_nullable)
{
	if (!t)
		return -1;
	return t->pid;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(global_reader_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	sink = read_trusted(t) + acquire_trusted(t) + read_if_there(t) + read_if_there(NULL);
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(global_reader_leaves_ref_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	sink = read_trusted(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(global_reader_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	sink = read_trusted(t); // error: null-argument
	put(t);
	return 0;
}

struct loop_state {
	struct task_struct *task;
	int count;
};

static int count_cb(u64 index, struct loop_state *s)
{
	if (s->task)
		s->count += s->task->pid;
	return 0;
}

static int release_cb(u64 index, struct loop_state *s)
{
	if (s->task)
		bpf_task_release(s->task);
	s->task = NULL;
	return 1;
}

static int balanced_cb(u64 index, void *unused)
{
	struct task_struct *t = bpf_task_from_pid(index);

	if (t) {
		sink += t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(callback_reads_ok, struct task_struct *task, u64 clone_flags)
{
	struct loop_state s = { .task = bpf_task_acquire(task) };

	bpf_loop(3, count_cb, &s, 0);
	sink = s.count;
	if (s.task)
		bpf_task_release(s.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(callback_balanced_ok, struct task_struct *task, u64 clone_flags)
{
	bpf_loop(4, balanced_cb, NULL, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(callback_result_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	struct loop_state s = { .task = bpf_task_acquire(task) };

	bpf_loop(3, count_cb, &s, 0);
	sink = s.count;
	return 0; // error: unreleased-reference
}

/* Since 6.14 a callback may release its caller's reference, if every number of turns leaves the books balanced. */
SEC("tp_btf/task_newtask")
int BPF_PROG(callback_releases_ok, struct task_struct *task, u64 clone_flags)
{
	struct loop_state s = { .task = bpf_task_acquire(task) };

	bpf_loop(1, release_cb, &s, 0);
	if (s.task)
		bpf_task_release(s.task);
	return 0;
}

static int acquire_cb(u64 index, struct loop_state *s)
{
	s->task = bpf_task_from_pid(limit);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(callback_acquires_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct loop_state s = {};

	bpf_loop(2, acquire_cb, &s, 0);
	if (s.task)
		bpf_task_release(s.task);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(callback_acquires_for_caller_ok, struct task_struct *task, u64 clone_flags)
{
	struct loop_state s = {};

	bpf_loop(1, acquire_cb, &s, 0);
	if (s.task)
		bpf_task_release(s.task);
	return 0;
}
