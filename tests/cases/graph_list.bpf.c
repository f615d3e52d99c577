// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lists of allocated objects: who owns what, which lock, lists of lists, objects with several owners. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				    u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *head) __ksym;

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
#define __contains(type, field) __attribute__((btf_decl_tag("contains:" #type ":" #field)))
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_obj_drop(object) bpf_obj_drop_impl(object, NULL)
#define bpf_refcount_acquire(object) bpf_refcount_acquire_impl(object, NULL)
#define bpf_list_push_front(head, node) bpf_list_push_front_impl(head, node, NULL, 0)
#define bpf_list_push_back(head, node) bpf_list_push_back_impl(head, node, NULL, 0)

char _license[] SEC("license") = "GPL";

struct item {
	int n;
	struct bpf_list_node node;
	u64 time;
};

/* The node comes first: container_of() leaves the pointer as it is. */
struct event {
	struct bpf_list_node node;
	int n;
};

struct shared {
	int n;
	struct bpf_list_node by_age;
	struct bpf_list_node by_size;
	struct bpf_refcount refs;
};

struct group {
	struct bpf_list_node node;
	struct bpf_list_head items __contains(item, node);
	struct bpf_spin_lock lock;
	int n;
};

struct shelf {
	struct bpf_spin_lock lock;
	int n;
	struct bpf_list_head items __contains(item, node);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct shelf);
} shelves SEC(".maps");

private(a) struct bpf_spin_lock lock;
private(a) struct bpf_list_head items __contains(item, node);
private(a) struct bpf_list_head done __contains(item, node);
private(a) struct bpf_list_head events __contains(event, node);
private(b) struct bpf_spin_lock other_lock;
private(b) struct bpf_list_head other __contains(item, node);
private(c) struct bpf_spin_lock shared_lock;
private(c) struct bpf_list_head ages __contains(shared, by_age);
private(c) struct bpf_list_head sizes __contains(shared, by_size);
private(d) struct bpf_spin_lock groups_lock;
private(d) struct bpf_list_head groups __contains(group, node);

int sink;
int limit;

SEC("tc")
int push_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	i->n = skb->len;
	bpf_spin_lock(&lock);
	bpf_list_push_front(&items, &i->node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_without_lock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_list_push_front(&items, &i->node); // error: graph-lock-not-held
	return 0;
}

SEC("tc")
int push_after_unlock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	sink++;
	bpf_spin_unlock(&lock);
	bpf_list_push_front(&items, &i->node); // error: graph-lock-not-held
	return 0;
}

SEC("tc")
int push_under_other_lock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&other_lock);
	bpf_list_push_back(&items, &i->node); // error: graph-wrong-lock
	bpf_spin_unlock(&other_lock);
	return 0;
}

SEC("tc")
int one_lock_two_lists_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	if (node)
		bpf_list_push_back(&done, node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_twice_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	bpf_list_push_back(&done, &i->node); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_alias_twice_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item), *same = i;
	struct bpf_list_node *node;

	if (!i)
		return 0;
	node = &same->node;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	bpf_list_push_back(&done, node); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int push_then_pop_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct bpf_list_node *node;

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	node = bpf_list_pop_back(&items);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int pop_and_push_back_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	if (node) {
		container_of(node, struct item, node)->n++;
		bpf_list_push_front(&items, node);
	}
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int read_under_lock_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	i->n = limit;
	sink = i->time;
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int read_after_unlock_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	bpf_spin_unlock(&lock);
	sink = i->n; // error: use-after-unlock
	return 0;
}

SEC("tc")
int front_under_lock_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *first, *last;

	bpf_spin_lock(&lock);
	first = bpf_list_front(&items);
	last = bpf_list_back(&items);
	if (first && last)
		sink = container_of(first, struct item, node)->n - container_of(last, struct item, node)->n;
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int front_after_unlock_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *first;

	bpf_spin_lock(&lock);
	first = bpf_list_front(&events);
	bpf_spin_unlock(&lock);
	if (first)
		sink = container_of(first, struct event, node)->n; // error: use-after-unlock
	return 0;
}

SEC("tc")
int front_without_lock_bad(struct __sk_buff *skb)
{
	return bpf_list_front(&events) != NULL; // error: graph-lock-not-held
}

SEC("tc")
int front_is_not_owned_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *first;

	bpf_spin_lock(&lock);
	first = bpf_list_front(&items);
	if (first)
		bpf_list_push_back(&done, first); // error: owning-ref-required
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int pop_and_drop_outside_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct item *i;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	i = container_of(node, struct item, node);
	sink = i->n;
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int drop_under_lock_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node)); // error: call-under-lock
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int pop_without_lock_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node = bpf_list_pop_front(&items); // error: graph-lock-not-held

	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int popped_is_lost_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock);
	return node != NULL; // error: unreleased-reference
}

SEC("tc")
int popped_kept_on_one_path_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct item *i;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock);
	if (!node)
		return 0;
	i = container_of(node, struct item, node);
	if (i->n > limit)
		return 0; // error: unreleased-reference
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int lock_kept_on_empty_list_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	if (!node)
		return 0; // error: lock-unbalanced
	bpf_spin_unlock(&lock);
	bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int drop_node_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(node); // error: release-nonzero-offset
	return 0;
}

