// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that kfuncs are lent: read and written both, whatever the prototype says. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr, u64 flags) __ksym;
extern struct bpf_crypto_ctx *bpf_crypto_ctx_create(const struct bpf_crypto_params *params, u32 params__sz,
						    int *err) __ksym;
extern void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx) __ksym;
extern u32 bpf_cpumask_first(const struct cpumask *cpumask) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer, u32 size) __ksym;

char _license[] SEC("license") = "GPL";

const volatile char fixed[16] = "fixed";
const volatile struct bpf_crypto_params preset = {};
char text[16];
struct bpf_crypto_params params;
u32 length;
int result;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u64);
	__type(value, char[8]);
} names SEC(".maps");

SEC("syscall")
int stack_ok(void *ctx)
{
	char name[16];

	result = bpf_copy_from_user_str(name, sizeof(name), NULL, 0);
	return 0;
}

SEC("syscall")
int global_data_ok(void *ctx)
{
	result = bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	return 0;
}

SEC("syscall")
int read_only_data_bad(void *ctx)
{
	result = bpf_copy_from_user_str((char *)fixed, sizeof(fixed), NULL, 0); // error: read-only-argument
	return 0;
}

SEC("syscall")
int no_upper_bound_bad(void *ctx)
{
	result = bpf_copy_from_user_str(text, length, NULL, 0); // error: buffer-size
	return 0;
}

SEC("syscall")
int compared_ok(void *ctx)
{
	u32 n = length;

	if (n < sizeof(text))
		result = bpf_copy_from_user_str(text, n, NULL, 0);
	return 0;
}

SEC("syscall")
int size_zero_ok(void *ctx)
{
	result = bpf_copy_from_user_str(text, 0, NULL, 0);
	return 0;
}

SEC("syscall")
int null_size_zero_ok(void *ctx)
{
	result = bpf_copy_from_user_str(NULL, 0, NULL, 0);
	return 0;
}

SEC("syscall")
int null_with_size_bad(void *ctx)
{
	result = bpf_copy_from_user_str(NULL, 8, NULL, 0); // error: null-argument
	return 0;
}

SEC("syscall")
int value_too_small_bad(void *ctx)
{
	u64 key = 1;
	char *name = bpf_map_lookup_elem(&names, &key);

	if (name)
		result = bpf_copy_from_user_str(name, 16, NULL, 0); // error: buffer-size
	return 0;
}

SEC("syscall")
int context_of_syscall_ok(void *ctx)
{
	/* The program's own argument: its size is only known when it runs. */
	result = bpf_copy_from_user_str(ctx, 8, NULL, 0);
	return 0;
}

SEC("syscall")
int unchecked_value_ok(void *ctx)
{
	u64 key = 1;
	char *name = bpf_map_lookup_elem(&names, &key);

	/* Without KF_TRUSTED_ARGS nothing is tested for NULL; the function itself must. */
	result = bpf_copy_from_user_str(name, 8, NULL, 0);
	return 0;
}

SEC("syscall")
int map_bad(void *ctx)
{
	result = bpf_copy_from_user_str(&names, 8, NULL, 0); // error: memory-argument
	return 0;
}

SEC("syscall")
int kernel_object_bad(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (!t)
		return 0;
	result = bpf_copy_from_user_str(t, 8, NULL, 0); // error: memory-argument
	bpf_task_release(t);
	return 0;
}

SEC("syscall")
int error_code_ok(void *ctx)
{
	struct bpf_crypto_ctx *c;
	int error = 0;

	c = bpf_crypto_ctx_create(&params, sizeof(params), &error);
	if (c)
		bpf_crypto_ctx_release(c);
	result = error;
	return 0;
}

SEC("syscall")
int error_code_null_ok(void *ctx)
{
	struct bpf_crypto_ctx *c;

	c = bpf_crypto_ctx_create(&params, sizeof(params), NULL);
	if (c)
		bpf_crypto_ctx_release(c);
	return 0;
}

SEC("syscall")
int error_code_read_only_bad(void *ctx)
{
	struct bpf_crypto_ctx *c;

	c = bpf_crypto_ctx_create(&params, sizeof(params), (int *)fixed); // error: read-only-argument
	if (c)
		bpf_crypto_ctx_release(c);
	return 0;
}

SEC("syscall")
int params_read_only_bad(void *ctx)
{
	struct bpf_crypto_ctx *c;

	/* The parameter is const, and the verifier wants to write to it all the same. */
	c = bpf_crypto_ctx_create((void *)&preset, sizeof(preset), &result); // error: read-only-argument
	if (c)
		bpf_crypto_ctx_release(c);
	return 0;
}

SEC("syscall")
int error_code_small_bad(void *ctx)
{
	struct bpf_crypto_ctx *c;
	u64 key = 1;
	char *name = bpf_map_lookup_elem(&names, &key);

	if (!name)
		return 0;
	c = bpf_crypto_ctx_create(&params, sizeof(params), (int *)(name + 6)); // error: buffer-size
	if (c)
		bpf_crypto_ctx_release(c);
	return 0;
}

SEC("tc")
int slice_room_ok(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, NULL, 8);
	if (p)
		result = *p;
	return 0;
}

SEC("tc")
int slice_room_read_only_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, (char *)fixed, 8); // error: read-only-argument
	if (p)
		result = *p;
	return 0;
}

SEC("syscall")
int mask_in_struct_ok(void *ctx)
{
	struct bpf_cpumask *m = bpf_cpumask_create();

	if (!m)
		return 0;
	result = bpf_cpumask_first((struct cpumask *)m);
	bpf_cpumask_release(m);
	return 0;
}

SEC("tc")
int context_of_packets_bad(struct __sk_buff *skb)
{
	struct bpf_dynptr d;
	char *p;

	bpf_dynptr_from_skb(skb, 0, &d);
	p = bpf_dynptr_slice(&d, 0, skb, 8); // error: memory-argument
	if (p)
		result = *p;
	return 0;
}
