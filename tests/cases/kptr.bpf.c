// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel pointers and allocated objects in fields of map values and of other objects. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta__ign,
			       u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
#define __contains(type, field) __attribute__((btf_decl_tag("contains:" #type ":" #field)))
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_obj_drop(object) bpf_obj_drop_impl(object, NULL)
#define bpf_refcount_acquire(object) bpf_refcount_acquire_impl(object, NULL)

char _license[] SEC("license") = "GPL";

struct item {
	u64 key;
	u64 value;
};

struct twin {
	u64 key;
	u64 value;
};

struct big_item {
	struct item item;
	u64 more;
};

struct entry {
	struct bpf_rb_node node;
	u64 key;
};

struct shared {
	struct bpf_rb_node node;
	struct bpf_refcount refs;
	u64 key;
};

struct holder {
	u64 key;
	struct task_struct __kptr *task;
};

struct slot {
	u64 count;
	struct task_struct __kptr *task;
	struct task_struct __kptr *second;
	struct cgroup __kptr *cgroup;
	struct bpf_cpumask __kptr *mask;
	struct item __kptr *item;
	struct entry __kptr *entry;
	struct shared __kptr *shared;
	struct holder __kptr *holder;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

private(a) struct bpf_spin_lock lock;
private(a) struct bpf_rb_root entries __contains(entry, node);
private(a) struct bpf_rb_root shareds __contains(shared, node);

u64 sink;
int limit;

/* Types that programs only point to are described in the object's BTF all the same. */
SEC("tc")
int types_ok(struct __sk_buff *skb)
{
	sink = bpf_core_type_id_local(struct item) + bpf_core_type_id_local(struct entry) +
	       bpf_core_type_id_local(struct shared) + bpf_core_type_id_local(struct holder);
	return 0;
}

static struct slot *slot(int key)
{
	return bpf_map_lookup_elem(&slots, &key);
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct entry, node)->key < container_of(b, struct entry, node)->key;
}

static bool less_shared(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct shared, node)->key < container_of(b, struct shared, node)->key;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(keep_task_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	t = bpf_kptr_xchg(&s->task, t);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mask_for_task_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct bpf_cpumask *mask;
	struct task_struct *old;

	if (!s)
		return 0;
	mask = bpf_cpumask_create();
	if (!mask)
		return 0;
	old = bpf_kptr_xchg(&s->task, (void *)mask); // error: kptr-type-mismatch
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_for_cgroup_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;
	struct cgroup *old;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		return 0;
	old = bpf_kptr_xchg(&s->cgroup, (void *)t); // error: kptr-type-mismatch
	if (old)
		bpf_cgroup_release(old);
	return 0;
}

SEC("tc")
int twin_for_item_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct twin *t;
	void *old;

	if (!s)
		return 0;
	t = bpf_obj_new(struct twin);
	if (!t)
		return 0;
	old = bpf_kptr_xchg(&s->item, t); // error: kptr-type-mismatch
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc")
int item_in_big_item_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct big_item *big;
	struct item *old;

	if (!s)
		return 0;
	big = bpf_obj_new(struct big_item);
	if (!big)
		return 0;
	old = bpf_kptr_xchg(&s->item, &big->item); // error: kptr-type-mismatch
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc")
int keep_item_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(skb->len & 7);
	struct item *i;

	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i)
		return 0;
	i->key = skb->len;
	i = bpf_kptr_xchg(&s->item, i);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int keep_item_lost_on_error_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct slot *s;

	if (!i)
		return 0;
	s = slot(skb->len);
	if (!s)
		return 0; // error: unreleased-reference
	i = bpf_kptr_xchg(&s->item, i);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int keep_item_drop_on_error_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct slot *s;

	if (!i)
		return 0;
	s = slot(skb->len);
	if (!s) {
		bpf_obj_drop(i);
		return 0;
	}
	i = bpf_kptr_xchg(&s->item, i);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int old_item_ignored_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i)
		return 0;
	bpf_kptr_xchg(&s->item, i);
	return 0; // error: unreleased-reference
}

SEC("tc")
int new_item_unchecked_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	i = bpf_kptr_xchg(&s->item, i); // error: null-argument
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(new_task_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_task_acquire(task);
	t = bpf_kptr_xchg(&s->task, t); // error: null-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_without_reference_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_kptr_xchg(&s->task, task); // error: release-unacquired
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tc")
int given_away_and_used_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i, *old;

	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i)
		return 0;
	old = bpf_kptr_xchg(&s->item, i);
	if (old)
		bpf_obj_drop(old);
	sink = i->key; // error: use-after-release
	return 0;
}

