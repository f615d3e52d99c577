// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Needs libbpf 1.3: older ones do not tell the kernel about exception callbacks. */
/* Exception callbacks: which functions may be one, what they may do and return. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern void bpf_throw(u64 cookie) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

#define on_exception(name) __attribute__((btf_decl_tag("exception_callback:" #name)))

int sink;

__noinline int handle(u64 cookie)
{
	return cookie != 0;
}

__noinline int handle_int(int cookie)
{
	return 0;
}

__noinline int handle_another(u64 cookie)
{
	return cookie + 1;
}

__noinline int handle_two(u64 cookie, u64 reason)
{
	return cookie + reason;
}

__noinline int handle_nothing(void)
{
	return 0;
}

__noinline int handle_context(struct __sk_buff *skb)
{
	return 0;
}

__noinline void return_nothing(u64 cookie)
{
	sink = cookie;
}

__noinline int return_five(u64 cookie)
{
	return 5; // error: return-range
}

__noinline int throw_again(u64 cookie)
{
	if (cookie)
		bpf_throw(cookie); // error: throw-in-callback
	return 0;
}

static __noinline void throw_elsewhere(u64 cookie)
{
	if (cookie)
		bpf_throw(cookie); // error: throw-in-callback
}

__noinline int throw_again_elsewhere(u64 cookie)
{
	throw_elsewhere(cookie);
	return 0;
}

__noinline int stay_in_rcu(u64 cookie)
{
	bpf_rcu_read_lock();
	return cookie; // error: rcu-unbalanced
}

__noinline int keep_a_task(u64 cookie)
{
	struct task_struct *task = bpf_task_from_pid(1);

	return task != NULL; // error: unreleased-reference
}

__noinline int drop_the_task(u64 cookie)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task)
		bpf_task_release(task);
	return task != NULL;
}

__noinline int call_the_handler(int n)
{
	return handle(n); // error: exception-cb
}

SEC("tc")
on_exception(handle)
int handled_ok(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(7);
	return 0;
}

SEC("tc")
on_exception(handle_int)
int handled_as_int_ok(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(7);
	return 0;
}

SEC("tc")
on_exception(drop_the_task)
int handler_with_a_task_ok(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(7);
	return 0;
}

SEC("cgroup_skb/ingress")
on_exception(handle)
int cookie_of_any_kind_ok(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(77);
	return 1;
}

/* A function may be the callback of one program and an ordinary one of another. */
SEC("tc")
on_exception(handle_int)
int calls_a_handler_of_others_ok(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(7);
	return handle_another(1);
}

SEC("tc") // error: exception-cb
on_exception(handle) on_exception(handle_another)
int two_handlers_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc") // error: exception-cb
on_exception(handle_two)
int two_arguments_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc") // error: exception-cb
on_exception(handle_nothing)
int no_argument_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc") // error: exception-cb
on_exception(handle_context)
int context_argument_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc") // error: exception-cb
on_exception(return_nothing)
int no_result_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc")
on_exception(handle)
int called_by_a_global_function_bad(struct __sk_buff *skb)
{
	return call_the_handler(1);
}

SEC("cgroup_skb/ingress")
on_exception(return_five)
int result_out_of_range_bad(struct __sk_buff *skb)
{
	if (skb->len > 1000)
		bpf_throw(0);
	return 1;
}

SEC("tc")
on_exception(throw_again)
int thrown_again_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc")
on_exception(throw_again_elsewhere)
int thrown_again_elsewhere_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

SEC("tc")
on_exception(stay_in_rcu)
int handler_stays_in_rcu_bad(struct __sk_buff *skb)
{
	bpf_throw(0);
	return 0;
}

/* The callback is verified whether or not anything throws. */
SEC("tc")
on_exception(keep_a_task)
int handler_keeps_a_task_bad(struct __sk_buff *skb)
{
	return 0;
}
