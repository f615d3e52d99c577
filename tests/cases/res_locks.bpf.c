// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resilient spin locks: results that must be tested, order, interrupts, and beside ordinary spin locks. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_save(unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags__irq_flag) __ksym;

char _license[] SEC("license") = "GPL";

struct shared {
	struct bpf_res_spin_lock lock;
	int n;
};

struct plain {
	struct bpf_spin_lock lock;
	int n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct shared);
} firsts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct shared);
} seconds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct plain);
} plains SEC(".maps");

int which;

SEC("tc")
int tested_ok(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	a->n++;
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int tested_for_negative_ok(struct __sk_buff *skb)
{
	int key = which, error;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a)
		return 0;
	error = bpf_res_spin_lock(&a->lock);
	if (error < 0)
		return error;
	a->n++;
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int tested_for_positive_bad(struct __sk_buff *skb)
{
	int key = which, error;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a)
		return 0;
	error = bpf_res_spin_lock(&a->lock);
	if (error > 0)
		return error;
	a->n++;
	bpf_res_spin_unlock(&a->lock); // error: res-lock
	return 0;
}

SEC("tc")
int never_taken_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (a)
		bpf_res_spin_unlock(&a->lock); // error: res-lock
	return 0;
}

SEC("tc")
int other_value_bad(struct __sk_buff *skb)
{
	int key = which, other = which + 1;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&firsts, &other);

	if (!a || !b || bpf_res_spin_lock(&a->lock))
		return 0;
	a->n++;
	bpf_res_spin_unlock(&b->lock); // error: res-lock
	return 0;
}

SEC("tc")
int same_lock_again_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	if (bpf_res_spin_lock(&a->lock) == 0) // error: res-lock
		bpf_res_spin_unlock(&a->lock);
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

/* The verifier cannot know that both lookups give the same value; at run time the second lock fails. */
SEC("tc")
int same_value_by_two_lookups_ok(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&firsts, &key);

	if (!a || !b || bpf_res_spin_lock(&a->lock))
		return 0;
	if (bpf_res_spin_lock(&b->lock) == 0)
		bpf_res_spin_unlock(&b->lock);
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int nested_ok(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&seconds, &key);

	if (!a || !b || bpf_res_spin_lock(&a->lock))
		return 0;
	if (bpf_res_spin_lock(&b->lock))
		goto out;
	b->n += a->n;
	bpf_res_spin_unlock(&b->lock);
out:
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int first_taken_first_released_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&seconds, &key);

	if (!a || !b || bpf_res_spin_lock(&a->lock))
		return 0;
	if (bpf_res_spin_lock(&b->lock)) {
		bpf_res_spin_unlock(&a->lock);
		return 0;
	}
	bpf_res_spin_unlock(&a->lock); // error: res-lock
	bpf_res_spin_unlock(&b->lock);
	return 0;
}

SEC("tc")
int inner_kept_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&seconds, &key);

	if (!a || !b || bpf_res_spin_lock(&a->lock))
		return 0;
	if (bpf_res_spin_lock(&b->lock)) {
		bpf_res_spin_unlock(&a->lock);
		return 0;
	}
	if (b->n)
		bpf_res_spin_unlock(&b->lock);
	bpf_res_spin_unlock(&a->lock); // error: res-lock
	return 0; // error: lock-unbalanced
}

SEC("tc")
int still_held_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	if (a->n == which)
		return 0; // error: lock-unbalanced
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int with_interrupts_off_ok(struct __sk_buff *skb)
{
	unsigned long flags;
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock_irqsave(&a->lock, &flags))
		return 0;
	a->n++;
	bpf_res_spin_unlock_irqrestore(&a->lock, &flags);
	return 0;
}

SEC("tc")
int interrupts_forgotten_bad(struct __sk_buff *skb)
{
	unsigned long flags;
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock_irqsave(&a->lock, &flags))
		return 0;
	a->n++;
	bpf_res_spin_unlock(&a->lock); // error: res-lock
	return 0;
}

SEC("tc")
int interrupts_were_on_bad(struct __sk_buff *skb)
{
	unsigned long flags;
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	a->n++;
	bpf_res_spin_unlock_irqrestore(&a->lock, &flags); // error: res-lock
	return 0;
}

SEC("tc")
int flags_of_another_save_bad(struct __sk_buff *skb)
{
	unsigned long outer, inner;
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a)
		return 0;
	bpf_local_irq_save(&outer);
	if (bpf_res_spin_lock_irqsave(&a->lock, &inner)) {
		bpf_local_irq_restore(&outer);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&a->lock, &outer); // error: irq-unbalanced
	bpf_local_irq_restore(&inner);
	return 0;
}

SEC("tc")
int flags_swapped_bad(struct __sk_buff *skb)
{
	unsigned long outer, inner;
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);
	struct shared *b = bpf_map_lookup_elem(&seconds, &key);

	if (!a || !b || bpf_res_spin_lock_irqsave(&a->lock, &outer))
		return 0;
	if (bpf_res_spin_lock_irqsave(&b->lock, &inner)) {
		bpf_res_spin_unlock_irqrestore(&a->lock, &outer);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&b->lock, &outer); // error: irq-unbalanced
	bpf_res_spin_unlock_irqrestore(&a->lock, &inner);
	return 0;
}

SEC("tc")
int helper_under_it_bad(struct __sk_buff *skb)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	a->n = bpf_get_prandom_u32(); // error: call-under-lock
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int within_a_spin_lock_ok(struct __sk_buff *skb)
{
	int key = which;
	struct plain *p = bpf_map_lookup_elem(&plains, &key);
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!p || !a)
		return 0;
	bpf_spin_lock(&p->lock);
	if (bpf_res_spin_lock(&a->lock) == 0) {
		a->n += p->n;
		bpf_res_spin_unlock(&a->lock);
	}
	bpf_spin_unlock(&p->lock);
	return 0;
}

SEC("tc")
int around_a_spin_lock_bad(struct __sk_buff *skb)
{
	int key = which;
	struct plain *p = bpf_map_lookup_elem(&plains, &key);
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!p || !a || bpf_res_spin_lock(&a->lock))
		return 0;
	bpf_spin_lock(&p->lock); // error: call-under-lock
	bpf_spin_unlock(&p->lock);
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int spin_lock_released_too_early_bad(struct __sk_buff *skb)
{
	int key = which;
	struct plain *p = bpf_map_lookup_elem(&plains, &key);
	struct shared *a = bpf_map_lookup_elem(&firsts, &key);

	if (!p || !a)
		return 0;
	bpf_spin_lock(&p->lock);
	if (bpf_res_spin_lock(&a->lock)) {
		bpf_spin_unlock(&p->lock);
		return 0;
	}
	bpf_spin_unlock(&p->lock); // error: lock-unbalanced
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("raw_tp/sys_enter")
int in_a_tracing_program_bad(void *ctx)
{
	int key = which;
	struct shared *a = bpf_map_lookup_elem(&firsts, &key); // error: special-field-prog-type

	if (!a || bpf_res_spin_lock(&a->lock))
		return 0;
	bpf_res_spin_unlock(&a->lock);
	return 0;
}
