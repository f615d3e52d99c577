// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Saved interrupt flags: one variable for each save, last saved first restored, and nobody else touches them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern void bpf_local_irq_save(unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags__irq_flag) __ksym;
extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;

char _license[] SEC("license") = "GPL";

unsigned long kept;
char name[16];
int sink;
int limit;

static __noinline void save_for(unsigned long *flags)
{
	bpf_local_irq_save(flags);
}

static __noinline void restore_for(unsigned long *flags)
{
	bpf_local_irq_restore(flags);
}

static __noinline void save_and_forget(void)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
}

SEC("tc")
int by_static_functions_ok(struct __sk_buff *skb)
{
	unsigned long flags;

	save_for(&flags);
	sink++;
	restore_for(&flags);
	return 0;
}

SEC("tc")
int forgotten_in_a_static_function_bad(struct __sk_buff *skb)
{
	save_and_forget();
	return 0; // error: irq-unbalanced
}

SEC("tc")
int one_variable_twice_in_turn_ok(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int array_of_flags_ok(struct __sk_buff *skb)
{
	unsigned long flags[2];

	bpf_local_irq_save(&flags[0]);
	bpf_local_irq_save(&flags[1]);
	bpf_local_irq_restore(&flags[1]);
	bpf_local_irq_restore(&flags[0]);
	return 0;
}

SEC("tc")
int each_round_ok(struct __sk_buff *skb)
{
	unsigned long flags;

	for (int i = 0; i < 8; i++) {
		bpf_local_irq_save(&flags);
		sink += i;
		bpf_local_irq_restore(&flags);
	}
	return 0;
}

SEC("tc")
int with_preemption_off_ok(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_preempt_disable();
	bpf_local_irq_save(&flags);
	bpf_preempt_enable();
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int overwritten_on_one_path_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	if (limit)
		flags = limit;
	bpf_local_irq_restore(&flags); // error: irq-unbalanced
	return 0;
}

SEC("tc")
int overwritten_by_a_helper_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_get_current_comm(&flags, sizeof(flags));
	bpf_local_irq_restore(&flags); // error: irq-unbalanced
	return 0;
}

SEC("tc")
int one_byte_of_it_cleared_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	*(char *)&flags = 0;
	bpf_local_irq_restore(&flags); // error: irq-unbalanced
	return 0;
}

SEC("tc")
int looked_at_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	kept = flags; // error: irq-unbalanced
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int looked_at_afterwards_ok(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	kept = flags;
	return 0;
}

SEC("tc")
int printed_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_trace_printk((char *)&flags, sizeof(flags)); // error: irq-unbalanced
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int restored_twice_bad(struct __sk_buff *skb)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	bpf_local_irq_restore(&flags); // error: irq-unbalanced
	return 0;
}

SEC("tc")
int not_aligned_bad(struct __sk_buff *skb)
{
	char room[24];

	bpf_local_irq_save((unsigned long *)(room + 4)); // error: irq-unbalanced
	return 0;
}

SEC("syscall")
int sleeping_kfunc_bad(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_copy_from_user_str(name, sizeof(name), NULL, 0); // error: sleepable-in-atomic
	bpf_local_irq_restore(&flags);
	return 0;
}
