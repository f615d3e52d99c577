// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Map values: NULL results, kptr fields with bpf_kptr_xchg(), storage. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif

struct slot {
	u64 count;
	struct task_struct __kptr *task;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, int);
	__type(value, u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} per_task SEC(".maps");

int sink;

SEC("tp_btf/task_newtask")
int BPF_PROG(lookup_ok, struct task_struct *task, u64 clone_flags)
{
	int key = task->pid;
	u64 *n = bpf_map_lookup_elem(&counts, &key);

	if (n)
		*n += 1;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(lookup_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	int key = task->pid;
	u64 *n = bpf_map_lookup_elem(&counts, &key);

	*n += 1; // error: unchecked-null
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(lookup_insert_lookup_ok, struct task_struct *task, u64 clone_flags)
{
	int key = task->pid;
	u64 *n, one = 1;

	n = bpf_map_lookup_elem(&counts, &key);
	if (!n) {
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&counts, &key);
		if (!n)
			return 0;
	}
	*n += 1;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(lookup_insert_lookup_bad, struct task_struct *task, u64 clone_flags)
{
	int key = task->pid;
	u64 *n, one = 1;

	n = bpf_map_lookup_elem(&counts, &key);
	if (!n) {
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&counts, &key);
	}
	*n += 1; // error: unchecked-null
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_ok, struct task_struct *task, u64 clone_flags)
{
	u64 *n = bpf_task_storage_get(&per_task, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!n)
		return 0;
	*n = clone_flags;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_of_unchecked_task_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	u64 *n;

	n = bpf_task_storage_get(&per_task, t, NULL, 0); /* this helper tests its task itself */
	if (n)
		sink = *n;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_in_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t, *old;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	old = bpf_kptr_xchg(&s->task, t);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_old_ignored_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	bpf_kptr_xchg(&s->task, t);
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_then_released_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t, *old;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	old = bpf_kptr_xchg(&s->task, t);
	if (old)
		bpf_task_release(old);
	bpf_task_release(t); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_out_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *old;

	if (!s)
		return 0;
	old = bpf_kptr_xchg(&s->task, NULL);
	if (!old)
		return 0;
	sink = old->pid;
	bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_out_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *old;

	if (!s)
		return 0;
	old = bpf_kptr_xchg(&s->task, NULL);
	sink = old->pid; // error: unchecked-null
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_out_and_back_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_kptr_xchg(&s->task, NULL);
	if (!t)
		return 0;
	sink = t->pid;
	t = bpf_kptr_xchg(&s->task, t);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_no_slot_leaks_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task), *old;
	int key = 0;
	struct slot *s;

	if (!t)
		return 0;
	s = bpf_map_lookup_elem(&slots, &key);
	if (!s)
		return 0; // error: unreleased-reference
	old = bpf_kptr_xchg(&s->task, t);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_borrowed_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *old;

	if (!s)
		return 0;
	old = bpf_kptr_xchg(&s->task, task); // error: release-unacquired
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(xchg_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *old;

	if (!s)
		return 0;
	old = bpf_kptr_xchg(&s->task, bpf_task_from_pid(1)); // error: null-argument
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(slot_read_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t, *mine;

	if (!s)
		return 0;
	t = s->task;
	if (!t)
		return 0;
	mine = bpf_task_acquire(t);
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(slot_read_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);

	if (!s)
		return 0;
	sink = s->task->pid; // error: unchecked-null
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(slot_released_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t;

	if (!s)
		return 0;
	t = s->task;
	if (t)
		bpf_task_release(t); // error: untrusted-argument
	return 0;
}

SEC("syscall")
int slot_without_rcu_bad(void *ctx)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t, *mine;

	if (!s)
		return 0;
	t = s->task;
	if (!t)
		return 0;
	mine = bpf_task_acquire(t); // error: not-rcu-argument
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("syscall")
int slot_under_rcu_ok(void *ctx)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *t, *mine = NULL;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	t = s->task;
	if (t)
		mine = bpf_task_acquire(t);
	bpf_rcu_read_unlock();
	if (mine)
		bpf_task_release(mine);
	return 0;
}
