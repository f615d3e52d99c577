// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Strings that the verifier reads itself: in read-only data, at a known place, with their final zero. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern int bpf_cgroup_read_xattr(struct cgroup *cgroup, const char *name, struct bpf_dynptr *value) __ksym;

char _license[] SEC("license") = "GPL";

const char attribute[] = "user.label";
char writable[] = "user.label";
char found[16];
u32 which;
int result;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, char[16]);
} names SEC(".maps");

SEC("tc")
int literal_ok(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), "label");
	return 0;
}

SEC("tc")
int const_array_ok(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), attribute);
	return 0;
}

SEC("tc")
int behind_a_prefix_ok(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), attribute + 5);
	return 0;
}

SEC("tc")
int static_local_ok(struct __sk_buff *skb)
{
	static const char name[] = "label";

	result = bpf_strncmp(found, sizeof(found), name);
	return 0;
}

SEC("tc")
int on_stack_bad(struct __sk_buff *skb)
{
	char name[8] = { 'l', skb->mark };

	result = bpf_strncmp(found, sizeof(found), name); // error: const-string-argument
	return 0;
}

SEC("tc")
int writable_array_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), writable); // error: const-string-argument
	return 0;
}

SEC("tc")
int map_value_bad(struct __sk_buff *skb)
{
	int key = 0;
	char *name = bpf_map_lookup_elem(&names, &key);

	if (!name)
		return 0;
	result = bpf_strncmp(found, sizeof(found), name); // error: const-string-argument
	return 0;
}

SEC("tc")
int somewhere_in_it_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), attribute + (which & 3)); // error: const-string-argument
	return 0;
}

SEC("tc")
int null_bad(struct __sk_buff *skb)
{
	result = bpf_strncmp(found, sizeof(found), NULL); // error: null-argument
	return 0;
}

SEC("tc")
int format_of_snprintf_ok(struct __sk_buff *skb)
{
	u64 args[] = { skb->mark };

	result = bpf_snprintf(found, sizeof(found), "%d", args, sizeof(args));
	return 0;
}

SEC("tc")
int format_of_snprintf_bad(struct __sk_buff *skb)
{
	u64 args[] = { skb->mark };
	char format[8] = { '%', 'd' };

	result = bpf_snprintf(found, sizeof(found), format, args, sizeof(args)); // error: const-string-argument
	return 0;
}

SEC("syscall")
int kfunc_literal_ok(void *ctx)
{
	struct cgroup *group = bpf_cgroup_from_id(1);
	struct bpf_dynptr value;

	if (!group)
		return 0;
	bpf_dynptr_from_mem(found, sizeof(found), 0, &value);
	result = bpf_cgroup_read_xattr(group, "user.label", &value);
	bpf_cgroup_release(group);
	return 0;
}

SEC("syscall")
int kfunc_const_array_ok(void *ctx)
{
	struct cgroup *group = bpf_cgroup_from_id(1);
	struct bpf_dynptr value;

	if (!group)
		return 0;
	bpf_dynptr_from_mem(found, sizeof(found), 0, &value);
	result = bpf_cgroup_read_xattr(group, attribute, &value);
	bpf_cgroup_release(group);
	return 0;
}

SEC("syscall")
int kfunc_on_stack_bad(void *ctx)
{
	struct cgroup *group = bpf_cgroup_from_id(1);
	char name[] = "user.label";
	struct bpf_dynptr value;

	if (!group)
		return 0;
	bpf_dynptr_from_mem(found, sizeof(found), 0, &value);
	result = bpf_cgroup_read_xattr(group, name, &value); // error: const-string-argument
	bpf_cgroup_release(group);
	return 0;
}

SEC("syscall")
int kfunc_writable_bad(void *ctx)
{
	struct cgroup *group = bpf_cgroup_from_id(1);
	struct bpf_dynptr value;

	if (!group)
		return 0;
	bpf_dynptr_from_mem(found, sizeof(found), 0, &value);
	result = bpf_cgroup_read_xattr(group, writable, &value); // error: const-string-argument
	bpf_cgroup_release(group);
	return 0;
}

SEC("syscall")
int kfunc_null_bad(void *ctx)
{
	struct cgroup *group = bpf_cgroup_from_id(1);
	struct bpf_dynptr value;

	if (!group)
		return 0;
	bpf_dynptr_from_mem(found, sizeof(found), 0, &value);
	result = bpf_cgroup_read_xattr(group, NULL, &value); // error: null-argument
	bpf_cgroup_release(group);
	return 0;
}
