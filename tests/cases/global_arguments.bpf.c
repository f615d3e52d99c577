// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arguments of global functions: by their prototypes and tags, whoever calls them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

#define GLOBAL __attribute__((noinline))
#define TAG(word) __attribute__((btf_decl_tag("arg:" #word)))

struct pair {
	u64 a, b;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u64);
	__type(value, struct pair);
} pairs SEC(".maps");

const volatile struct pair preset = { 1, 2 };
struct pair shared;
u64 sum;

GLOBAL int of_number(u64 n)
{
	return n + sum;
}

GLOBAL int of_pair(struct pair *p)
{
	return p ? p->a + sum : 0;
}

GLOBAL int of_checked_pair(struct pair *p TAG(nonnull))
{
	return p->a + sum;
}

GLOBAL int of_context(struct __sk_buff *skb)
{
	return skb->len + sum;
}

GLOBAL int of_tagged_context(void *ctx TAG(ctx))
{
	return ((struct __sk_buff *)ctx)->len + sum;
}

GLOBAL int of_task(struct task_struct *t TAG(trusted))
{
	return t->pid + sum;
}

GLOBAL int of_maybe_task(struct task_struct *t TAG(trusted) TAG(nullable))
{
	return t ? t->pid + sum : 0;
}

GLOBAL int of_untagged_task(struct task_struct *t)
{
	return t ? t->pid + sum : 0;
}

GLOBAL int of_int(int *n)
{
	return n ? *n + sum : 0;
}

SEC("tc")
int number_ok(struct __sk_buff *skb)
{
	sum += of_number(skb->len);
	return 0;
}

SEC("tc")
int pointer_for_number_bad(struct __sk_buff *skb)
{
	sum += of_number((u64)skb); // error: global-argument
	return 0;
}

SEC("tc")
int stack_memory_ok(struct __sk_buff *skb)
{
	struct pair p = { skb->len, skb->mark };

	sum += of_pair(&p);
	return 0;
}

SEC("tc")
int global_memory_ok(struct __sk_buff *skb)
{
	sum += of_pair(&shared);
	return 0;
}

SEC("tc")
int null_memory_ok(struct __sk_buff *skb)
{
	sum += of_pair(NULL);
	return 0;
}

SEC("tc")
int unchecked_memory_ok(struct __sk_buff *skb)
{
	u64 key = 1;

	sum += of_pair(bpf_map_lookup_elem(&pairs, &key));
	return 0;
}

SEC("tc")
int unchecked_memory_bad(struct __sk_buff *skb)
{
	u64 key = 1;
	struct pair *p = bpf_map_lookup_elem(&pairs, &key);

	sum += of_checked_pair(p); // error: null-argument
	return 0;
}

SEC("tc")
int checked_memory_ok(struct __sk_buff *skb)
{
	u64 key = 1;
	struct pair *p = bpf_map_lookup_elem(&pairs, &key);

	if (p)
		sum += of_checked_pair(p);
	return 0;
}

SEC("tc")
int part_of_memory_bad(struct __sk_buff *skb)
{
	u64 key = 1;
	struct pair *p = bpf_map_lookup_elem(&pairs, &key);

	if (p)
		sum += of_pair((struct pair *)&p->b); // error: buffer-size
	return 0;
}

SEC("tc")
int read_only_memory_bad(struct __sk_buff *skb)
{
	sum += of_pair((struct pair *)&preset); // error: global-argument
	return 0;
}

SEC("tc")
int map_for_memory_bad(struct __sk_buff *skb)
{
	sum += of_pair((struct pair *)&pairs); // error: global-argument
	return 0;
}

SEC("tc")
int context_for_memory_bad(struct __sk_buff *skb)
{
	sum += of_pair((struct pair *)skb); // error: global-argument
	return 0;
}

SEC("tc")
int address_for_memory_bad(struct __sk_buff *skb)
{
	sum += of_pair((struct pair *)0x1000); // error: global-argument
	return 0;
}

SEC("tc")
int context_ok(struct __sk_buff *skb)
{
	sum += of_context(skb) + of_tagged_context(skb);
	return 0;
}

SEC("tc")
int moved_context_bad(struct __sk_buff *skb)
{
	sum += of_context((struct __sk_buff *)&skb->mark); // error: global-argument
	return 0;
}

SEC("tc")
int copied_context_bad(struct __sk_buff *skb)
{
	struct __sk_buff copy = {};

	sum += of_context(&copy); // error: global-argument
	return 0;
}

SEC("tc")
int no_context_bad(struct __sk_buff *skb)
{
	sum += of_tagged_context(NULL); // error: global-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_ok, struct task_struct *task, u64 clone_flags)
{
	sum += of_task(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(walked_task_ok, struct task_struct *task, u64 clone_flags)
{
	sum += of_task(task->last_wakee) + of_task(task->group_leader);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(no_task_bad, struct task_struct *task, u64 clone_flags)
{
	sum += of_task(NULL); // error: null-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(unchecked_task_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(1);

	sum += of_task(t); // error: null-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(unchecked_task_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(1);

	sum += of_maybe_task(t);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(released_task_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (!t)
		return 0;
	bpf_task_release(t);
	sum += of_task(t); // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(stack_for_task_bad, struct task_struct *task, u64 clone_flags)
{
	u64 copy = clone_flags;

	sum += of_task((struct task_struct *)&copy); // error: global-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(other_object_bad, struct task_struct *task, u64 clone_flags)
{
	sum += of_task((struct task_struct *)task->mm); // error: global-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(member_of_task_bad, struct task_struct *task, u64 clone_flags)
{
	sum += of_task((struct task_struct *)&task->pid); // error: global-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(untagged_task_bad, struct task_struct *task, u64 clone_flags)
{
	sum += of_untagged_task(task); // error: global-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(number_in_task_ok, struct task_struct *task, u64 clone_flags)
{
	sum += of_int(&task->pid);
	return 0;
}
