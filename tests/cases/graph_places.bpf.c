// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lists and trees: where heads and nodes may be, maps in maps, what comparisons may do, nodes that go into kptrs. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta__ign,
			       u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
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
#define bpf_list_push_back(head, node) bpf_list_push_back_impl(head, node, NULL, 0)
#define bpf_rbtree_add(root, node, less) bpf_rbtree_add_impl(root, node, less, NULL, 0)

char _license[] SEC("license") = "GPL";

struct item {
	u64 key;
	struct bpf_rb_node in_tree;
	struct bpf_list_node in_list;
	struct bpf_refcount references;
	u64 value;
};

struct shelf {
	u64 count;
	struct bpf_spin_lock lock;
	struct bpf_list_head items __contains(item, in_list);
};

struct slot {
	struct item __kptr *item;
};

struct shelf_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, struct shelf);
} shelves SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, int);
	__array(values, struct shelf_map);
} rooms SEC(".maps") = { .values = { &shelves } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

private(a) struct bpf_spin_lock lock;
private(a) struct bpf_list_head list __contains(item, in_list);
private(a) struct bpf_rb_root tree __contains(item, in_tree);
private(a) u64 compared;

static bool by_key(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct item, in_tree)->key < container_of(b, struct item, in_tree)->key;
}

static bool by_bytes(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return *(volatile u64 *)a != 0; // error: special-field-access
}

static bool counting(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	compared++;
	return by_key(a, b);
}

static bool keeping(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct item *i = bpf_refcount_acquire(container_of(a, struct item, in_tree));

	return i != NULL; // error: unreleased-reference
}

static struct slot *slot(void)
{
	int key = 0;

	return bpf_map_lookup_elem(&slots, &key);
}

/* Places. */

SEC("tc")
int push_from_stack_bad(struct __sk_buff *skb)
{
	struct item i = {};

	bpf_spin_lock(&lock);
	bpf_list_push_back(&list, &i.in_list); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_nothing_bad(struct __sk_buff *skb)
{
	bpf_spin_lock(&lock);
	bpf_list_push_back(&list, NULL); // error: null-argument
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_on_stack_bad(struct __sk_buff *skb)
{
	struct bpf_list_head mine = {};
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&mine, &i->in_list); // error: graph-node-offset
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_here_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&list, &i->in_list);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int descend_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	u64 key = 0;
	int i;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&tree);
	for (i = 0; i < 4 && node; i++) {
		key = container_of(node, struct item, in_tree)->key;
		node = bpf_rbtree_left(&tree, node);
	}
	bpf_spin_unlock(&lock);
	return key;
}

SEC("tc")
int descend_unchecked_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&tree);
	node = bpf_rbtree_left(&tree, node); // error: null-argument
	bpf_spin_unlock(&lock);
	return node != NULL;
}

/* Maps in maps. */

SEC("tc")
int push_in_room_ok(struct __sk_buff *skb)
{
	void *room;
	struct shelf *s;
	struct item *i;
	int key = 0;

	room = bpf_map_lookup_elem(&rooms, &key);
	if (!room)
		return 0;
	s = bpf_map_lookup_elem(room, &key);
	if (!s)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i)
		return 0;
	bpf_spin_lock(&s->lock);
	bpf_list_push_back(&s->items, &i->in_list);
	bpf_spin_unlock(&s->lock);
	return 0;
}

SEC("tc")
int room_unchecked_bad(struct __sk_buff *skb)
{
	void *room;
	struct shelf *s;
	int key = 0;

	room = bpf_map_lookup_elem(&rooms, &key);
	s = bpf_map_lookup_elem(room, &key); // error: null-argument
	return s ? s->count : 0;
}

SEC("tc")
int two_shelves_of_room_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	int key = 0, far = skb->len;
	struct shelf *s, *t;
	void *room;

	room = bpf_map_lookup_elem(&rooms, &key);
	if (!room)
		return 0;
	s = bpf_map_lookup_elem(room, &key);
	t = bpf_map_lookup_elem(room, &far);
	if (!s || !t)
		return 0;
	bpf_spin_lock(&s->lock);
	node = bpf_list_pop_front(&t->items); // error: graph-wrong-lock
	bpf_spin_unlock(&s->lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, in_list));
	return 0;
}

SEC("tc")
int lock_at_start_in_room_bad(struct __sk_buff *skb)
{
	struct shelf *s;
	void *room;
	int key = 0;

	room = bpf_map_lookup_elem(&rooms, &key);
	if (!room)
		return 0;
	s = bpf_map_lookup_elem(room, &key);
	if (!s)
		return 0;
	bpf_spin_lock((void *)s); // error: lock-bad-arg
	bpf_spin_unlock((void *)s);
	return 0;
}

SEC("tc")
int constant_key_in_room_ok(struct __sk_buff *skb)
{
	struct shelf *s;
	void *room;
	int key = 0;

	room = bpf_map_lookup_elem(&rooms, &key);
	if (!room)
		return 0;
	s = bpf_map_lookup_elem(room, &key);
	return s->count;
}

/* Comparisons. */

SEC("tc")
int add_counting_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->in_tree, counting);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int add_by_bytes_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->in_tree, by_bytes);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int add_keeping_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->in_tree, keeping);
	bpf_spin_unlock(&lock);
	return 0;
}

/* kptrs to nodes. */

SEC("tc")
int node_into_kptr_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct slot *s = slot();
	struct item *i;

	if (!s)
		return 0;
	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&list);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	i = bpf_kptr_xchg(&s->item, container_of(node, struct item, in_list));
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int member_into_kptr_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct slot *s = slot();
	struct item *i;

	if (!s)
		return 0;
	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&list);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	i = bpf_kptr_xchg(&s->item, node); // error: release-nonzero-offset
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("syscall")
int read_kptr_after_rcu_ok(void *ctx)
{
	struct slot *s = slot();
	struct item *i;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	i = s->item;
	if (!i) {
		bpf_rcu_read_unlock();
		return 0;
	}
	bpf_rcu_read_unlock();
	return i->key;
}

SEC("syscall")
int write_kptr_after_rcu_bad(void *ctx)
{
	struct slot *s = slot();
	struct item *i;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	i = s->item;
	if (!i) {
		bpf_rcu_read_unlock();
		return 0;
	}
	bpf_rcu_read_unlock();
	i->key = 1; // error: kernel-write
	return 0;
}

SEC("syscall")
int read_kptr_after_other_lock_bad(void *ctx)
{
	struct slot *s = slot();
	u64 key = 0;
	struct item *i;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	i = s->item;
	if (i) {
		bpf_spin_lock(&lock);
		compared++;
		bpf_spin_unlock(&lock);
		key = i->key; // error: use-after-unlock
	}
	bpf_rcu_read_unlock();
	return key;
}
