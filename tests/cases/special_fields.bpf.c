// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Locks, lists, trees, timers and kptrs in map values, global data and objects: what may touch them, and how. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#ifndef __kptr_untrusted
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#endif
#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
#define __contains(type, field) __attribute__((btf_decl_tag("contains:" #type ":" #field)))
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_obj_drop(object) bpf_obj_drop_impl(object, NULL)

char _license[] SEC("license") = "GPL";

struct item {
	u64 key;
	struct bpf_list_node node;
	struct bpf_refcount references;
	u64 value;
};

struct box {
	u64 number;
	struct item __kptr *item;
};

struct table {
	u64 cells[8];
};

struct shelf {
	u64 count;
	struct bpf_spin_lock lock;
	struct bpf_list_head items __contains(item, node);
	struct {
		u64 hits;
		u64 misses;
	} seen;
};

struct guarded {
	struct bpf_spin_lock lock;
	u32 hits;
	char name[16];
};

struct slot {
	struct task_struct __kptr *task;
	struct task_struct __kptr_untrusted *last;
	struct task_struct __kptr *more[2];
	struct item __kptr *item;
	u64 when;
	char name[16];
};

struct delayed {
	struct bpf_timer timer;
	u64 runs;
};

#define HASH(name, T) struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, T); } name SEC(".maps")

HASH(shelves, struct shelf);
HASH(guards, struct guarded);
HASH(slots, struct slot);
HASH(timers, struct delayed);
HASH(numbers, u64);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct guarded);
} cache SEC(".maps");

struct two_locks {
	struct {
		struct bpf_spin_lock lock;
		u32 n;
	} in[2];
};

HASH(pairs, struct two_locks);

struct either {
	union {
		struct bpf_spin_lock lock;
		u32 word;
	};
	u32 n;
};

HASH(eithers, struct either);

struct many {
	struct task_struct __kptr *tasks[12];
};

HASH(crowd, struct many);

private(queue) struct bpf_spin_lock queue_lock;
private(queue) struct bpf_list_head queue __contains(item, node);
private(queue) u64 queue_length;
private(nameless) struct bpf_spin_lock nameless_lock;
private(nameless) struct bpf_list_head nameless;
private(lonely) struct bpf_list_head lonely __contains(item, node);
private(kept) struct task_struct __kptr *kept;

#define LOOKUP(v, m) ({ int __key = bpf_get_prandom_u32() & 7; v = bpf_map_lookup_elem(&m, &__key); if (!v) return 0; })

/* Values of maps. */

SEC("tc")
int count_under_lock_ok(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	bpf_spin_lock(&g->lock);
	g->hits++;
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tc")
int read_lock_word_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	return *(u32 *)&g->lock; // error: special-field-access
}

SEC("tc")
int clear_value_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	__builtin_memset(g, 0, sizeof(*g)); // error: special-field-access
	return 0;
}

SEC("tc")
int assign_value_bad(struct __sk_buff *skb)
{
	struct guarded *g, fresh = {};

	LOOKUP(g, guards);
	fresh.hits = skb->len;
	*g = fresh; // error: special-field-access
	return 0;
}

SEC("tc")
int clear_name_ok(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	g->hits = 0;
	__builtin_memset(g->name, 0, sizeof(g->name));
	return 0;
}

SEC("tc")
int read_two_words_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	return *(u64 *)g != 0; // error: special-field-access
}

SEC("tc")
int write_list_head_bad(struct __sk_buff *skb)
{
	struct shelf *s;

	LOOKUP(s, shelves);
	*(volatile u64 *)&s->items = 0; // error: special-field-access
	return 0;
}

SEC("tc")
int copy_part_of_value_ok(struct __sk_buff *skb)
{
	struct shelf *a, *b;

	LOOKUP(a, shelves);
	LOOKUP(b, shelves);
	a->seen = b->seen;
	return a->count;
}

SEC("tc")
int read_timer_bad(struct __sk_buff *skb)
{
	struct delayed *d;

	LOOKUP(d, timers);
	return *(u64 *)&d->timer != 0; // error: special-field-access
}

SEC("tc")
int count_beside_timer_ok(struct __sk_buff *skb)
{
	struct delayed *d;

	LOOKUP(d, timers);
	d->runs++;
	return 0;
}

/* Global data. */

SEC("tc")
int read_global_lock_bad(struct __sk_buff *skb)
{
	return *(volatile u32 *)&queue_lock; // error: special-field-access
}

SEC("tc")
int count_in_section_ok(struct __sk_buff *skb)
{
	bpf_spin_lock(&queue_lock);
	queue_length++;
	bpf_spin_unlock(&queue_lock);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(store_global_kptr_bad, struct task_struct *task, u64 clone_flags)
{
	kept = NULL; // error: kptr-field
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_global_kptr_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = kept;

	return t ? t->pid : 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_global_kptr_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	return kept->pid; // error: unchecked-null
}

/* Objects. */

SEC("tc")
int set_members_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	u64 sum;

	if (!i)
		return 0;
	i->key = 1;
	i->value = 2;
	sum = i->key + i->value;
	bpf_obj_drop(i);
	return sum;
}

