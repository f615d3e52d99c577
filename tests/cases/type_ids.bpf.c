// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Types that local objects can be made of, types that can be cast to, and which function frees or counts what. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

extern void *bpf_obj_new_impl(u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(u64 local_type_id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym;
extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

struct item {
	u64 n;
};

struct pair {
	struct item first, second;
	u8 more[8];
};

struct several {
	struct item items[3];
};

struct holder {
	u64 n;
	struct task_struct __kptr *task;
};

struct guarded {
	struct bpf_spin_lock lock;
	u64 n;
};

struct counted {
	u64 n;
	struct bpf_refcount refs;
};

struct listed {
	u64 n;
	struct bpf_list_node node;
};

struct bytes {
	char b[512];
};

struct more_bytes {
	char b[513];
};

union either {
	u64 n;
	u32 half;
};

typedef struct {
	u64 n;
} item_t;

u64 sum;

SEC("tc")
int make_struct_ok(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL);

	if (i)
		bpf_obj_drop_impl(i, NULL);
	return 0;
}

SEC("tc")
int make_struct_with_kptr_ok(struct __sk_buff *skb)
{
	struct holder *h = bpf_obj_new_impl(bpf_core_type_id_local(struct holder), NULL);

	if (h)
		bpf_obj_drop_impl(h, NULL);
	return 0;
}

SEC("tc")
int make_integer_bad(struct __sk_buff *skb)
{
	u64 *n = bpf_obj_new_impl(bpf_core_type_id_local(u64), NULL); // error: type-id-argument

	if (n)
		bpf_obj_drop_impl(n, NULL);
	return 0;
}

SEC("tc")
int make_union_bad(struct __sk_buff *skb)
{
	union either *e = bpf_obj_new_impl(bpf_core_type_id_local(union either), NULL); // error: type-id-argument

	if (e)
		bpf_obj_drop_impl(e, NULL);
	return 0;
}

SEC("tc")
int make_pointer_bad(struct __sk_buff *skb)
{
	void *p = bpf_obj_new_impl(bpf_core_type_id_local(struct item *), NULL); // error: type-id-argument

	if (p)
		bpf_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int make_typedef_bad(struct __sk_buff *skb)
{
	item_t *i = bpf_obj_new_impl(bpf_core_type_id_local(item_t), NULL); // error: type-id-argument

	if (i)
		bpf_obj_drop_impl(i, NULL);
	return 0;
}

SEC("tc")
int make_nothing_bad(struct __sk_buff *skb)
{
	void *p = bpf_obj_new_impl(0, NULL); // error: type-id-argument

	if (p)
		bpf_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int make_by_negative_id_bad(struct __sk_buff *skb)
{
	void *p = bpf_obj_new_impl(-1, NULL); // error: type-id-argument

	if (p)
		bpf_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_numbers_ok(struct __sk_buff *skb)
{
	struct pair *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct pair), NULL);

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_just_fits_ok(struct __sk_buff *skb)
{
	struct bytes *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct bytes), NULL);

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_too_large_bad(struct __sk_buff *skb)
{
	void *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct more_bytes), NULL); // error: type-id-argument

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_pointers_bad(struct __sk_buff *skb)
{
	void *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct holder), NULL); // error: type-id-argument

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_array_of_structs_bad(struct __sk_buff *skb)
{
	void *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct several), NULL); // error: type-id-argument

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int percpu_lock_bad(struct __sk_buff *skb)
{
	void *p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct guarded), NULL); // error: type-id-argument

	if (p)
		bpf_percpu_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc")
int cast_to_kernel_struct_ok(struct __sk_buff *skb)
{
	struct sk_buff *s = bpf_rdonly_cast(bpf_cast_to_kern_ctx(skb), bpf_core_type_id_kernel(struct sk_buff));

	sum += s->len;
	return 0;
}

SEC("tc")
int cast_to_kernel_integer_bad(struct __sk_buff *skb)
{
	int *n = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(int)); // error: type-id-argument

	sum += *n;
	return 0;
}

SEC("tc")
int cast_to_enum_bad(struct __sk_buff *skb)
{
	void *p = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(enum bpf_map_type)); // error: type-id-argument

	sum += *(int *)p;
	return 0;
}

SEC("tc")
int cast_to_kernel_typedef_bad(struct __sk_buff *skb)
{
	atomic_t *p = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(atomic_t)); // error: type-id-argument

	sum += p->counter;
	return 0;
}

/* Freeing and counting. */

SEC("tc")
int percpu_drop_of_plain_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL);

	if (i)
		bpf_percpu_obj_drop_impl(i, NULL); // error: drop-kind
	return 0;
}

SEC("tc")
int plain_drop_of_percpu_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct item), NULL);

	if (i)
		bpf_obj_drop_impl(i, NULL); // error: drop-kind
	return 0;
}

SEC("syscall")
int drop_of_kernel_object_bad(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (t)
		bpf_obj_drop_impl(t, NULL); // error: drop-kind
	return 0;
}

SEC("tc")
int counted_ok(struct __sk_buff *skb)
{
	struct counted *c = bpf_obj_new_impl(bpf_core_type_id_local(struct counted), NULL), *other;

	if (!c)
		return 0;
	other = bpf_refcount_acquire_impl(c, NULL);
	bpf_obj_drop_impl(other, NULL);
	bpf_obj_drop_impl(c, NULL);
	return 0;
}

SEC("tc")
int uncounted_bad(struct __sk_buff *skb)
{
	struct listed *l = bpf_obj_new_impl(bpf_core_type_id_local(struct listed), NULL), *other;

	if (!l)
		return 0;
	other = bpf_refcount_acquire_impl(l, NULL); // error: refcount-argument
	if (other)
		bpf_obj_drop_impl(other, NULL);
	bpf_obj_drop_impl(l, NULL);
	return 0;
}

SEC("tc")
int uncounted_plain_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL), *other;

	if (!i)
		return 0;
	other = bpf_refcount_acquire_impl(i, NULL); // error: refcount-argument
	if (other)
		bpf_obj_drop_impl(other, NULL);
	bpf_obj_drop_impl(i, NULL);
	return 0;
}

SEC("tc")
int counting_percpu_bad(struct __sk_buff *skb)
{
	struct item *i = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct item), NULL), *other;

	if (!i)
		return 0;
	other = bpf_refcount_acquire_impl(i, NULL); // error: refcount-argument
	if (other)
		bpf_obj_drop_impl(other, NULL);
	bpf_percpu_obj_drop_impl(i, NULL);
	return 0;
}

SEC("tc")
int counting_context_bad(struct __sk_buff *skb)
{
	void *other = bpf_refcount_acquire_impl(skb, NULL); // error: refcount-argument

	if (other)
		bpf_obj_drop_impl(other, NULL);
	return 0;
}