SEC("tc")
int drop_node_at_start_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&events);
	bpf_spin_unlock(&lock);
	if (node)
		bpf_obj_drop(node);
	return 0;
}

SEC("tc")
int object_checked_instead_of_node_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct event *e;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&events);
	bpf_spin_unlock(&lock);
	e = container_of(node, struct event, node);
	if (!e)
		return 0;
	sink = e->n;
	bpf_obj_drop(e);
	return 0;
}

SEC("tc")
int drop_then_push_bad(struct __sk_buff *skb)
{
	struct event *e = bpf_obj_new(struct event);

	if (!e)
		return 0;
	bpf_obj_drop(e);
	bpf_spin_lock(&lock);
	bpf_list_push_back(&events, &e->node); // error: use-after-release
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int wrong_node_bad(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared);

	if (!s)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&ages, &s->by_size); // error: graph-node-type
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc")
int object_for_node_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, (void *)i); // error: graph-node-offset
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int object_for_node_at_start_ok(struct __sk_buff *skb)
{
	struct event *e = bpf_obj_new(struct event);

	if (!e)
		return 0;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&events, (void *)e);
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
	bpf_list_push_back(&items, &e->node); // error: graph-node-type
	bpf_spin_unlock(&lock);
	return 0;
}

static void append(struct bpf_spin_lock *guard, struct bpf_list_head *head, struct item *i)
{
	bpf_spin_lock(guard);
	bpf_list_push_back(head, &i->node);
	bpf_spin_unlock(guard);
}

SEC("tc")
int helper_with_lock_and_head_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item), *j;

	if (!i)
		return 0;
	append(&lock, &items, i);
	j = bpf_obj_new(struct item);
	if (!j)
		return 0;
	append(&other_lock, &other, j);
	return 0;
}

static __noinline struct item *take(struct bpf_spin_lock *guard, struct bpf_list_head *head)
{
	struct bpf_list_node *node;

	bpf_spin_lock(guard);
	node = bpf_list_pop_front(head);
	bpf_spin_unlock(guard);
	return node ? container_of(node, struct item, node) : NULL;
}

SEC("tc")
int helper_hands_over_ok(struct __sk_buff *skb)
{
	struct item *i = take(&lock, &items);

	if (!i)
		return 0;
	append(&other_lock, &other, i);
	return 0;
}

SEC("tc")
int helper_result_is_lost_bad(struct __sk_buff *skb)
{
	struct item *i = take(&lock, &items);

	if (i)
		sink = i->n;
	return 0; // error: unreleased-reference
}

SEC("tc")
int drain_ok(struct __sk_buff *skb)
{
	struct item *i;
	int turn;

	for (turn = 0; turn < 4; turn++) {
		i = take(&lock, &items);
		if (!i)
			break;
		sink += i->n;
		bpf_obj_drop(i);
	}
	return 0;
}

SEC("tc")
int push_or_drop_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	bool full = true;

	if (!i)
		return 0;
	bpf_spin_lock(&lock);
	if (sink < limit) {
		bpf_list_push_back(&items, &i->node);
		full = false;
	}
	bpf_spin_unlock(&lock);
	if (full)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int two_objects_one_missing_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item), *j;

	if (!i)
		return 0;
	j = bpf_obj_new(struct item);
	if (!j)
		goto drop;
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	bpf_list_push_back(&items, &j->node);
	bpf_spin_unlock(&lock);
	return 0;
