// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Dynptrs that callbacks and global functions are given, what dynptrs may cover, and when slices end. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt,
				   u32 buffer__szk) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end) __ksym;
extern int bpf_xdp_pull_data(struct xdp_md *x, u32 len) __ksym;

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct bpf_dynptr);
} kept SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} programs SEC(".maps");

char memory[64];
int sink;

/* Callbacks of bpf_user_ringbuf_drain(). */

static long read_sample(struct bpf_dynptr *sample, void *context)
{
	char room[4], *slice, *data = bpf_dynptr_data(sample, 0, 4);

	if (data)
		sink = *data;
	slice = bpf_dynptr_slice(sample, 0, room, sizeof(room));
	if (slice)
		sink = *slice;
	bpf_dynptr_write(sample, 0, room, 1, 0);
	return 0;
}

static long clone_sample(struct bpf_dynptr *sample, void *context)
{
	struct bpf_dynptr d;

	bpf_dynptr_clone(sample, &d);
	bpf_dynptr_adjust(&d, 0, 4);
	sink = bpf_dynptr_size(&d);
	return 0;
}

static long discard_sample(struct bpf_dynptr *sample, void *context)
{
	bpf_ringbuf_discard_dynptr(sample, 0); // error: dynptr-const
	return 0;
}

static long reserve_sample(struct bpf_dynptr *sample, void *context)
{
	bpf_ringbuf_reserve_dynptr(&events, 8, 0, sample); // error: dynptr-const
	return 0;
}

static long read_next_sample(struct bpf_dynptr *sample, void *context)
{
	sink = bpf_dynptr_size(sample + 1); // error: dynptr-const
	return 0;
}

static long clear_sample(struct bpf_dynptr *sample, void *context)
{
	*(long *)sample = 0; // error: dynptr-const
	return 0;
}

static long unchecked_sample(struct bpf_dynptr *sample, void *context)
{
	char *data = bpf_dynptr_data(sample, 0, 4);

	sink = *data; // error: unchecked-null
	return 0;
}

SEC("tc")
int read_samples_ok(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, read_sample, NULL, 0);
	return 0;
}

SEC("tc")
int clone_samples_ok(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, clone_sample, NULL, 0);
	return 0;
}

SEC("tc")
int discard_samples_bad(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, discard_sample, NULL, 0);
	return 0;
}

SEC("tc")
int reserve_samples_bad(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, reserve_sample, NULL, 0);
	return 0;
}

SEC("tc")
int read_next_samples_bad(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, read_next_sample, NULL, 0);
	return 0;
}

SEC("tc")
int clear_samples_bad(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, clear_sample, NULL, 0);
	return 0;
}

SEC("tc")
int unchecked_samples_bad(struct __sk_buff *skb)
{
	bpf_user_ringbuf_drain(&samples, unchecked_sample, NULL, 0);
	return 0;
}

/* Global functions. */

__noinline int size_of(const struct bpf_dynptr *d)
{
	return bpf_dynptr_size(d);
}

__noinline int submit_it(struct bpf_dynptr *d)
{
	bpf_ringbuf_submit_dynptr(d, 0); // error: dynptr-const
	return 0;
}

SEC("tc")
int handed_over_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	sink = size_of(&d);
	return 0;
}

SEC("tc")
int handed_over_empty_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	sink = size_of(&d); // error: dynptr-uninit
	return 0;
}

SEC("tc")
int handed_over_null_bad(struct __sk_buff *skb)
{
	sink = size_of(NULL); // error: dynptr-not-stack
	return 0;
}

SEC("tc")
int handed_over_from_a_map_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct bpf_dynptr *d = bpf_map_lookup_elem(&kept, &key);

	if (d)
		sink = size_of(d); // error: dynptr-not-stack
	return 0;
}

SEC("tc")
int submitted_elsewhere_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	submit_it(&d);
	bpf_ringbuf_discard_dynptr(&d, 0);
	return 0;
}

/* What a dynptr may cover. */

SEC("tc")
int over_map_memory_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	sink = bpf_dynptr_size(&d);
	return 0;
}

SEC("tc")
int over_part_of_it_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory + 16, 32, 0, &d);
	sink = bpf_dynptr_size(&d);
	return 0;
}

SEC("tc")
int over_the_stack_bad(struct __sk_buff *skb)
{
	char room[16] = {};
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(room, sizeof(room), 0, &d); // error: dynptr-source
	return 0;
}

SEC("tc")
int over_a_record_bad(struct __sk_buff *skb)
{
	char *record = bpf_ringbuf_reserve(&events, 16, 0);
	struct bpf_dynptr d;

	if (!record)
		return 0;
	bpf_dynptr_from_mem(record, 16, 0, &d); // error: dynptr-source
	bpf_ringbuf_discard(record, 0);
	return 0;
}

SEC("tc")
int over_a_slice_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d, e;
	char *data;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	data = bpf_dynptr_data(&d, 0, 16);
	if (data)
		bpf_dynptr_from_mem(data, 16, 0, &e); // error: dynptr-source
	return 0;
}

/* Writable slices. */

static __always_inline void mark_first(struct bpf_dynptr *d)
{
	char room[8], *p = bpf_dynptr_slice_rdwr(d, 0, room, sizeof(room)); // error: dynptr-rdwr-not-allowed

	if (p)
		*p = 1;
}

