// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel refuses the BTF of this file for one struct; programs that need none of it load all the same. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))

char _license[] SEC("license") = "GPL";

/* A list node and a tree node, and no reference count. */
struct entry {
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
	u64 key;
};

struct fine {
	u64 key;
};

struct guarded {
	struct bpf_spin_lock lock;
	struct task_struct __kptr *task;
	u64 hits;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct guarded);
} guards SEC(".maps");

SEC("tc")
int new_entry_bad(struct __sk_buff *skb)
{
	struct entry *e = bpf_obj_new(struct entry); // error: special-field-decl

	if (e)
		bpf_obj_drop_impl(e, NULL);
	return 0;
}

SEC("tc")
int new_fine_bad(struct __sk_buff *skb)
{
	struct fine *f = bpf_obj_new(struct fine); // error: special-field-decl

	if (f)
		bpf_obj_drop_impl(f, NULL);
	return 0;
}

SEC("tc")
int lock_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	bpf_spin_lock(&g->lock); // error: special-field-decl
	g->hits++;
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_kptr_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);
	struct task_struct *t;

	if (!g)
		return 0;
	t = g->task;
	return t ? t->pid : 0; // error: special-field-decl
}

SEC("tp_btf/task_newtask")
int BPF_PROG(only_compare_kptr_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	return g ? g->task != NULL : 0;
}

SEC("tc")
int count_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (g)
		g->hits++;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(reference_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t)
		bpf_task_release(t);
	return 0;
}