drop:
	bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int two_objects_one_missing_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item), *j;

	if (!i)
		return 0;
	j = bpf_obj_new(struct item);
	if (!j)
		return 0; // error: unreleased-reference
	bpf_spin_lock(&lock);
	bpf_list_push_back(&items, &i->node);
	bpf_list_push_back(&items, &j->node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int new_under_lock_bad(struct __sk_buff *skb)
{
	struct item *i;

	bpf_spin_lock(&lock);
	i = bpf_obj_new(struct item); // error: call-under-lock
	if (i)
		bpf_list_push_back(&items, &i->node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int map_value_ok(struct __sk_buff *skb)
{
	int key = skb->len;
	struct shelf *s = bpf_map_lookup_elem(&shelves, &key);
	struct item *i;

	if (!s)
		return 0;
	i = take(&s->lock, &s->items);
	if (!i)
		return 0;
	bpf_spin_lock(&s->lock);
	s->n--;
	bpf_list_push_front(&s->items, &i->node);
	bpf_spin_unlock(&s->lock);
	return 0;
}

SEC("tc")
int second_lookup_bad(struct __sk_buff *skb)
{
	int key = skb->len;
	struct shelf *s = bpf_map_lookup_elem(&shelves, &key), *again;
	struct bpf_list_node *node;

	if (!s)
		return 0;
	again = bpf_map_lookup_elem(&shelves, &key);
	if (!again)
		return 0;
	bpf_spin_lock(&s->lock);
	node = bpf_list_pop_back(&again->items); // error: graph-wrong-lock
	bpf_spin_unlock(&s->lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int alias_of_lookup_ok(struct __sk_buff *skb)
{
	int key = skb->len;
	struct shelf *s = bpf_map_lookup_elem(&shelves, &key), *same = s;
	struct bpf_list_node *node;

	if (!s)
		return 0;
	bpf_spin_lock(&s->lock);
	node = bpf_list_pop_back(&same->items);
	bpf_spin_unlock(&same->lock);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int lists_in_list_ok(struct __sk_buff *skb)
{
	struct group *g = bpf_obj_new(struct group);
	struct item *i;

	if (!g)
		return 0;
	i = bpf_obj_new(struct item);
	if (!i) {
		bpf_obj_drop(g);
		return 0;
	}
	bpf_spin_lock(&g->lock);
	bpf_list_push_back(&g->items, &i->node);
	bpf_spin_unlock(&g->lock);
	bpf_spin_lock(&groups_lock);
	bpf_list_push_back(&groups, &g->node);
	bpf_spin_unlock(&groups_lock);
	return 0;
}

SEC("tc")
int item_of_popped_group_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct group *g;
	struct item *i;

	bpf_spin_lock(&groups_lock);
	node = bpf_list_pop_front(&groups);
	bpf_spin_unlock(&groups_lock);
	if (!node)
		return 0;
	g = container_of(node, struct group, node);
	i = take(&g->lock, &g->items);
	bpf_obj_drop(g);
	if (i)
		bpf_obj_drop(i);
	return 0;
}

SEC("tc")
int group_drops_its_items_ok(struct __sk_buff *skb)
{
	struct group *g = bpf_obj_new(struct group);
	struct item *i;

	if (!g)
		return 0;
	i = bpf_obj_new(struct item);
	if (i)
		append(&g->lock, &g->items, i);
	bpf_obj_drop(g);
	return 0;
}

SEC("tc")
int own_list_still_needs_lock_bad(struct __sk_buff *skb)
{
	struct group *g = bpf_obj_new(struct group);
	struct bpf_list_node *node;

	if (!g)
		return 0;
	node = bpf_list_pop_front(&g->items); // error: graph-lock-not-held
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	bpf_obj_drop(g);
	return 0;
}

SEC("tc")
int list_of_borrowed_group_bad(struct __sk_buff *skb)
{
	struct bpf_list_node *node, *inner = NULL;

	bpf_spin_lock(&groups_lock);
	node = bpf_list_front(&groups);
	if (node)
		inner = bpf_list_pop_front(&container_of(node, struct group, node)->items); // error: owning-ref-required
	bpf_spin_unlock(&groups_lock);
	if (inner)
		bpf_obj_drop(container_of(inner, struct item, node));
	return 0;
}

SEC("tc")
int lock_of_other_group_bad(struct __sk_buff *skb)
{
	struct group *g = bpf_obj_new(struct group), *h;
	struct bpf_list_node *node;

	if (!g)
		return 0;
	h = bpf_obj_new(struct group);
	if (!h) {
		bpf_obj_drop(g);
		return 0;
	}
	bpf_spin_lock(&g->lock);
	node = bpf_list_pop_front(&h->items); // error: graph-wrong-lock
	bpf_spin_unlock(&g->lock);
	bpf_obj_drop(g);
	bpf_obj_drop(h);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	return 0;
}

SEC("tc")
int two_owners_two_lists_ok(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *more;

	if (!s)
		return 0;
	more = bpf_refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&ages, &s->by_age);
	bpf_list_push_back(&sizes, &more->by_size);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc")
int owner_outlives_unlock_ok(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *kept;

	if (!s)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&ages, &s->by_age);
	kept = bpf_refcount_acquire(s);
	bpf_spin_unlock(&shared_lock);
	if (!kept)
		return 0;
	sink = kept->n;
	bpf_obj_drop(kept);
	return 0;
}

SEC("tc")
int second_owner_unchecked_bad(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *kept;

	if (!s)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&ages, &s->by_age);
	kept = bpf_refcount_acquire(s);
	bpf_spin_unlock(&shared_lock);
	bpf_obj_drop(kept); // error: null-argument
	return 0;
}

SEC("tc")
int second_owner_is_lost_bad(struct __sk_buff *skb)
{
	struct shared *s = bpf_obj_new(struct shared), *more;

	if (!s)
		return 0;
	more = bpf_refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&ages, &s->by_age);
	bpf_spin_unlock(&shared_lock);
	sink = more->n;
	return 0; // error: unreleased-reference
}

SEC("tc")
int peek_with_reference_ok(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct shared *s = NULL;

	bpf_spin_lock(&shared_lock);
	node = bpf_list_front(&sizes);
	if (node)
		s = bpf_refcount_acquire(container_of(node, struct shared, by_size));
	bpf_spin_unlock(&shared_lock);
	if (!s)
		return 0;
	sink = s->n;
	bpf_obj_drop(s);
	return 0;
}