SEC("tc")
int given_away_and_dropped_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i, *old;

	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i)
		return 0;
	old = bpf_kptr_xchg(&s->item, i);
	if (old)
		bpf_obj_drop(old);
	else
		bpf_obj_drop(i); // error: double-release
	return 0;
}

SEC("tc")
int swap_fields_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0), *d = slot(1);
	struct item *i;

	if (!s || !d)
		return 0;
	i = bpf_kptr_xchg(&s->item, NULL);
	if (!i)
		return 0;
	i->value++;
	i = bpf_kptr_xchg(&d->item, i);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(shift_tasks_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = bpf_kptr_xchg(&s->task, NULL);
	if (!t)
		return 0;
	t = bpf_kptr_xchg(&s->second, t);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tc")
int read_in_place_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = s->item;
	if (i)
		sink = i->value;
	return 0;
}

SEC("tc")
int read_in_place_unchecked_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);

	if (!s)
		return 0;
	sink = s->item->value; // error: unchecked-null
	return 0;
}

SEC("tc")
int drop_in_place_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = s->item;
	if (i)
		bpf_obj_drop(i); // error: owning-ref-required
	return 0;
}

SEC("tc")
int put_back_what_was_read_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0), *d = slot(1);
	struct task_struct *t;

	if (!s || !d)
		return 0;
	t = s->task;
	if (!t)
		return 0;
	t = bpf_kptr_xchg(&d->task, t); // error: release-unacquired
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquire_what_was_read_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = s->task;
	if (!t)
		return 0;
	t = bpf_task_acquire(t);
	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(release_what_was_read_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = s->task;
	if (t)
		bpf_task_release(t); // error: untrusted-argument
	return 0;
}

SEC("syscall")
int sleepable_acquire_bad(void *ctx)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	t = s->task;
	if (!t)
		return 0;
	t = bpf_task_acquire(t); // error: not-rcu-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("syscall")
int sleepable_acquire_under_rcu_ok(void *ctx)
{
	struct slot *s = slot(0);
	struct task_struct *t;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	t = s->task;
	if (t)
		t = bpf_task_acquire(t);
	bpf_rcu_read_unlock();
	if (!t)
		return 0;
	sink = t->pid;
	bpf_task_release(t);
	return 0;
}

SEC("syscall")
int sleepable_read_ok(void *ctx)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = s->item;
	if (i)
		sink = i->key;
	return 0;
}

SEC("syscall")
int sleepable_write_bad(void *ctx)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = s->item;
	if (i)
		i->key = 1; // error: kernel-write
	return 0;
}

SEC("tc")
int write_in_place_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct item *i;

	if (!s)
		return 0;
	i = s->item;
	if (i)
		i->key = skb->len;
	return 0;
}

SEC("tc")
int entry_from_tree_to_map_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct bpf_rb_node *node;
	struct entry *e;

	if (!s)
		return 0;
	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&entries);
	if (node)
		node = bpf_rbtree_remove(&entries, node);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	e = container_of(node, struct entry, node);
	e = bpf_kptr_xchg(&s->entry, e);
	if (e)
		bpf_obj_drop(e);
	return 0;
}

SEC("tc")
int entry_from_map_to_tree_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct entry *e;

	if (!s)
		return 0;
	e = bpf_kptr_xchg(&s->entry, NULL);
	if (!e)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add_impl(&entries, &e->node, less, NULL, 0);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int entry_read_and_inserted_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct entry *e;

	if (!s)
		return 0;
	e = s->entry;
	if (!e)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add_impl(&entries, &e->node, less, NULL, 0); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int shared_in_map_and_tree_ok(struct __sk_buff *skb)
{
	struct shared *sh = bpf_obj_new(struct shared), *more;
	struct slot *s;

	if (!sh)
		return 0;
	s = slot(0);
	if (!s) {
		bpf_obj_drop(sh);
		return 0;
	}
	more = bpf_refcount_acquire(sh);
	bpf_spin_lock(&lock);
	bpf_rbtree_add_impl(&shareds, &sh->node, less_shared, NULL, 0);
	bpf_spin_unlock(&lock);
	more = bpf_kptr_xchg(&s->shared, more);
	if (more)
		bpf_obj_drop(more);
	return 0;
}