SEC("tc")
int index_object_bad(struct __sk_buff *skb)
{
	struct table *t = bpf_obj_new(struct table);
	u64 sum;

	if (!t)
		return 0;
	sum = t->cells[skb->len & 7]; // error: mem-bounds
	bpf_obj_drop(t);
	return sum;
}

SEC("tc")
int fill_object_ok(struct __sk_buff *skb)
{
	struct table *t = bpf_obj_new(struct table);
	int i;

	if (!t)
		return 0;
	for (i = 0; i < 8; i++)
		t->cells[i] = skb->len;
	bpf_obj_drop(t);
	return 0;
}

SEC("tc")
int read_node_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	u64 word;

	if (!i)
		return 0;
	word = *(volatile u64 *)&i->node; // error: special-field-access
	bpf_obj_drop(i);
	return word != 0;
}

SEC("tc")
int write_refcount_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	*(volatile u32 *)&i->references = 1; // error: special-field-access
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int clear_object_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	__builtin_memset(i, 0, sizeof(*i)); // error: special-field-access
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int read_kptr_of_object_bad(struct __sk_buff *skb)
{
	struct box *b = bpf_obj_new(struct box);
	int full;

	if (!b)
		return 0;
	full = b->item != NULL; // error: special-field-access
	bpf_obj_drop(b);
	return full;
}

SEC("tc")
int exchange_kptr_of_object_ok(struct __sk_buff *skb)
{
	struct box *b = bpf_obj_new(struct box);
	struct item *i;

	if (!b)
		return 0;
	i = bpf_kptr_xchg(&b->item, NULL);
	if (i)
		bpf_obj_drop(i);
	bpf_obj_drop(b);
	return 0;
}

/* kptrs in map values. */

