// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Red-black trees of allocated objects: finding and removing under the lock, what less() may do, several owners. */
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
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern void bpf_throw(u64 cookie) __ksym;

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
	struct bpf_rb_node node;
	u64 value;
};

struct event {
	struct bpf_rb_node node;
	u64 time;
};

struct shared {
	u64 key;
	struct bpf_rb_node in_tree;
	struct bpf_list_node in_list;
	struct bpf_refcount refs;
};

struct slot {
	struct bpf_spin_lock lock;
	struct bpf_rb_root tree __contains(item, node);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

private(a) struct bpf_spin_lock lock;
private(a) struct bpf_rb_root tree __contains(item, node);
private(a) struct bpf_rb_root done __contains(item, node);
private(a) struct bpf_rb_root events __contains(event, node);
private(b) struct bpf_spin_lock other_lock;
private(b) struct bpf_rb_root other __contains(item, node);
private(c) struct bpf_spin_lock shared_lock;
private(c) struct bpf_rb_root shared_tree __contains(shared, in_tree);
private(c) struct bpf_list_head shared_list __contains(shared, in_list);

u64 sink;
u64 limit;

static u64 key_of(const struct bpf_rb_node *node)
{
	return container_of(node, struct item, node)->key;
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return key_of(a) < key_of(b);
}

static bool less_event(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct event, node)->time < container_of(b, struct event, node)->time;
}

static bool less_shared(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct shared, in_tree)->key < container_of(b, struct shared, in_tree)->key;
}

SEC("tc")
int add_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	i->key = skb->len;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int add_without_lock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_rbtree_add(&tree, &i->node, less); // error: graph-lock-not-held
	return 0;
}

SEC("tc")
int add_under_other_lock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&other_lock);
	bpf_rbtree_add(&tree, &i->node, less); // error: graph-wrong-lock
	bpf_spin_unlock(&other_lock);
	return 0;
}

SEC("tc")
int add_twice_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	bpf_rbtree_add(&done, &i->node, less); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int add_and_remove_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct bpf_rb_node *node;

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	node = bpf_rbtree_remove(&tree, &i->node);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int read_after_remove_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct bpf_rb_node *node;

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	node = bpf_rbtree_remove(&tree, &i->node);
	sink = i->value;
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int read_after_unlock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	bpf_spin_unlock(&lock);
	sink = i->value; // error: use-after-unlock
	return 0;
}

SEC("tc")
int write_under_lock_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	i->value = limit;
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int first_under_lock_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		sink = key_of(node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int first_without_lock_bad(struct __sk_buff *skb)
{
	return bpf_rbtree_first(&tree) != NULL; // error: graph-lock-not-held
}

SEC("tc")
int first_after_unlock_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	bpf_spin_unlock(&lock);
	if (node)
		sink = container_of(node, struct item, node)->key; // error: use-after-unlock
	return 0;
}

SEC("tc")
int first_unchecked_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&events);
	sink = container_of(node, struct event, node)->time; // error: unchecked-null
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int remove_first_drop_outside_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int remove_first_goto_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (!node)
		goto unlock;
	node = bpf_rbtree_remove(&tree, node);
unlock:
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int remove_untested_inner_node_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	node = bpf_rbtree_remove(&tree, node); // error: null-argument
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int remove_after_relock_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	bpf_spin_lock(&lock);
	node = bpf_rbtree_remove(&tree, node); // error: non-owning-required
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int remove_without_lock_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	node = bpf_rbtree_remove(&tree, node); // error: graph-lock-not-held
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int removed_is_lost_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&lock);
	return 0; // error: unreleased-reference
}

SEC("tc")
int removed_unchecked_bad(struct __sk_buff *skb)
{
	struct event *e = bpf_obj_new(struct event);
	struct bpf_rb_node *node;

	if (!e)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&events, &e->node, less_event);
	node = bpf_rbtree_remove(&events, &e->node);
	bpf_spin_unlock(&lock);
	bpf_obj_drop(container_of(node, struct event, node)); // error: null-argument
	return 0;
}

SEC("tc")
int drop_under_lock_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node)); // error: call-under-lock
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int drop_removed_node_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(node); // error: release-nonzero-offset
	return 0;
}

