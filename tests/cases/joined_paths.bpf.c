// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths are joined in functions that only compute, and where they are too many elsewhere. What was tested on one of
 * them is then no longer known; what tells the caller which path was taken still is. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

struct value {
	u32 number;
	u32 more;
	u64 kept;
	u32 flags[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct value);
} values SEC(".maps");

u64 counter;

static __always_inline void compared(u32 number, u32 *class)
{
	if (number > 100)
		*class = 1;
	else
		*class = 2;
}

SEC("syscall")
int same_test_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 number = bpf_get_prandom_u32(), class;

	if (!task)
		return 0;
	compared(number, &class);
	if (number > 100)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return 0;
}

static __always_inline void between(u32 one, u32 other, u32 *class)
{
	if (one > other)
		*class = counter;
	else
		*class = 0;
}

SEC("syscall")
int same_test_of_two_bad(void *ctx)
{
	u32 one = bpf_get_prandom_u32(), other = bpf_get_prandom_u32(), class;
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	between(one, other, &class);
	if (one > other)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return class & 1;
}

static __always_inline void masked(u32 number, u64 *sum)
{
	if ((number & 8) == 8)
		*sum += number;
	else
		*sum -= number;
}

SEC("syscall")
int same_bits_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	u32 number = bpf_get_prandom_u32();
	u64 sum = counter;

	if (!task)
		return 0;
	masked(number, &sum);
	counter = sum;
	if ((number & 8) == 8)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return 0;
}

static __always_inline void looked_at(struct value *value)
{
	if (value->number == 3)
		counter += 1;
	else
		counter += 2;
}

SEC("syscall")
int same_member_bad(void *ctx)
{
	struct value *value;
	struct task_struct *task;
	u32 key = 0;

	value = bpf_map_lookup_elem(&values, &key);
	if (!value)
		return 0;
	task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	looked_at(value);
	if (value->number == 3)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return 0;
}

static __always_inline void written(struct value *value)
{
	if (value->number > 100)
		value->kept = 1;
	else
		value->kept = 2;
}

SEC("syscall")
int same_local_bad(void *ctx)
{
	struct value *value;
	struct task_struct *task;
	u32 key = 0, number;

	value = bpf_map_lookup_elem(&values, &key);
	if (!value)
		return 0;
	task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	number = value->number;
	written(value);
	if (number > 100)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return 0;
}

static __always_inline int checked(struct value *value, u32 *why)
{
	if (!value->number) {
		*why = 1;
		goto out;
	}
	if (!value->more) {
		*why = 2;
		goto out;
	}
	*why = 0;
out:
	return 0;
}

SEC("syscall")
int reason_is_not_asked_bad(void *ctx)
{
	struct value *value;
	struct task_struct *task;
	u32 key = 0, why;

	value = bpf_map_lookup_elem(&values, &key);
	if (!value)
		return 0;
	task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	checked(value, &why);
	if (!value->number)
		return 0; // error: unreleased-reference
	bpf_task_release(task);
	return why;
}

/* So many paths that they are joined here, too. */
SEC("syscall")
int many_numbers_bad(void *ctx)
{
	u32 one = bpf_get_prandom_u32(), other = bpf_get_prandom_u32(), bits = bpf_get_prandom_u32();
	struct task_struct *task = bpf_task_from_pid(1);
	u32 told[8] = {};

	if (!task)
		return 0;
	told[0] = bits & 1 ? 1 : 2;
	told[1] = bits & 2 ? 1 : 2;
	told[2] = bits & 4 ? 1 : 2;
	told[3] = bits & 8 ? 1 : 2;
	told[4] = bits & 16 ? 1 : 2;
	if (one > other)
		told[5] = 1;
	else
		told[5] = 2;
	if (one > other)
		return told[one & 7]; // error: unreleased-reference
	bpf_task_release(task);
	return told[other & 7];
}

SEC("syscall")
int many_members_bad(void *ctx)
{
	struct value *value;
	struct task_struct *task;
	u32 key = 0, told[8] = {};

	value = bpf_map_lookup_elem(&values, &key);
	if (!value)
		return 0;
	task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	told[0] = value->flags[0] ? 1 : 2;
	told[1] = value->flags[1] ? 1 : 2;
	told[2] = value->flags[2] ? 1 : 2;
	told[3] = value->flags[3] ? 1 : 2;
	told[4] = value->flags[4] ? 1 : 2;
	told[5] = value->flags[5] ? 1 : 2;
	if (value->number == 3)
		told[6] = 1;
	else
		told[6] = 2;
	if (value->number == 3)
		return told[value->more & 7]; // error: unreleased-reference
	bpf_task_release(task);
	return 0;
}

struct parsed {
	u32 ok;
	u32 kind;
};

static __always_inline int parse(u32 number, struct parsed *parsed)
{
	if (number > 7) {
		parsed->ok = 1;
		parsed->kind = 2;
	} else {
		parsed->ok = 0;
		parsed->kind = 0;
	}
	return 0;
}

SEC("syscall")
int told_in_a_struct_ok(void *ctx)
{
	struct task_struct *task = NULL;
	struct parsed parsed = {};

	parse(bpf_get_prandom_u32(), &parsed);
	if (parsed.ok) {
		task = bpf_task_from_pid(1);
		if (!task)
			return 0;
	}
	if (parsed.kind)
		bpf_task_release(task);
	return 0;
}

/* Of parameters whose address is taken the arguments count, too. */
static __always_inline void release_if(struct task_struct *task, int flag)
{
	int *asked = &flag;

	if (*asked)
		bpf_task_release(task);
}

SEC("syscall")
int flag_by_address_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int have;

	if (task)
		have = 1;
	else
		have = 0;
	release_if(task, have);
	return 0;
}

SEC("syscall")
int flag_by_address_bad(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int have = 0;

	if (!task)
		return 0;
	release_if(task, have);
	return 0; // error: unreleased-reference
}

static __always_inline int zero(int *number)
{
	return !*number;
}

static __always_inline void release_if_zero(struct task_struct *task, int flag)
{
	if (zero(&flag))
		bpf_task_release(task);
}

SEC("syscall")
int flag_passed_on_ok(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int flag = 0;

	if (!task)
		return 0;
	release_if_zero(task, flag);
	return 0;
}