SEC("tp_btf/task_newtask")
int BPF_PROG(empty_by_store_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->task = NULL; // error: kptr-field
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(empty_by_exchange_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	struct slot *s;

	LOOKUP(s, slots);
	old = bpf_kptr_xchg(&s->task, NULL);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(assign_unreferenced_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->last = task;
	s->last = s->task;
	s->last = NULL;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(assign_number_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->last = (void *)clone_flags; // error: kptr-type-mismatch
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(assign_other_type_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->last = (void *)task->mm; // error: kptr-type-mismatch
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(assign_member_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->last = (void *)&task->pid; // error: kptr-type-mismatch
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_half_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	return *(u32 *)&s->task; // error: kptr-field
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_askew_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	return *(u64 *)((void *)s + 4) != 0; // error: kptr-field
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_which_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	struct slot *s;

	LOOKUP(s, slots);
	t = s->more[clone_flags & 1]; // error: kptr-field
	return t != NULL;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_each_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t;
	struct slot *s;
	int i, pid = 0;

	LOOKUP(s, slots);
	for (i = 0; i < 2; i++) {
		t = s->more[i];
		if (t)
			pid += t->pid;
	}
	return pid;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(read_byte_of_name_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s;

	LOOKUP(s, slots);
	return s->name[clone_flags & 15];
}

SEC("tp_btf/task_newtask")
int BPF_PROG(take_one_member_ok, struct task_struct *task, u64 clone_flags)
{
	struct slot *s, mine;

	LOOKUP(s, slots);
	mine = *s;
	return mine.when;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(assign_whole_bad, struct task_struct *task, u64 clone_flags)
{
	struct slot *s, fresh = {};

	LOOKUP(s, slots);
	fresh.when = clone_flags;
	*s = fresh; // error: kptr-field
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(exchange_number_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	struct slot *s;

	LOOKUP(s, slots);
	old = bpf_kptr_xchg(&s->when, NULL); // error: kptr-field
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(exchange_between_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	struct slot *s;

	LOOKUP(s, slots);
	old = bpf_kptr_xchg((void *)s + 4, NULL); // error: kptr-field
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(exchange_in_plain_map_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	u64 *n;

	LOOKUP(n, numbers);
	old = bpf_kptr_xchg(n, NULL); // error: kptr-field
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(exchange_each_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	struct slot *s;
	int i;

	LOOKUP(s, slots);
	for (i = 0; i < 2; i++) {
		old = bpf_kptr_xchg(&s->more[i], NULL);
		if (old)
			bpf_task_release(old);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(write_object_behind_kptr_ok, struct task_struct *task, u64 clone_flags)
{
	struct item *i;
	struct slot *s;

	LOOKUP(s, slots);
	i = s->item;
	if (i)
		i->value = 1;
	return 0;
}

SEC("syscall")
int write_object_outside_rcu_bad(void *ctx)
{
	struct item *i;
	struct slot *s;

	LOOKUP(s, slots);
	i = s->item;
	if (i)
		i->value = 1; // error: kernel-write
	return 0;
}

/* Memory that calls are handed. */

SEC("tc")
int load_over_lock_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	bpf_skb_load_bytes(skb, 0, g, sizeof(*g)); // error: special-field-access
	return 0;
}

SEC("tc")
int load_beside_lock_ok(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	bpf_skb_load_bytes(skb, 0, g->name, sizeof(g->name));
	return 0;
}

SEC("tc")
int load_over_kptr_bad(struct __sk_buff *skb)
{
	struct slot *s;

	LOOKUP(s, slots);
	bpf_skb_load_bytes(skb, 0, &s->last, 8); // error: kptr-field
	return 0;
}

SEC("tc")
int value_of_one_for_another_bad(struct __sk_buff *skb)
{
	struct guarded *g;
	int key = 1;

	LOOKUP(g, guards);
	bpf_map_update_elem(&guards, &key, g, 0); // error: special-field-access
	return 0;
}

SEC("tc")
int value_from_the_stack_ok(struct __sk_buff *skb)
{
	struct guarded fresh = {};
	int key = 1;

	fresh.hits = skb->len;
	bpf_map_update_elem(&guards, &key, &fresh, 0);
	return 0;
}

/* Where a lock is. */

SEC("tc")
int lock_at_start_bad(struct __sk_buff *skb)
{
	struct shelf *s;

	LOOKUP(s, shelves);
	bpf_spin_lock((void *)s); // error: lock-bad-arg
	s->count++;
	bpf_spin_unlock((void *)s);
	return 0;
}

SEC("tc")
int lock_somewhere_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, guards);
	bpf_spin_lock((void *)g + (skb->len & 8)); // error: lock-bad-arg
	bpf_spin_unlock((void *)g + (skb->len & 8));
	return 0;
}

SEC("tc")
int lock_of_object_ok(struct __sk_buff *skb)
{
	struct shelf *s = bpf_obj_new(struct shelf);

	if (!s)
		return 0;
	bpf_spin_lock(&s->lock);
	s->count = 1;
	bpf_spin_unlock(&s->lock);
	bpf_obj_drop(s);
	return 0;
}

SEC("tc")
int lock_of_lockless_object_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock((void *)&i->key); // error: lock-bad-arg
	bpf_spin_unlock((void *)&i->key);
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int lock_global_number_bad(struct __sk_buff *skb)
{
	bpf_spin_lock((void *)&queue_length); // error: lock-bad-arg
	bpf_spin_unlock((void *)&queue_length);
	return 0;
}

/* Declarations that the kernel does not take. */

SEC("tc")
int lock_in_cache_bad(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, cache);
	bpf_spin_lock(&g->lock); // error: special-field-decl
	bpf_spin_unlock(&g->lock);
	return 0;
}

SEC("tc")
int number_in_cache_ok(struct __sk_buff *skb)
{
	struct guarded *g;

	LOOKUP(g, cache);
	g->hits++;
	return *(u32 *)&g->lock;
}

SEC("tc")
int one_of_two_locks_bad(struct __sk_buff *skb)
{
	struct two_locks *t;

	LOOKUP(t, pairs);
	bpf_spin_lock(&t->in[0].lock); // error: special-field-decl
	t->in[0].n++;
	bpf_spin_unlock(&t->in[0].lock);
	return 0;
}

SEC("tc")
int lock_in_union_bad(struct __sk_buff *skb)
{
	struct either *e;

	LOOKUP(e, eithers);
	bpf_spin_lock(&e->lock); // error: lock-bad-arg
	e->n++;
	bpf_spin_unlock(&e->lock);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(one_of_too_many_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *old;
	struct many *m;

	LOOKUP(m, crowd);
	old = bpf_kptr_xchg(&m->tasks[1], NULL); // error: special-field-decl
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tc")
int list_of_nothing_bad(struct __sk_buff *skb)
{
	bpf_spin_lock(&nameless_lock); // error: special-field-decl
	bpf_spin_unlock(&nameless_lock);
	return 0;
}

SEC("tc")
int list_without_lock_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&queue_lock);
	node = bpf_list_pop_front(&lonely); // error: special-field-decl
	bpf_spin_unlock(&queue_lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int list_with_lock_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&queue_lock);
	node = bpf_list_pop_front(&queue);
	bpf_spin_unlock(&queue_lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

/* What programs of some types may not even mention. */

SEC("tracepoint/syscalls/sys_enter_getpid")
int number_beside_list_bad(void *ctx)
{
	queue_length++; // error: special-field-prog-type
	return 0;
}

SEC("socket")
int filter_beside_lock_bad(struct __sk_buff *skb)
{
	return queue_length; // error: special-field-prog-type
}

SEC("tracepoint/syscalls/sys_enter_getpid")
int trace_kptr_map_ok(void *ctx)
{
	struct slot *s;

	LOOKUP(s, slots);
	s->when++;
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpid")
int trace_union_ok(void *ctx)
{
	struct either *e;

	LOOKUP(e, eithers);
	e->n++;
	return 0;
}

SEC("raw_tp/sys_enter")
int trace_timer_bad(void *ctx)
{
	struct delayed *d;

	LOOKUP(d, timers); // error: special-field-prog-type
	d->runs++;
	return 0;
}

SEC("socket")
int filter_timer_ok(struct __sk_buff *skb)
{
	struct delayed *d;

	LOOKUP(d, timers);
	d->runs++;
	return 0;
}
