// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Correct programs that are easily misjudged, each with a faulty neighbour where there is one. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k) __ksym;

char _license[] SEC("license") = "GPL";

#ifndef __arg_trusted
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define put_and_clear(p)                    \
	do {                                \
		if (p)                      \
			bpf_task_release(p); \
		(p) = NULL;                 \
	} while (0)

int sink;
int limit;

struct found {
	struct task_struct *task;
	int err;
};

struct slot {
	int id;
	union {
		struct task_struct *task;
		u64 word;
	};
};

SEC("tp_btf/task_newtask")
int BPF_PROG(constant_on_the_left_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (NULL == t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(double_negation_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!!t == false)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(compared_as_integer_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if ((u64)t == 0)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(switch_on_pointer_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	switch ((u64)t) {
	case 0:
		return 0;
	default:
		sink = t->pid;
	}
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cleared_by_macro_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t && t->pid == limit)
		put_and_clear(t);
	if (t)
		sink = t->pid;
	put_and_clear(t);
	put_and_clear(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tested_twice_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t) {
		if (clone_flags & 1)
			sink = t->pid;
		else
			sink = t->tgid;
	}
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(endless_loop_with_break_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int pid = 1;

	while (1) {
		t = bpf_task_from_pid(pid);
		if (t)
			break;
		if (++pid > 5)
			return 0;
	}
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(endless_loop_two_exits_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	int pid = 1;

	for (;;) {
		t = bpf_task_from_pid(pid);
		if (t && t->tgid == limit)
			break;
		if (++pid > 5)
			return 0; // error: unreleased-reference
		if (t)
			bpf_task_release(t);
	}
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(counted_then_unwound_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[3] = {};
	int n;

	for (n = 0; n < 3; n++) {
		all[n] = bpf_task_from_pid(n + 1);
		if (!all[n])
			break;
	}
	sink = n;
	if (n > 2)
		bpf_task_release(all[2]);
	if (n > 1)
		bpf_task_release(all[1]);
	if (n > 0)
		bpf_task_release(all[0]);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(counted_one_off_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *all[2] = {};
	int n;

	for (n = 0; n < 2; n++) {
		all[n] = bpf_task_from_pid(n + 1);
		if (!all[n])
			break;
	}
	sink = n;
	if (n > 1) {
		bpf_task_release(all[1]);
		bpf_task_release(all[0]);
	}
	return 0; // error: unreleased-reference
}

static __always_inline struct found find(s32 pid)
{
	struct found f = { .task = bpf_task_from_pid(pid) };

	if (!f.task)
		f.err = -3;
	return f;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(struct_returned_ok, struct task_struct *task, u64 clone_flags)
{
	struct found f = find(limit);

	if (f.err)
		return 0;
	sink = f.task->pid;
	bpf_task_release(f.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(struct_returned_bad, struct task_struct *task, u64 clone_flags)
{
	struct found f = find(limit);

	if (!f.err)
		sink = f.task->pid;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(union_member_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot s = { .id = 1 };

	s.task = bpf_task_acquire(task);
	if (!s.word)
		return 0;
	sink = s.task->pid + s.id;
	bpf_task_release(s.task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(volatile_local_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *volatile t = bpf_task_acquire(task);

	if (t) {
		sink = t->pid;
		bpf_task_release(t);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(slots_on_stack_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot slots[2] = { { .id = 1 }, { .id = 2 } }, *s;

	slots[0].task = bpf_task_acquire(task);
	slots[1].task = bpf_task_from_pid(limit);
	for (s = slots; s < slots + 2; s++)
		if (s->task)
			bpf_task_release(s->task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_on_either_arm_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	clone_flags & 1 ? bpf_task_release(t) : bpf_task_release((struct task_struct *)(void *)t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(short_circuit_release_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	t && (bpf_task_release(t), 1) && sink++;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(flag_set_far_away_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	bool have = true;

	if (unlikely(t == NULL))
		have = false;
	for (int i = 0; i < 3; i++)
		sink += i;
	if (have)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(state_machine_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	enum { START, HELD, DONE } state = START;

	for (int step = 0; step < 3; step++) {
		switch (state) {
		case START:
			t = bpf_task_acquire(task);
			state = t ? HELD : DONE;
			break;
		case HELD:
			sink = t->pid;
			bpf_task_release(t);
			state = DONE;
			break;
		case DONE:
			break;
		}
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(state_machine_one_step_short_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;
	enum { START, HELD, DONE } state = START;

	for (int step = 0; step < 1; step++) {
		switch (state) {
		case START:
			t = bpf_task_acquire(task);
			state = t ? HELD : DONE;
			break;
		case HELD:
			sink = t->pid;
			bpf_task_release(t);
			state = DONE;
			break;
		case DONE:
			break;
		}
	}
	sink = state;
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(two_in_one_expression_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a, *b;

	if ((a = bpf_task_acquire(task)) == NULL || (b = bpf_task_from_pid(a->pid)) == NULL)
		goto out;
	sink = b->tgid;
	bpf_task_release(b);
out:
	if (a)
		bpf_task_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(same_object_different_names_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b;

	if (!a)
		return 0;
	b = bpf_task_acquire(a);
	if (b) {
		bpf_task_release(a);
		a = b;
	}
	sink = a->pid;
	bpf_task_release(a);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(replaced_before_release_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b;

	if (!a)
		return 0;
	b = bpf_task_acquire(a);
	if (b)
		a = b; /* forgets to release the one it replaces */
	sink = a->pid;
	bpf_task_release(a);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(shadowed_variable_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = NULL;

	if (clone_flags & 1) {
		struct task_struct *t = bpf_task_acquire(task); /* another t */

		sink = t ? t->pid : 0;
	}
	if (t)
		bpf_task_release(t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(error_or_value_in_one_variable_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	long err = t ? (long)(t->pid & 7) : -1;

	if (err < 0)
		return 0;
	sink = err;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(bits_of_flags_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *a = bpf_task_acquire(task), *b = bpf_task_from_pid(limit);
	u32 held = (a ? 1 : 0) | (b ? 2 : 0);

	sink = held;
	if (a)
		bpf_task_release(a);
	if (b)
		bpf_task_release(b);
	return 0;
}

/* A global function owns nothing that it is passed. */
__noinline int drop_trusted(struct task_struct *t __arg_trusted)
{
	bpf_task_release(t); // error: release-unacquired
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_in_global_function_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	sink = drop_trusted(t);
	bpf_task_release(t);
	return 0;
}

/* and must leave nothing behind. */
__noinline int acquire_and_keep(struct task_struct *t __arg_trusted)
{
	struct task_struct *mine = bpf_task_acquire(t);

	return mine ? 1 : 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquired_in_global_function_bad, struct task_struct *task, u64 clone_flags)
{
	sink = acquire_and_keep(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cast_to_type_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_rdonly_cast(task->last_wakee, bpf_core_type_id_kernel(struct task_struct));

	sink = t->pid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(type_id_from_variable_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_rdonly_cast(task, limit); // error: non-constant-argument

	sink = t->pid;
	return 0;
}
