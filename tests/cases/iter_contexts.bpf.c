// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs of iterators are given: objects that may be NULL, trusted or not, and elements of maps. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern int bpf_sock_destroy(struct sock_common *sock) __ksym;
extern s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

char _license[] SEC("license") = "GPL";

struct entry {
	int first;
	int second;
};

int sink;

SEC("iter/task")
int task_ok(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *mine;

	if (!task)
		return 0;
	mine = bpf_task_acquire(task);
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("iter/task")
int task_unchecked_bad(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	sink = task->pid; // error: unchecked-null
	return 0;
}

/* Not trusted, as the same field of struct bpf_iter__task is. */
SEC("iter/task_file")
int task_of_a_file_bad(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task, *mine;

	if (!task)
		return 0;
	mine = bpf_task_acquire(task); // error: not-rcu-argument
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("iter/task_file")
int task_of_a_file_read_ok(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		sink = task->pid + ctx->fd;
	return 0;
}

SEC("iter/task_vma")
int task_of_an_area_bad(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task, *mine;

	if (!task)
		return 0;
	mine = bpf_task_acquire(task); // error: not-rcu-argument
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("iter/cgroup")
int cgroup_ok(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup, *mine;

	if (!cgrp)
		return 1;
	mine = bpf_cgroup_acquire(cgrp);
	if (mine)
		bpf_cgroup_release(mine);
	return 0;
}

SEC("iter/tcp")
int tcp_ok(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (sk)
		bpf_sock_destroy(sk);
	return 0;
}

SEC("iter/unix")
int unix_bad(struct bpf_iter__unix *ctx)
{
	struct sock_common *sk = (struct sock_common *)ctx->unix_sk;

	if (sk)
		bpf_sock_destroy(sk); // error: untrusted-argument
	return 0;
}

SEC("iter/netlink")
int netlink_bad(struct bpf_iter__netlink *ctx)
{
	struct sock_common *sk = (struct sock_common *)ctx->sk;

	if (sk)
		bpf_sock_destroy(sk); // error: untrusted-argument
	return 0;
}

SEC("iter/bpf_map")
int map_unchecked_bad(struct bpf_iter__bpf_map *ctx)
{
	sink = bpf_map_sum_elem_count(ctx->map); // error: null-argument
	return 0;
}

/* The map whose elements are walked is always there. */
SEC("iter/bpf_map_elem")
int map_of_elements_ok(struct bpf_iter__bpf_map_elem *ctx)
{
	sink = bpf_map_sum_elem_count(ctx->map) + ctx->map->max_entries;
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int map_of_storage_ok(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	sink = ctx->map->max_entries;
	return 0;
}

SEC("iter/bpf_map_elem")
int element_ok(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry *key = ctx->key, *value = ctx->value;

	if (!key || !value)
		return 0;
	value->first = key->second;
	return 0;
}

SEC("iter/bpf_map_elem")
int key_unchecked_bad(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry *key = ctx->key;

	sink = key->first; // error: unchecked-null
	return 0;
}

SEC("iter/bpf_map_elem")
int value_unchecked_bad(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry *value = ctx->value;

	sink = value->first; // error: unchecked-null
	return 0;
}

SEC("iter/bpf_map_elem")
int key_written_bad(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry *key = ctx->key;

	if (key)
		key->first = 1; // error: rdonly-write
	return 0;
}

SEC("iter/bpf_map_elem")
int before_the_value_bad(struct bpf_iter__bpf_map_elem *ctx)
{
	int *value = ctx->value;

	if (value)
		sink = value[-1]; // error: mem-bounds
	return 0;
}

struct bpf_iter__sockmap___part {
	union {
		struct sock *sk;
	};
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, int);
} sockets SEC(".maps");

SEC("iter/sockmap")
int part_of_context_ok(struct bpf_iter__sockmap___part *ctx)
{
	struct sock *sk = ctx->sk;
	int key = 0;

	if (sk)
		bpf_map_update_elem(&sockets, &key, sk, BPF_ANY);
	return 0;
}

SEC("iter/sockmap")
int read_once_more_bad(struct bpf_iter__sockmap___part *ctx)
{
	int key = 0;

	if (ctx->sk)
		bpf_map_update_elem(&sockets, &key, ctx->sk, BPF_ANY); // error: null-argument
	return 0;
}

SEC("iter/sockmap")
int part_of_context_bad(struct bpf_iter__sockmap___part *ctx)
{
	int key = 0;

	bpf_map_update_elem(&sockets, &key, ctx->sk, BPF_ANY); // error: null-argument
	return 0;
}
