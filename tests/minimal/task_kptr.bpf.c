// gen header bpf_task_from_pid --type BPF_MAP_TYPE_ARRAY
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

struct slot {
	struct task_struct __kptr *task;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct slot);
} slots SEC(".maps");

SEC("syscall")
int keep(void *ctx)
{
	int key = 0;
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *task, *old;

	(void)ctx;
	if (!slot)
		return 0;
	task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	old = bpf_kptr_xchg(&slot->task, task);
	if (old)
		bpf_task_release(old);
	return 0;
}

char _license[] SEC("license") = "GPL";
