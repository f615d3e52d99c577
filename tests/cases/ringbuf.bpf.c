// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ring buffer records: a reservation must be submitted or discarded; as memory and as dynptr. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct event {
	int pid;
	int kind;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

int limit;

SEC("tp_btf/task_newtask")
int BPF_PROG(submit_ok, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = task->pid;
	e->kind = 1;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(submit_or_discard_ok, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = task->pid;
	if (e->pid == limit)
		bpf_ringbuf_discard(e, 0);
	else
		bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(early_return_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = task->pid;
	if (task->pid == limit)
		return 0; // error: unreleased-reference
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(error_path_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	long err;

	if (!e)
		return 0;
	err = bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (err < 0)
		goto out;
	bpf_ringbuf_submit(e, 0);
out:
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(written_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	e->pid = task->pid; // error: unchecked-null
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(submitted_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	bpf_ringbuf_submit(e, 0); // error: null-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(submitted_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	bpf_ringbuf_submit(e, 0);
	bpf_ringbuf_discard(e, 0); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(written_after_submit_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	bpf_ringbuf_submit(e, 0);
	e->kind = 2; // error: use-after-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(submitted_at_offset_bad, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	bpf_ringbuf_submit(&e->kind, 0); // error: release-nonzero-offset
	return 0;
}

static void emit(struct event *e, int kind)
{
	e->kind = kind;
	bpf_ringbuf_submit(e, 0);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(submitted_in_helper_ok, struct task_struct *task, u64 clone_flags)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (e)
		emit(e, clone_flags ? 3 : 4);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(several_records_ok, struct task_struct *task, u64 clone_flags)
{
	for (int i = 0; i < 4; i++) {
		struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

		if (!e)
			break;
		e->pid = task->pid + i;
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(several_records_continue_bad, struct task_struct *task, u64 clone_flags)
{
	for (int i = 0; i < 4; i++) {
		struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

		if (!e)
			break;
		if (task->pid == limit)
			continue;
		bpf_ringbuf_submit(e, 0);
	}
	return 0; // error: unreleased-reference
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;
	int pid = task->pid;

	if (bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d)) {
		bpf_ringbuf_discard_dynptr(&d, 0);
		return 0;
	}
	bpf_dynptr_write(&d, 0, &pid, sizeof(pid), 0);
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_failed_reserve_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;
	int pid = task->pid;

	if (bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d))
		return 0; // error: unreleased-reference
	bpf_dynptr_write(&d, 0, &pid, sizeof(pid), 0);
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_submitted_twice_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d);
	bpf_ringbuf_submit_dynptr(&d, 0);
	bpf_ringbuf_discard_dynptr(&d, 0); // error: double-release
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_slice_after_submit_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;
	int *p;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d);
	p = bpf_dynptr_data(&d, 0, sizeof(*p));
	bpf_ringbuf_submit_dynptr(&d, 0);
	if (p)
		*p = task->pid; // error: dynptr-stale-slice
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_slice_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;
	int *p;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d);
	p = bpf_dynptr_data(&d, 0, sizeof(*p));
	*p = task->pid; // error: unchecked-null
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_slice_ok, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;
	int *p;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d);
	p = bpf_dynptr_data(&d, 0, sizeof(*p));
	if (!p) {
		bpf_ringbuf_discard_dynptr(&d, 0);
		return 0;
	}
	*p = task->pid;
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(dynptr_overwritten_bad, struct task_struct *task, u64 clone_flags)
{
	struct bpf_dynptr d;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d);
	bpf_ringbuf_reserve_dynptr(&events, 32, 0, &d); // error: dynptr-overwrite
	bpf_ringbuf_submit_dynptr(&d, 0);
	return 0;
}
