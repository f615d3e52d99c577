// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Iterators and dynptrs are local variables whose bytes belong to the kernel: not read, not copied, not elsewhere. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *unsafe_ptr__ign, u32 nr_words) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk) __ksym;

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct bpf_iter_num);
} iterators SEC(".maps");

struct tagged_dynptr {
	int tag;
	struct bpf_dynptr d;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct tagged_dynptr);
} tagged SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct bpf_iter_num global_iterator;
struct bpf_dynptr global_dynptr;
char memory[64];
int sink;
int which;

static __noinline int sum_up(struct bpf_iter_num *it)
{
	int sum = 0, *v;

	while ((v = bpf_iter_num_next(it)))
		sum += *v;
	return sum;
}

static int next_one(u32 round, struct bpf_iter_num *it)
{
	int *v = bpf_iter_num_next(it);

	if (v)
		sink += *v;
	return 0;
}

SEC("tc")
int handed_to_a_static_function_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	sink = sum_up(&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int handed_to_a_callback_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	bpf_loop(3, next_one, &it, 0);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int two_nested_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num outer, inner;
	int *v;

	bpf_iter_num_new(&outer, 0, 4);
	while ((v = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, *v);
		sink += sum_up(&inner);
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return 0;
}

SEC("tc")
int inner_kept_on_continue_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num outer, inner;
	int *v;

	bpf_iter_num_new(&outer, 0, 4);
	while ((v = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, 4); // error: iter-double-init
		if (*v == which)
			continue;
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return 0;
}

SEC("tc")
int global_iterator_bad(struct __sk_buff *skb)
{
	bpf_iter_num_new(&global_iterator, 0, 4); // error: iter-not-stack
	return 0;
}

SEC("tc")
int iterator_of_a_map_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct bpf_iter_num *it = bpf_map_lookup_elem(&iterators, &key);

	if (it)
		bpf_iter_num_next(it); // error: iter-not-stack
	return 0;
}

SEC("tc")
int no_iterator_bad(struct __sk_buff *skb)
{
	bpf_iter_num_destroy(NULL); // error: iter-not-stack
	return 0;
}

SEC("tc")
int iterator_not_aligned_bad(struct __sk_buff *skb)
{
	char room[24];

	bpf_iter_num_new((struct bpf_iter_num *)(room + 4), 0, 4); // error: iter-double-init
	return 0;
}

SEC("tc")
int iterator_read_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	sink = *(int *)&it; // error: iter-raw-access
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int iterator_read_after_destroy_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	bpf_iter_num_destroy(&it);
	sink = *(int *)&it;
	return 0;
}

SEC("tc")
int second_word_read_bad(struct __sk_buff *skb)
{
	struct bpf_iter_bits it;
	u64 word = 5;

	bpf_iter_bits_new(&it, &word, 1);
	sink = *((int *)&it + 2); // error: iter-raw-access
	bpf_iter_bits_destroy(&it);
	return 0;
}

SEC("tc")
int iterator_as_a_map_value_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int key = 0;

	bpf_iter_num_new(&it, 0, 4);
	bpf_map_update_elem(&iterators, &key, &it, 0); // error: iter-raw-access
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int iterator_filled_by_a_helper_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	bpf_get_current_comm(&it, sizeof(it));
	bpf_iter_num_destroy(&it); // error: iter-uninit
	return 0;
}

SEC("tc")
int second_word_overwritten_bad(struct __sk_buff *skb)
{
	struct bpf_iter_bits it;
	u64 word = 5;

	bpf_iter_bits_new(&it, &word, 1);
	*((volatile long *)&it + 1) = 1;
	bpf_iter_bits_destroy(&it); // error: iter-uninit
	return 0;
}

SEC("tc")
int beside_an_iterator_ok(struct __sk_buff *skb)
{
	struct {
		int before;
		struct bpf_iter_num it;
		int after;
	} s;

	bpf_iter_num_new(&s.it, 0, 4);
	s.before = which;
	s.after = skb->len;
	s.before += sum_up(&s.it);
	bpf_iter_num_destroy(&s.it);
	sink = s.before + s.after;
	return 0;
}

SEC("xdp")
int dynptr_read_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	sink = *(int *)&d; // error: dynptr-raw-access
	return XDP_PASS;
}

SEC("xdp")
int dynptr_within_a_value_bad(struct xdp_md *ctx)
{
	struct tagged_dynptr t;
	int key = 0;

	bpf_dynptr_from_xdp(ctx, 0, &t.d);
	t.tag = 1;
	bpf_map_update_elem(&tagged, &key, &t, 0); // error: dynptr-raw-access
	return XDP_PASS;
}

SEC("xdp")
int dynptr_written_elsewhere_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d, e;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	bpf_dynptr_from_xdp(ctx, 0, &e);
	bpf_dynptr_write(&d, 0, &e, sizeof(e), 0); // error: dynptr-raw-access
	return XDP_PASS;
}

SEC("xdp")
int dynptr_as_room_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	char *p;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, &d, sizeof(d)); // error: dynptr-raw-access
	if (p)
		sink = *p;
	return XDP_PASS;
}

SEC("xdp")
int dynptr_read_into_itself_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	bpf_dynptr_read(&d, sizeof(d), &d, 0, 0); // error: dynptr-overwrite
	return XDP_PASS;
}

SEC("xdp")
int last_byte_of_a_dynptr_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	*((volatile char *)&d + 15) = 1;
	sink = bpf_dynptr_size(&d); // error: dynptr-uninit
	return XDP_PASS;
}

SEC("xdp")
int dynptr_made_anew_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	*((volatile char *)&d + 15) = 1;
	bpf_dynptr_from_xdp(ctx, 0, &d);
	sink = bpf_dynptr_size(&d);
	return XDP_PASS;
}

SEC("xdp")
int record_written_over_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	*((volatile char *)&d + 12) = 1; // error: dynptr-overwrite
	bpf_ringbuf_discard_dynptr(&d, 0);
	return XDP_PASS;
}

SEC("xdp")
int one_over_the_half_of_another_bad(struct xdp_md *ctx)
{
	char room[32];

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, (struct bpf_dynptr *)room);
	bpf_dynptr_from_mem(memory, sizeof(memory), 0, (struct bpf_dynptr *)(room + 8));
	sink = bpf_dynptr_size((struct bpf_dynptr *)room); // error: dynptr-uninit
	return XDP_PASS;
}

SEC("xdp")
int at_an_unknown_index_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d[2];

	bpf_dynptr_from_xdp(ctx, 0, &d[0]);
	bpf_dynptr_from_xdp(ctx, 0, &d[1]);
	sink = bpf_dynptr_size(&d[which & 1]); // error: dynptr-uninit
	return XDP_PASS;
}

SEC("xdp")
int made_at_an_unknown_index_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d[2];

	bpf_dynptr_from_xdp(ctx, 0, &d[which & 1]); // error: dynptr-not-stack
	return XDP_PASS;
}

SEC("xdp")
int global_dynptr_bad(struct xdp_md *ctx)
{
	sink = bpf_dynptr_size(&global_dynptr); // error: dynptr-not-stack
	return XDP_PASS;
}

SEC("xdp")
int no_dynptr_bad(struct xdp_md *ctx)
{
	sink = bpf_dynptr_size(NULL); // error: dynptr-not-stack
	return XDP_PASS;
}

SEC("xdp")
int in_an_array_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d[2];

	bpf_dynptr_from_xdp(ctx, 0, &d[0]);
	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d[1]);
	sink = bpf_dynptr_size(&d[0]) + bpf_dynptr_size(&d[1]);
	return XDP_PASS;
}
