// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Known wrong answers, FP_: an error about what loads, FN_: silence about what does not. Each with its reason. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} values SEC(".maps");

int sink;

char _license[] SEC("license") = "GPL";

/* The verifier takes a pointer into the packet for NULL at each test; where compilers do not merge the tests it walks
 * a path that no packet takes. They mostly do, so that reporting it would be wrong more often than right. */
SEC("xdp")
int FN_packet_pointer_is_tested_again(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;

	if (!data)
		return XDP_DROP;
	barrier_var(data);
	if (!data)
		bpf_task_release(NULL);
	return XDP_PASS;
}

/* Assembly is not understood; a note says so. */
SEC("tc")
int FN_assembly_ends_the_program(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);

	asm volatile("r0 = 0; exit" ::: "r0");
	if (task)
		bpf_task_release(task);
	return 0;
}

/* The lookup cannot fail, and the verifier sees it where the compiler gives the key a stack slot that begins at a
 * multiple of eight; which slot it gets, nobody can tell from the source. */
SEC("tc")
int FP_key_is_constant(struct __sk_buff *skb)
{
	u32 key __attribute__((aligned(8))) = 1;
	u64 *value = bpf_map_lookup_elem(&values, &key);

	return *value;
}

/* Reaching through NULL is undefined: the compiler drops the branch, and nothing is left for the verifier to see. */
SEC("tc")
int FP_undefined_code_is_dropped(struct __sk_buff *skb)
{
	u32 key = skb->mark;
	u64 *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		sink = *value;
	return 0;
}

/* What is read is not used: the compiler drops it. */
SEC("syscall")
int FP_unused_read_is_dropped(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int pid = task->pid;

	if (task)
		bpf_task_release(task);
	return 0;
}

static volatile int rounds;

__noinline int unused(u64 *value)
{
	return rounds++;
}

/* Compilers do not pass what a global function does not use (unless it is __weak), and the verifier asks for it all the
 * same. What the register holds instead, and so whether it will do, the source does not tell. */
SEC("tc")
int FN_unused_parameter_is_not_passed(struct __sk_buff *skb)
{
	u64 value = bpf_get_prandom_u32();

	sink = unused(&value);
	return 0;
}

/* A kernel object is read member by member; which words the compiler copies a struct in, and so whether one of them
 * reaches over two members, depends on what it knows of the alignment. */
SEC("tp_btf/task_newtask")
int FN_struct_is_copied_in_words(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct load_weight load = task->se.load;

	sink = load.weight + load.inv_weight;
	return 0;
}

/* Where compilers know that a pointer is NULL they write 0 in its place, and the verifier sees no pointer any more; behind
 * the place where the branches meet it is a pointer again. It may be NULL to the verifier at each test, as all that RCU
 * protects. */
SEC("tp_btf/task_newtask")
int FN_zero_stands_for_a_pointer(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct task_struct *leader = task->group_leader, *got;

	if (!leader) {
		got = bpf_task_acquire(leader);
		if (got)
			bpf_task_release(got);
	}
	return 0;
}

/* The verifier remembers what a number is, and between which limits, but not what it is not: in the second round of the
 * loop it takes both branches again. Outside of loops compilers make one of two equal tests. */
SEC("tc")
int FN_number_is_not_two(struct __sk_buff *skb)
{
	u32 number = bpf_get_prandom_u32();
	struct task_struct *task = NULL;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	while (bpf_iter_num_next(&it)) {
		if (number != 2)
			task = bpf_task_from_pid(1);
		if (task)
			bpf_task_release(task);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

/* Compilers calculate in 32 bits what is stored in 32 bits, where the target has such instructions: in place, which is
 * refused, or on a copy of half of the pointer, which is a number. */
SEC("tc")
int FN_low_bits_of_a_pointer(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	sink = (u64)task & 0xff;
	bpf_task_release(task);
	return 0;
}

/* Compilers make one test of two: whether any bit of either pointer is set, and no pointer may be calculated with. */
SEC("tc")
int FN_one_or_the_other(struct __sk_buff *skb)
{
	struct task_struct *one = bpf_task_from_pid(1), *other = bpf_task_from_pid(2);

	if (one || other)
		sink = 1;
	if (one)
		bpf_task_release(one);
	if (other)
		bpf_task_release(other);
	return 0;
}