SEC("tc")
int shared_reference_of_read_ok(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct shared *sh;

	if (!s)
		return 0;
	sh = s->shared;
	if (!sh)
		return 0;
	sh = bpf_refcount_acquire(sh);
	if (!sh)
		return 0;
	sink = sh->key;
	bpf_obj_drop(sh);
	return 0;
}

SEC("tc")
int shared_reference_unchecked_bad(struct __sk_buff *skb)
{
	struct slot *s = slot(0);
	struct shared *sh;

	if (!s)
		return 0;
	sh = s->shared;
	if (!sh)
		return 0;
	sh = bpf_refcount_acquire(sh);
	bpf_obj_drop(sh); // error: null-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_in_object_ok, struct task_struct *task, u64 clone_flags)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct task_struct *t;
	struct slot *s;

	if (!h)
		return 0;
	t = bpf_task_acquire(task);
	if (!t)
		goto drop;
	t = bpf_kptr_xchg(&h->task, t);
	if (t)
		bpf_task_release(t);
	s = slot(0);
	if (!s)
		goto drop;
	h = bpf_kptr_xchg(&s->holder, h);
	if (!h)
		return 0;
drop:
	bpf_obj_drop(h);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_of_object_lost_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct task_struct *t;
	struct holder *h;

	if (!s)
		return 0;
	h = bpf_kptr_xchg(&s->holder, NULL);
	if (!h)
		return 0;
	t = bpf_kptr_xchg(&h->task, NULL);
	bpf_obj_drop(h);
	return t != NULL; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(mask_for_task_of_object_bad, struct task_struct *task, u64 clone_flags)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct bpf_cpumask *mask;
	struct task_struct *old;

	if (!h)
		return 0;
	mask = bpf_cpumask_create();
	if (mask) {
		old = bpf_kptr_xchg(&h->task, (void *)mask); // error: kptr-type-mismatch
		if (old)
			bpf_task_release(old);
	}
	bpf_obj_drop(h);
	return 0;
}

static struct task_struct *swap(struct slot *s, struct task_struct *t)
{
	return bpf_kptr_xchg(&s->task, t);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(swap_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(limit);
	struct slot *s = slot(0);

	if (t && s)
		t = swap(s, t);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(clear_all_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s = slot(0);
	struct bpf_cpumask *mask;
	struct task_struct *t;
	struct cgroup *c;
	struct item *i;

	if (!s)
		return 0;
	t = bpf_kptr_xchg(&s->task, NULL);
	if (t)
		bpf_task_release(t);
	c = bpf_kptr_xchg(&s->cgroup, NULL);
	if (c)
		bpf_cgroup_release(c);
	mask = bpf_kptr_xchg(&s->mask, NULL);
	if (mask)
		bpf_cpumask_release(mask);
	i = bpf_kptr_xchg(&s->item, NULL);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(keep_cgroup_ok, struct task_struct *task, u64 clone_flags)
{
	struct cgroup *c = bpf_cgroup_from_id(limit), *old;
	struct slot *s = slot(0);

	if (!c)
		return 0;
	if (s) {
		old = bpf_kptr_xchg(&s->cgroup, c);
		c = old;
	}
	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(update_over_kptrs_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot fresh = { .count = 1 };
	int key = 0;

	bpf_map_update_elem(&slots, &key, &fresh, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_enter")
int count_beside_kptr_ok(void *ctx)
{
	struct slot *s = slot(0);

	if (s)
		s->count++;
	return 0;
}

struct guarded {
	struct bpf_spin_lock lock;
	u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct guarded);
} guardeds SEC(".maps");

SEC("raw_tp/sys_enter")
int count_beside_lock_bad(void *ctx)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guardeds, &key); // error: special-field-prog-type

	if (g)
		g->count++;
	return 0;
}

SEC("tp_btf/sys_enter")
int count_beside_lock_ok(void *ctx)
{
	int key = 0;
	struct guarded *g = bpf_map_lookup_elem(&guardeds, &key);

	if (g)
		g->count++;
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpid")
int tree_in_tracepoint_bad(void *ctx)
{
	bpf_spin_lock(&lock); // error: special-field-prog-type
	sink++;
	bpf_spin_unlock(&lock);
	return 0;
}
