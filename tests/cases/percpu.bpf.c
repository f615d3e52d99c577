// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objects with one copy per CPU: into maps, out of maps, and how their copies are reached. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#ifndef __percpu_kptr
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#endif
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_obj_drop(object) bpf_obj_drop_impl(object, NULL)
#define bpf_percpu_obj_new(type) \
	((type __percpu_kptr *)bpf_percpu_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_percpu_obj_drop(object) bpf_percpu_obj_drop_impl((void *)object, NULL)

char _license[] SEC("license") = "GPL";

struct hits {
	u64 packets;
	u64 bytes;
};

struct item {
	u64 n;
};

struct slot {
	struct hits __percpu_kptr *hits;
	struct item __kptr *item;
	u64 plain;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

static struct slot *slot(void)
{
	int key = bpf_get_prandom_u32() & 7;

	return bpf_map_lookup_elem(&slots, &key);
}

SEC("tc")
int make_ok(struct __sk_buff *skb)
{
	struct hits __percpu_kptr *all, *old;
	struct slot *s = slot();

	if (!s)
		return 0;
	all = bpf_percpu_obj_new(struct hits);
	if (!all)
		return 0;
	old = bpf_kptr_xchg(&s->hits, all);
	if (old)
		bpf_percpu_obj_drop(old);
	return 0;
}

SEC("tc")
int make_and_use_ok(struct __sk_buff *skb)
{
	struct hits __percpu_kptr *all, *old;
	struct slot *s = slot();
	struct hits *mine;

	if (!s)
		return 0;
	all = bpf_percpu_obj_new(struct hits);
	if (!all)
		return 0;
	old = bpf_kptr_xchg(&s->hits, all);
	if (old)
		bpf_percpu_obj_drop(old);
	mine = bpf_this_cpu_ptr(all);
	mine->packets = 1;
	return 0;
}

SEC("syscall")
int make_and_use_outside_rcu_bad(void *ctx)
{
	struct hits __percpu_kptr *all, *old;
	struct slot *s = slot();
	struct hits *mine;

	if (!s)
		return 0;
	all = bpf_percpu_obj_new(struct hits);
	if (!all)
		return 0;
	old = bpf_kptr_xchg(&s->hits, all);
	if (old)
		bpf_percpu_obj_drop(old);
	mine = bpf_this_cpu_ptr(all); // error: use-after-release
	mine->packets = 1;
	return 0;
}

SEC("tc")
int old_copies_ignored_bad(struct __sk_buff *skb)
{
	struct slot *s = slot();

	if (!s)
		return 0;
	bpf_kptr_xchg(&s->hits, NULL);
	return 0; // error: unreleased-reference
}

SEC("tc")
int write_new_bad(struct __sk_buff *skb)
{
	struct hits *all = (struct hits *)bpf_percpu_obj_new(struct hits);

	if (!all)
		return 0;
	all->packets = 1; // error: percpu-deref
	bpf_percpu_obj_drop(all);
	return 0;
}

SEC("tc")
int read_loaded_bad(struct __sk_buff *skb)
{
	struct slot *s = slot();
	struct hits *all;

	if (!s)
		return 0;
	all = (struct hits *)s->hits;
	return all ? all->packets : 0; // error: percpu-deref
}

SEC("tc")
int read_taken_out_bad(struct __sk_buff *skb)
{
	struct slot *s = slot();
	struct hits *all;
	u64 packets;

	if (!s)
		return 0;
	all = bpf_kptr_xchg(&s->hits, NULL);
	if (!all)
		return 0;
	packets = all->packets; // error: percpu-deref
	bpf_percpu_obj_drop(all);
	return packets;
}

SEC("tc")
int count_ok(struct __sk_buff *skb)
{
	struct slot *s = slot();
	struct hits __percpu_kptr *all;
	struct hits *mine;

	if (!s)
		return 0;
	all = s->hits;
	if (!all)
		return 0;
	mine = bpf_this_cpu_ptr(all);
	mine->packets++;
	mine->bytes += skb->len;
	return 0;
}

SEC("tc")
int sum_unchecked_copy_ok(struct __sk_buff *skb)
{
	struct slot *s = slot();
	struct hits __percpu_kptr *all;
	struct hits *first;

	if (!s)
		return 0;
	all = s->hits;
	if (!all)
		return 0;
	first = bpf_per_cpu_ptr(all, 0);
	return first->packets;
}

SEC("tc")
int count_unchecked_bad(struct __sk_buff *skb)
{
	struct slot *s = slot();
	struct hits *mine;

	if (!s)
		return 0;
	mine = bpf_this_cpu_ptr(s->hits); // error: null-argument
	mine->packets++;
	return 0;
}

SEC("tc")
int copy_of_new_bad(struct __sk_buff *skb)
{
	struct hits __percpu_kptr *all = bpf_percpu_obj_new(struct hits);
	struct hits *mine;

	if (!all)
		return 0;
	mine = bpf_this_cpu_ptr(all); // error: argument-type-mismatch
	bpf_percpu_obj_drop(all);
	return 0;
}

SEC("syscall")
int sleepable_count_under_rcu_ok(void *ctx)
{
	struct slot *s = slot();
	struct hits __percpu_kptr *all;
	struct hits *mine;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	all = s->hits;
	if (all) {
		mine = bpf_this_cpu_ptr(all);
		mine->packets++;
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall")
int sleepable_count_after_unlock_bad(void *ctx)
{
	struct slot *s = slot();
	struct hits __percpu_kptr *all;
	struct hits *mine;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	all = s->hits;
	if (!all) {
		bpf_rcu_read_unlock();
		return 0;
	}
	mine = bpf_this_cpu_ptr(all);
	bpf_rcu_read_unlock();
	return mine->packets; // error: use-after-unlock
}

SEC("tc")
int plain_object_for_copies_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new(struct item);
	struct slot *s;
	void *old;

	if (!i)
		return 0;
	s = slot();
	if (!s) {
		bpf_obj_drop(i);
		return 0;
	}
	old = bpf_kptr_xchg(&s->hits, i); // error: kptr-type-mismatch
	if (old)
		bpf_percpu_obj_drop(old);
	return 0;
}

SEC("tc")
int copies_for_plain_object_bad(struct __sk_buff *skb)
{
	struct hits __percpu_kptr *all;
	struct slot *s = slot();
	struct item *old;

	if (!s)
		return 0;
	all = bpf_percpu_obj_new(struct hits);
	if (!all)
		return 0;
	old = bpf_kptr_xchg(&s->item, all); // error: kptr-type-mismatch
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc")
int drop_in_the_wrong_way_bad(struct __sk_buff *skb)
{
	struct slot *s = slot();
	void *all;

	if (!s)
		return 0;
	all = bpf_kptr_xchg(&s->hits, NULL);
	if (all)
		bpf_obj_drop(all); // error: drop-kind
	return 0;
}
