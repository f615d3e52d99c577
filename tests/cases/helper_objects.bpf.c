// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel objects, sockets, percpu objects, contexts and callbacks as arguments of helpers. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, long);
} of_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, long);
} of_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, long);
} of_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, long);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, u64);
} sockets SEC(".maps");

long sum;
u64 cookie;

/* Kernel objects. */

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_ok, struct task_struct *task, u64 clone_flags)
{
	long *v = bpf_task_storage_get(&of_tasks, task, NULL, 0);

	if (v)
		sum += *v;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_walked_ok, struct task_struct *task, u64 clone_flags)
{
	/* Plain kernel pointers will do for helpers. */
	long *v = bpf_task_storage_get(&of_tasks, task->last_wakee, NULL, 0);

	if (v)
		sum += *v;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_null_ok, struct task_struct *task, u64 clone_flags)
{
	return bpf_task_storage_get(&of_tasks, NULL, NULL, 0) != NULL;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_unchecked_ok, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);
	long *v = bpf_task_storage_get(&of_tasks, t, NULL, 0);

	if (v)
		sum += *v;
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(regs_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	sum = bpf_task_pt_regs(t) != 0; // error: null-argument
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_stack_bad, struct task_struct *task, u64 clone_flags)
{
	u64 local = clone_flags;

	return bpf_task_storage_get(&of_tasks, (void *)&local, NULL, 0) != NULL; // error: not-kernel-pointer
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_number_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	return bpf_task_storage_get(&of_tasks, t, NULL, 0) != NULL; // error: not-kernel-pointer
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_of_another_kind_bad, struct task_struct *task, u64 clone_flags)
{
	return bpf_cgrp_storage_get(&of_groups, (void *)task, NULL, 0) != NULL; // error: argument-type-mismatch
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(group_storage_ok, struct cgroup *cgrp, const char *path)
{
	return bpf_cgrp_storage_get(&of_groups, cgrp, NULL, 0) != NULL;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(storage_released_bad, struct task_struct *task, u64 clone_flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	bpf_task_release(t);
	return bpf_task_storage_get(&of_tasks, t, NULL, 0) != NULL; // error: use-after-release
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(socket_storage_ok, struct sock *sk, struct sk_buff *skb)
{
	return bpf_sk_storage_get(&of_sockets, sk, NULL, 0) != NULL;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(socket_of_packet_ok, struct sock *sk, struct sk_buff *skb)
{
	/* Tracing programs have variants of these helpers that test for NULL. */
	return bpf_sk_storage_get(&of_sockets, skb->sk, NULL, 0) != NULL;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(cookie_of_traced_socket_ok, struct sock *sk, struct sk_buff *skb)
{
	cookie = bpf_get_socket_cookie(sk);
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(rcu_socket_bad, struct sock *sk, struct sk_buff *skb)
{
	cookie = bpf_get_socket_cookie(skb->sk); // error: untrusted-argument
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(packet_for_socket_bad, struct sock *sk, struct sk_buff *skb)
{
	return bpf_sk_storage_get(&of_sockets, (void *)skb, NULL, 0) != NULL; // error: argument-type-mismatch
}

/* Sockets of contexts. */

SEC("tc")
int socket_of_skb_bad(struct __sk_buff *skb)
{
	return bpf_sk_storage_get(&of_sockets, skb->sk, NULL, 0) != NULL; // error: null-argument
}

SEC("tc")
int socket_of_skb_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	return bpf_sk_storage_get(&of_sockets, sk, NULL, 0) != NULL;
}

SEC("tc")
int socket_from_stack_bad(struct __sk_buff *skb)
{
	u64 local = skb->mark;

	return bpf_sk_storage_get(&of_sockets, &local, NULL, 0) != NULL; // error: not-kernel-pointer
}

SEC("cgroup/connect4")
int socket_of_address_ok(struct bpf_sock_addr *ctx)
{
	return bpf_sk_storage_get(&of_sockets, ctx->sk, NULL, 0) == NULL;
}

SEC("cgroup/getsockopt")
int socket_of_option_ok(struct bpf_sockopt *ctx)
{
	return bpf_sk_storage_get(&of_sockets, ctx->sk, NULL, 0) == NULL;
}

SEC("sk_msg")
int socket_of_message_ok(struct sk_msg_md *msg)
{
	return bpf_sk_storage_get(&of_sockets, msg->sk, NULL, 0) == NULL;
}

SEC("sockops")
int socket_of_operation_bad(struct bpf_sock_ops *ctx)
{
	return bpf_sk_storage_get(&of_sockets, ctx->sk, NULL, 0) == NULL; // error: null-argument
}

SEC("sk_lookup")
int socket_of_lookup_ok(struct bpf_sk_lookup *ctx)
{
	/* Here NULL takes an assignment back. */
	bpf_sk_assign(ctx, NULL, 0);
	return 1;
}

SEC("sk_reuseport")
int socket_of_reuseport_ok(struct sk_reuseport_md *ctx)
{
	cookie = bpf_get_socket_cookie(ctx->sk);
	return 1;
}

SEC("sk_reuseport")
int migrating_socket_ok(struct sk_reuseport_md *ctx)
{
	cookie = bpf_get_socket_cookie(ctx->migrating_sk);
	return 1;
}

SEC("tc")
int cookie_of_context_ok(struct __sk_buff *skb)
{
	cookie = bpf_get_socket_cookie(skb);
	return 0;
}

SEC("tc")
int cookie_of_socket_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		cookie = bpf_get_socket_cookie(sk); // error: context-argument
	return 0;
}

SEC("tc")
int context_moved_bad(struct __sk_buff *skb)
{
	return bpf_skb_pull_data((void *)&skb->mark, 8); // error: context-argument
}

SEC("tc")
int context_from_stack_bad(struct __sk_buff *skb)
{
	u64 local = skb->mark;

	return bpf_skb_pull_data((void *)&local, 8); // error: context-argument
}

/* Percpu objects. */

SEC("tc")
int percpu_of_global_bad(struct __sk_buff *skb)
{
	return bpf_this_cpu_ptr(&sum) != NULL; // error: argument-type-mismatch
}

SEC("tc")
int percpu_of_stack_bad(struct __sk_buff *skb)
{
	int local = 0;

	return bpf_per_cpu_ptr(&local, 0) != NULL; // error: argument-type-mismatch
}

SEC("tp_btf/task_newtask")
int BPF_PROG(percpu_of_task_bad, struct task_struct *task, u64 clone_flags)
{
	return bpf_this_cpu_ptr(task) != NULL; // error: argument-type-mismatch
}

/* Callbacks. */

static long add(struct bpf_map *map, int *key, long *value, long *total)
{
	*total += *value;
	return 0;
}

static long count(u64 index, void *ctx)
{
	sum += index;
	return 0;
}

SEC("tc")
int callback_ok(struct __sk_buff *skb)
{
	long total = 0;

	bpf_for_each_map_elem(&numbers, add, &total, 0);
	sum = total;
	return 0;
}

SEC("tc")
int callback_without_context_ok(struct __sk_buff *skb)
{
	bpf_loop(4, count, NULL, 0);
	return 0;
}

SEC("tc")
int callback_context_global_bad(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&numbers, add, &sum, 0); // error: callback-argument
	return 0;
}

SEC("tc")
int callback_context_value_bad(struct __sk_buff *skb)
{
	int key = 1;
	long *v = bpf_map_lookup_elem(&numbers, &key);

	if (v)
		bpf_loop(4, count, v, 0); // error: callback-argument
	return 0;
}

SEC("tc")
int callback_context_ctx_bad(struct __sk_buff *skb)
{
	bpf_loop(4, count, skb, 0); // error: callback-argument
	return 0;
}

SEC("tc")
int callback_null_bad(struct __sk_buff *skb)
{
	bpf_loop(4, NULL, NULL, 0); // error: null-argument
	return 0;
}

SEC("tc")
int callback_data_bad(struct __sk_buff *skb)
{
	bpf_loop(4, &sum, NULL, 0); // error: callback-argument
	return 0;
}

/* Maps of sockets. */

SEC("tc")
int socket_map_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	int key = 0;

	if (sk)
		bpf_map_update_elem(&sockets, &key, sk, 0);
	return 0;
}

SEC("tc")
int socket_map_unchecked_bad(struct __sk_buff *skb)
{
	int key = 0;

	bpf_map_update_elem(&sockets, &key, skb->sk, 0); // error: null-argument
	return 0;
}
