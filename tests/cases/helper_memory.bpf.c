// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that helpers read and write: whose it may be, how large it is, whether the size has bounds. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer, u32 size) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *ptr) __ksym;

char _license[] SEC("license") = "GPL";

struct word {
	u64 first;
	u64 second;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u64);
	__type(value, struct word);
} words SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, u64);
} sockets SEC(".maps");

const volatile char fixed[16] = "fixed";
char text[16];
u32 length;
u64 address;
int result;
u64 number;

/* Kernel objects as memory: trusted ones, to read from. */

SEC("tp_btf/task_newtask")
int BPF_PROG(trusted_object_ok, struct task_struct *task, u64 clone_flags)
{
	result = bpf_strncmp(task->comm, sizeof(task->comm), "init");
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(current_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *current = bpf_get_current_task_btf();

	result = bpf_strncmp(current->comm, sizeof(current->comm), "init");
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(part_of_member_ok, struct task_struct *task, u64 clone_flags)
{
	result = bpf_strncmp(&task->comm[4], 12, "init");
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(acquired_object_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	result = bpf_strncmp(t->comm, sizeof(t->comm), "init"); // error: memory-argument
	bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(walked_object_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *waker = task->last_wakee;

	result = bpf_strncmp(waker->comm, sizeof(waker->comm), "init"); // error: memory-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(rcu_object_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *leader = task->group_leader;

	result = bpf_strncmp(leader->comm, sizeof(leader->comm), "init"); // error: memory-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(written_object_bad, struct task_struct *task, u64 clone_flags)
{
	bpf_get_current_comm(task->comm, sizeof(task->comm)); // error: memory-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(beyond_member_bad, struct task_struct *task, u64 clone_flags)
{
	result = bpf_strncmp(task->comm, sizeof(task->comm) + 1, "init"); // error: buffer-size
	return 0;
}

SEC("tc")
int context_as_memory_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp((void *)skb, 8, "init"); // error: memory-argument
	return 0;
}

SEC("tc")
int map_as_memory_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp((void *)&words, 8, "init"); // error: memory-argument
	return 0;
}

SEC("tc")
int number_any_ok(struct __sk_buff *skb)
{
	/* Where an address is read, any address will do. */
	result = bpf_probe_read_kernel(text, sizeof(text), (void *)skb);
	return 0;
}

/* NULL. */

SEC("tc")
int null_memory_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp(NULL, 8, "init"); // error: null-argument
	return 0;
}

SEC("tc")
int null_optional_ok(struct __sk_buff *skb)
{
	result = bpf_csum_diff(NULL, 0, (void *)text, sizeof(text), 0);
	return 0;
}

SEC("tc")
int null_with_size_bad(struct __sk_buff *skb)
{
	result = bpf_csum_diff(NULL, 8, (void *)text, sizeof(text), 0); // error: null-argument
	return 0;
}

SEC("tc")
int null_initial_value_ok(struct __sk_buff *skb)
{
	u64 key = 1;
	struct word *w = bpf_map_lookup_elem(&words, &key);

	if (w)
		return bpf_map_update_elem(&words, &key, w, 0);
	return 0;
}

SEC("tc")
int unchecked_value_bad(struct __sk_buff *skb)
{
	u64 key = 1, next = 2;
	struct word *w = bpf_map_lookup_elem(&words, &key);

	return bpf_map_update_elem(&words, &next, w, 0); // error: null-argument
}

SEC("tc")
int unchecked_key_bad(struct __sk_buff *skb)
{
	u64 key = 1;
	u64 *w = bpf_map_lookup_elem(&words, &key);

	return bpf_map_delete_elem(&words, w); // error: null-argument
}

SEC("tc")
int unchecked_member_bad(struct __sk_buff *skb)
{
	u64 key = 1;
	struct word *w = bpf_map_lookup_elem(&words, &key);

	bpf_get_current_comm(&w->second, 8); // error: null-argument
	return 0;
}

/* Sizes. */

SEC("tc")
int whole_value_ok(struct __sk_buff *skb)
{
	u64 key = 1;
	struct word *w = bpf_map_lookup_elem(&words, &key);

	if (w)
		bpf_get_current_comm(w, sizeof(*w));
	return 0;
}

SEC("tc")
int beyond_value_bad(struct __sk_buff *skb)
{
	u64 key = 1;
	struct word *w = bpf_map_lookup_elem(&words, &key);

	if (w)
		bpf_get_current_comm(&w->second, sizeof(*w)); // error: buffer-size
	return 0;
}

SEC("tc")
int beyond_record_bad(struct __sk_buff *skb)
{
	struct word *w = bpf_ringbuf_reserve(&ring, 8, 0);

	if (!w)
		return 0;
	bpf_get_current_comm(w, sizeof(*w)); // error: buffer-size
	bpf_ringbuf_submit(w, 0);
	return 0;
}

SEC("tc")
int short_key_bad(struct __sk_buff *skb)
{
	u32 *key = bpf_ringbuf_reserve(&ring, sizeof(*key), 0);

	if (!key)
		return 0;
	*key = 1;
	bpf_map_delete_elem(&words, key); // error: buffer-size
	bpf_ringbuf_discard(key, 0);
	return 0;
}

SEC("tc")
int no_upper_bound_bad(struct __sk_buff *skb)
{
	bpf_probe_read_kernel(text, length, (void *)address); // error: buffer-size
	return 0;
}

SEC("tc")
int compared_ok(struct __sk_buff *skb)
{
	u32 n = length;

	if (n <= sizeof(text))
		bpf_probe_read_kernel(text, n, (void *)address);
	return 0;
}

SEC("tc")
int masked_ok(struct __sk_buff *skb)
{
	bpf_probe_read_kernel(text, length & 15, (void *)address);
	return 0;
}

SEC("tc")
int zero_bad(struct __sk_buff *skb)
{
	bpf_get_current_comm(text, 0); // error: buffer-size
	return 0;
}

SEC("tc")
int zero_allowed_ok(struct __sk_buff *skb)
{
	bpf_probe_read_kernel(text, 0, (void *)address);
	return 0;
}

SEC("tc")
int negative_bad(struct __sk_buff *skb)
{
	bpf_probe_read_kernel(text, -1, (void *)address); // error: buffer-size
	return 0;
}

/* Read-only memory. */

SEC("tc")
int read_only_data_read_ok(struct __sk_buff *skb)
{
	result = bpf_strncmp((const char *)fixed, sizeof(fixed), "init");
	return 0;
}

SEC("tc")
int read_only_data_bad(struct __sk_buff *skb)
{
	bpf_get_current_comm((char *)fixed, sizeof(fixed)); // error: read-only-argument
	return 0;
}

SEC("tc")
int slice_read_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		result = bpf_strncmp(p, sizeof(room), "init");
	return 0;
}

SEC("tc")
int slice_written_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8], *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		bpf_get_current_comm(p, sizeof(room)); // error: read-only-argument
	return 0;
}