static __always_inline void mark_packet(struct bpf_dynptr *d)
{
	char room[8], *p = bpf_dynptr_slice_rdwr(d, 0, room, sizeof(room));

	if (p)
		*p = 1;
}

SEC("tc")
int mark_tc_ok(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_packet(&d);
	return 0;
}

SEC("xdp")
int mark_xdp_ok(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_packet(&d);
	return XDP_PASS;
}

SEC("lwt_xmit")
int mark_lwt_xmit_ok(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_packet(&d);
	return 0;
}

SEC("lwt_in")
int mark_lwt_in_bad(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_first(&d);
	return 0;
}

SEC("socket")
int mark_socket_bad(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_first(&d);
	return 0;
}

SEC("raw_tp/sys_enter")
int mark_raw_tp_bad(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	mark_first(&d);
	return 0;
}

/* When slices end. */

__noinline int pull(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, 64);
}

__noinline int pull_through_another(struct __sk_buff *skb)
{
	return pull(skb) + 1;
}

__noinline int length_of(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("tc")
int global_function_moves_it_bad(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	pull_through_another(skb);
	sink = *p; // error: dynptr-stale-slice
	return 0;
}

SEC("tc")
int global_function_leaves_it_ok(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	sink = length_of(skb);
	sink += *p;
	return 0;
}

SEC("tc")
int slice_of_a_clone_bad(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d, e;

	bpf_dynptr_from_skb(skb, 0, &d);
	bpf_dynptr_clone(&d, &e);
	p = bpf_dynptr_slice(&e, 0, room, sizeof(room));
	if (!p)
		return 0;
	bpf_dynptr_write(&d, 0, "a", 1, 0);
	sink = *p; // error: dynptr-stale-slice
	return 0;
}

SEC("xdp")
int pulled_bad(struct xdp_md *ctx)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return XDP_PASS;
	bpf_xdp_pull_data(ctx, 64);
	sink = *p; // error: dynptr-stale-slice
	return XDP_PASS;
}

SEC("xdp")
int written_in_place_ok(struct xdp_md *ctx)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_xdp(ctx, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return XDP_PASS;
	bpf_dynptr_write(&d, 0, "a", 1, 0);
	sink = *p;
	return XDP_PASS;
}

static __noinline int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &programs, 0);
	return 1;
}

/* The program goes on only where the tail call failed. */
SEC("tc")
int after_a_failed_tail_call_ok(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	bpf_tail_call(skb, &programs, 0);
	sink = *p;
	return 0;
}

/* What was called instead of the rest of jump() comes back here. */
SEC("tc")
int after_a_tail_call_elsewhere_bad(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	jump(skb);
	sink = *p; // error: dynptr-stale-slice
	return 0;
}

SEC("tc")
int packet_dynptr_made_anew_ok(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	bpf_dynptr_from_skb(skb, 0, &d);
	sink = *p;
	return 0;
}

SEC("tc")
int data_of_a_dynptr_made_anew_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char *data;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	data = bpf_dynptr_data(&d, 0, 8);
	if (!data)
		return 0;
	bpf_dynptr_from_mem(memory, 32, 0, &d);
	sink = *data; // error: dynptr-stale-slice
	return 0;
}

SEC("tc")
int slice_of_a_dynptr_made_anew_ok(struct __sk_buff *skb)
{
	char room[8], *p;
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(memory, sizeof(memory), 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p)
		return 0;
	bpf_dynptr_from_mem(memory, 32, 0, &d);
	sink = *p;
	return 0;
}

SEC("tc")
int data_of_a_clone_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d, e;
	char *data;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	bpf_dynptr_clone(&d, &e);
	data = bpf_dynptr_data(&e, 0, 8);
	bpf_ringbuf_submit_dynptr(&d, 0);
	if (data)
		sink = *data; // error: dynptr-stale-slice
	return 0;
}

/* The verifier does not tie such slices to the record. */

SEC("tc")
int slice_after_the_submit_warn(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (!p) {
		bpf_ringbuf_discard_dynptr(&d, 0);
		return 0;
	}
	bpf_ringbuf_submit_dynptr(&d, 0);
	sink = *p; // warning: submitted-slice
	return 0;
}

SEC("tc")
int slice_written_after_the_submit_warn(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	p = bpf_dynptr_slice_rdwr(&d, 0, room, sizeof(room));
	if (!p) {
		bpf_ringbuf_discard_dynptr(&d, 0);
		return 0;
	}
	bpf_ringbuf_submit_dynptr(&d, 0);
	p[1] = 1; // warning: submitted-slice
	return 0;
}

SEC("tc")
int slice_of_a_clone_after_the_discard_warn(struct __sk_buff *skb)
{
	struct bpf_dynptr d, e;
	char room[8], *p;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	bpf_dynptr_clone(&d, &e);
	p = bpf_dynptr_slice(&e, 0, room, sizeof(room));
	if (!p) {
		bpf_ringbuf_discard_dynptr(&e, 0);
		return 0;
	}
	bpf_ringbuf_discard_dynptr(&d, 0);
	sink = *p; // warning: submitted-slice
	return 0;
}

SEC("tc")
int slice_before_the_submit_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		sink = *p;
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}
