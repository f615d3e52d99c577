// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers that are cast to pointers, where memory, a context, a map or a function is wanted. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags) __ksym;

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, int);
	__type(value, long);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

int sink;

static long each(u32 index, void *data)
{
	sink += index;
	return 0;
}

SEC("tc")
int context_of_a_callback_bad(struct __sk_buff *skb)
{
	return bpf_loop(3, each, (void *)1, 0) == 3; // error: callback-argument
}

SEC("tc")
int context_of_a_callback_ok(struct __sk_buff *skb)
{
	int data = 0;

	sink = bpf_loop(3, each, NULL, 0);
	return bpf_loop(3, each, &data, 0) == 3;
}

SEC("tc")
int key_bad(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&counters, (void *)1) != NULL; // error: memory-argument
}

/* What an argument is that stands in the packet, only the verifier knows. */
SEC("tc")
int key_in_the_packet_ok(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (data + sizeof(int) > end)
		return 0;
	return bpf_map_lookup_elem(&counters, data) != NULL;
}

SEC("tc")
int record_bad(struct __sk_buff *skb)
{
	return bpf_ringbuf_output(&ring, (void *)16, 8, 0); // error: memory-argument
}

SEC("tc")
int program_context_bad(struct __sk_buff *skb)
{
	return bpf_skb_pull_data((void *)1, 8); // error: context-argument
}

SEC("tc")
int map_bad(struct __sk_buff *skb)
{
	int key = 0;

	return bpf_map_lookup_elem((void *)1, &key) != NULL; // error: map-argument
}

SEC("tc")
int function_bad(struct __sk_buff *skb)
{
	return bpf_loop(3, (void *)1, NULL, 0) == 3; // error: callback-argument
}

SEC("syscall")
int memory_of_a_kfunc_bad(void *ctx)
{
	return bpf_copy_from_user_str((void *)1, 8, NULL, 0); // error: memory-argument
}

/* Where it is copied from is for the kfunc to find out. */
SEC("syscall")
int address_of_a_user_ok(void *ctx)
{
	char text[8];

	return bpf_copy_from_user_str(text, sizeof(text), (void *)16, 0);
}