SEC("tc")
int move_to_other_tree_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	if (node)
		bpf_rbtree_add(&done, node, less);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int move_across_locks_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	bpf_spin_lock(&other_lock);
	bpf_rbtree_add(&other, node, less);
	bpf_spin_unlock(&other_lock);
	return 0;
}

SEC("tc")
int move_without_removal_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		bpf_rbtree_add(&done, node, less); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int walk_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node, *left, *right;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&tree);
	if (!node)
		goto unlock;
	left = bpf_rbtree_left(&tree, node);
	right = bpf_rbtree_right(&tree, node);
	sink = left ? key_of(left) : key_of(node);
	if (right)
		sink += key_of(right);
unlock:
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int search_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	int depth;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&tree);
	for (depth = 0; depth < 8 && node; depth++) {
		if (key_of(node) == limit)
			break;
		if (limit < key_of(node))
			node = bpf_rbtree_left(&tree, node);
		else
			node = bpf_rbtree_right(&tree, node);
	}
	if (node)
		node = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int child_after_unlock_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node, *left = NULL;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&events);
	if (node)
		left = bpf_rbtree_left(&events, node);
	bpf_spin_unlock(&lock);
	if (left)
		sink = container_of(left, struct event, node)->time; // error: use-after-unlock
	return 0;
}

SEC("tc")
int child_of_stale_node_bad(struct __sk_buff *skb)
{
	struct bpf_rb_node *node, *left;

	bpf_spin_lock(&lock);
	node = bpf_rbtree_root(&tree);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	bpf_spin_lock(&lock);
	left = bpf_rbtree_left(&tree, node); // error: non-owning-required
	if (left)
		sink = key_of(left);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int wrong_type_bad(struct __sk_buff *skb)
{
	struct event *e = bpf_obj_new(struct event);

	if (!e)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &e->node, less); // error: graph-node-type
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int object_for_node_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, (void *)i, less); // error: graph-node-offset
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int not_in_tree_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct bpf_rb_node *node;

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	node = bpf_rbtree_remove(&tree, &i->node);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	bpf_obj_drop(i);
	return 0;
}

static __noinline struct item *remove_least(struct bpf_spin_lock *guard, struct bpf_rb_root *root)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(guard);
	node = bpf_rbtree_first(root);
	if (node)
		node = bpf_rbtree_remove(root, node);
	bpf_spin_unlock(guard);
	return node ? container_of(node, struct item, node) : NULL;
}