SEC("tc")
int slice_as_value_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	u64 key = 1;
	char room[16];
	void *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		bpf_map_update_elem(&words, &key, p, 0); // error: read-only-argument
	return 0;
}

SEC("tc")
int slice_as_key_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char room[8];
	void *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, room, sizeof(room));
	if (p)
		bpf_map_delete_elem(&words, p); // error: read-only-argument
	return 0;
}

SEC("tc")
int fixed_size_result_bad(struct __sk_buff *skb)
{
	result = bpf_strtoul(text, sizeof(text), 0, (unsigned long *)fixed); // error: read-only-argument
	return 0;
}

SEC("tc")
int fixed_size_result_ok(struct __sk_buff *skb)
{
	result = bpf_strtoul(text, sizeof(text), 0, (unsigned long *)&number);
	return 0;
}

/* Released and stale memory. */

SEC("tc")
int submitted_record_bad(struct __sk_buff *skb)
{
	char *name = bpf_ringbuf_reserve(&ring, 16, 0);

	if (!name)
		return 0;
	bpf_ringbuf_submit(name, 0);
	bpf_get_current_comm(name, 16); // error: use-after-release
	return 0;
}

SEC("tc")
int socket_map_takes_no_memory_bad(struct __sk_buff *skb)
{
	int key = 0;
	u64 value = 1;

	return bpf_map_update_elem(&sockets, &key, &value, 0); // error: not-kernel-pointer
}
