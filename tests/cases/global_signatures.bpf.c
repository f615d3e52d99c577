// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prototypes of global functions that the verifier takes, and others. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

#define GLOBAL __attribute__((noinline))
#define TAG(word) __attribute__((btf_decl_tag("arg:" #word)))

struct pair {
	u64 a, b;
};

struct pair shared;
u64 sum;

enum answer {
	NO,
	YES,
};

GLOBAL enum answer answers(u64 n)
{
	sum = n;
	return n > 3 ? YES : NO;
}

GLOBAL bool is_large(u64 n)
{
	sum = n;
	return n > 3;
}

GLOBAL int of_array(int (*numbers)[4])
{
	return numbers ? (*numbers)[0] + sum : 0;
}

GLOBAL void returns_nothing(u64 n) // error: global-signature
{
	sum = n;
}

GLOBAL struct pair *returns_pointer(u64 n) // error: global-signature
{
	sum = n;
	return &shared;
}

GLOBAL int takes_bytes(void *bytes) // error: global-signature
{
	return bytes ? *(char *)bytes + sum : 0;
}

GLOBAL int takes_struct(struct pair p) // error: global-signature
{
	return p.a + sum;
}

GLOBAL int takes_tagged_number(u64 n TAG(nonnull)) // error: global-signature
{
	return n + sum;
}

GLOBAL int takes_nullable_memory(struct pair *p TAG(nullable)) // error: global-signature
{
	return p ? p->a + sum : 0;
}

GLOBAL int takes_contradiction(struct task_struct *t TAG(trusted) TAG(nonnull)) // error: global-signature
{
	return t->pid + sum;
}

GLOBAL int takes_own_type(struct pair *p TAG(trusted)) // error: global-signature
{
	return p->a + sum;
}

GLOBAL void nobody_calls(u64 n)
{
	sum = n;
}

SEC("tc")
int enum_ok(struct __sk_buff *skb)
{
	sum += answers(skb->len);
	return 0;
}

SEC("tc")
int truth_ok(struct __sk_buff *skb)
{
	sum += is_large(skb->len);
	return 0;
}

SEC("tc")
int array_ok(struct __sk_buff *skb)
{
	int numbers[4] = { skb->len };

	sum += of_array(&numbers);
	return 0;
}

SEC("tc")
int nothing_bad(struct __sk_buff *skb)
{
	returns_nothing(skb->len);
	return 0;
}

SEC("tc")
int pointer_bad(struct __sk_buff *skb)
{
	sum += returns_pointer(skb->len) != NULL;
	return 0;
}

SEC("tc")
int bytes_bad(struct __sk_buff *skb)
{
	sum += takes_bytes(&shared);
	return 0;
}

SEC("tc")
int struct_bad(struct __sk_buff *skb)
{
	struct pair p = { skb->len, skb->mark };

	sum += takes_struct(p);
	return 0;
}

SEC("tc")
int tagged_number_bad(struct __sk_buff *skb)
{
	sum += takes_tagged_number(skb->len);
	return 0;
}

SEC("tc")
int nullable_memory_bad(struct __sk_buff *skb)
{
	sum += takes_nullable_memory(&shared);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(contradiction_bad, struct task_struct *task, u64 clone_flags)
{
	sum += takes_contradiction(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(own_type_bad, struct task_struct *task, u64 clone_flags)
{
	sum += takes_own_type((struct pair *)task);
	return 0;
}