SEC("tc")
int helper_finds_ok(struct __sk_buff *skb)
{
	struct item *i = remove_least(&lock, &tree);

	if (!i)
		return 0;
	sink = i->value;
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int helper_with_map_value_ok(struct __sk_buff *skb)
{
	int key = skb->len & 3;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	struct item *i;

	if (!s)
		return 0;
	i = remove_least(&s->lock, &s->tree);
	if (!i)
		return 0;
	i->key = limit;
	bpf_spin_lock(&s->lock);
	bpf_rbtree_add(&s->tree, &i->node, less);
	bpf_spin_unlock(&s->lock);
	return 0;
}

static u64 least_under(struct bpf_spin_lock *guard, struct bpf_rb_root *root)
{
	struct bpf_rb_node *node;
	u64 key = 0;

	bpf_spin_lock(guard);
	node = bpf_rbtree_first(root); // error: graph-wrong-lock
	if (node)
		key = key_of(node);
	bpf_spin_unlock(guard);
	return key;
}

SEC("tc")
int helper_with_wrong_lock_bad(struct __sk_buff *skb)
{
	sink = least_under(&other_lock, &tree);
	return 0;
}

SEC("tc")
int two_trees_two_objects_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item), *j;

	if (!i)
		return 0;
	j = bpf_obj_new(struct item);
	if (!j) {
		bpf_obj_drop(i);
		return 0;
	}
	i->key = 1;
	j->key = 2;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	bpf_rbtree_add(&done, &j->node, less);
	sink = i->key + j->key;
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int tree_and_list_ok(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *more;

	if (!s)
		return 0;
	more = bpf_refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	bpf_rbtree_add(&shared_tree, &s->in_tree, less_shared);
	bpf_list_push_back(&shared_list, &more->in_list);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc")
int list_to_tree_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct shared *s;

	bpf_spin_lock(&shared_lock);
	node = bpf_list_pop_front(&shared_list);
	if (node) {
		s = container_of(node, struct shared, in_list);
		bpf_rbtree_add(&shared_tree, &s->in_tree, less_shared);
	}
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc")
int remove_by_reference_ok(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *more;
	struct bpf_rb_node *node;

	if (!s)
		return 0;
	more = bpf_refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	bpf_rbtree_add(&shared_tree, &s->in_tree, less_shared);
	bpf_spin_unlock(&shared_lock);
	bpf_spin_lock(&shared_lock);
	node = bpf_rbtree_remove(&shared_tree, &more->in_tree);
	bpf_spin_unlock(&shared_lock);
	bpf_obj_drop(more);
	if (node)
		bpf_obj_drop(container_of(node, struct shared, in_tree));
	return 0;
}

SEC("tc")
int reference_is_lost_bad(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *more;

	if (!s)
		return 0;
	more = bpf_refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	bpf_rbtree_add(&shared_tree, &s->in_tree, less_shared);
	bpf_spin_unlock(&shared_lock);
	sink = more->key;
	return 0; // error: unreleased-reference
}

SEC("tc")
int reference_of_first_ok(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	struct shared *s = NULL;

	bpf_spin_lock(&shared_lock);
	node = bpf_rbtree_first(&shared_tree);
	if (node)
		s = bpf_refcount_acquire(container_of(node, struct shared, in_tree));
	bpf_spin_unlock(&shared_lock);
	if (!s)
		return 0;
	sink = s->key;
	bpf_obj_drop(s);
	return 0;
}

static bool less_counting(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	sink++;
	container_of(a, struct item, node)->value++;
	return less(a, b);
}

SEC("tc")
int less_counts_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_counting);
	bpf_spin_unlock(&lock);
	return 0;
}

static bool less_with_helper(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	sink = bpf_ktime_get_ns(); // error: rbtree-cb-misuse
	return key_of(a) < key_of(b);
}

SEC("tc")
int less_calls_helper_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_with_helper);
	bpf_spin_unlock(&lock);
	return 0;
}

static bool less_with_removal(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct bpf_rb_node *node = bpf_rbtree_remove(&tree, a); // error: rbtree-cb-misuse

	if (node)
		bpf_rbtree_add(&done, node, less);
	return key_of(a) < key_of(b);
}

SEC("tc")
int less_removes_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_with_removal);
	bpf_spin_unlock(&lock);
	return 0;
}

static bool less_with_walk(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct bpf_rb_node *left = bpf_rbtree_left(&tree, a); // error: rbtree-cb-misuse

	return left && key_of(left) < key_of(b);
}

SEC("tc")
int less_walks_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_with_walk);
	bpf_spin_unlock(&lock);
	return 0;
}

static bool less_with_unlock(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bool result = key_of(a) < key_of(b);

	bpf_spin_unlock(&lock); // error: rbtree-cb-misuse
	return result;
}

SEC("tc")
int less_unlocks_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_with_unlock);
	bpf_spin_unlock(&lock);
	return 0;
}

static bool less_with_add(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rbtree_add(&done, a, less); // error: owning-ref-required
	return key_of(a) < key_of(b);
}

SEC("tc")
int less_adds_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less_with_add);
	bpf_spin_unlock(&lock);
	return 0;
}

static int step(u64 index, void *unused)
{
	if (index > limit)
		bpf_throw(0); // error: throw-in-callback
	return 0;
}

SEC("tc")
int step_throws_bad(struct __sk_buff *skb)
{
	bpf_loop(4, step, NULL, 0);
	return 0;
}

static int careful_step(u64 index, bool *failed)
{
	if (index <= limit)
		return 0;
	*failed = true;
	return 1;
}

SEC("tc")
int program_throws_ok(struct __sk_buff *skb)
{
	bool failed = false;

	bpf_loop(4, careful_step, &failed, 0);
	if (failed)
		bpf_throw(0);
	return 0;
}

static int add_one(u64 index, void *unused)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 1;
	i->key = index;
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &i->node, less);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int add_in_callback_ok(struct __sk_buff *skb)
{
	bpf_loop(4, add_one, NULL, 0);
	return 0;
}
