// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Tells which kernel functions the running kernel allows to which programs, with their flags.
//
// A process opens the BTF of the kernel (or of a module) as its file number KFUNC_BTF_FD and reads this iterator,
// which visits the open files of processes, takes that one and prints the tables registered for it:
// one record per hook and function. Nothing else is looked at.

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define MAX_HOOKS 32

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct record {
	u32 hook;
	u32 id;
	u32 flags;
};

struct set {
	struct seq_file *seq;
	void *pairs;
	u32 hook;
};

static int print_pair(u64 index, struct set *set)
{
	struct record record = {.hook = set->hook};

	/* {u32 id; u32 flags;} as in struct btf_id_set8 */
	if (bpf_probe_read_kernel(&record.id, 2 * sizeof(u32), set->pairs + index * 2 * sizeof(u32)))
		return 1;
	return bpf_seq_write(set->seq, &record, sizeof(record)) != 0;
}

SEC("iter/task_file")
int kfunc_sets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct btf_kfunc_set_tab *table;
	struct btf_id_set8 *ids;
	struct set set = {};
	struct btf *btf;
	u32 hook, cnt;

	if (!task || !file || ctx->fd != KFUNC_BTF_FD || task->tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	btf = (struct btf *)BPF_CORE_READ(file, private_data);
	table = BPF_CORE_READ(btf, kfunc_set_tab);
	if (!table)
		return 0;
	set.seq = ctx->meta->seq;
	for (hook = 0; hook < MAX_HOOKS; hook++) {
		if (hook >= bpf_core_field_size(table->sets) / sizeof(void *))
			break;
		ids = NULL;
		bpf_probe_read_kernel(&ids, sizeof(ids),
				      (void *)table + bpf_core_field_offset(table->sets) + hook * sizeof(void *));
		if (!ids)
			continue;
		cnt = BPF_CORE_READ(ids, cnt);
		set.pairs = (void *)ids + bpf_core_field_offset(ids->pairs);
		set.hook = hook;
		bpf_loop(cnt, print_pair, &set, 0);
	}
	return 0;
}
