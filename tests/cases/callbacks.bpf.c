// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Callbacks: what they may return, that they may not throw, what they may do in which region; values of programs. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_throw(u64 cookie) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (callback_fn)(void *map, int *key, void *value),
				    unsigned int flags, void *aux__prog) __ksym;

char _license[] SEC("license") = "GPL";

struct timed {
	struct bpf_timer timer;
	int n;
};

struct queued {
	struct bpf_wq work;
	int n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct timed);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct queued);
} works SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, int);
	__type(value, long);
} counters SEC(".maps");

char name[16];
int sink;
int limit;

/* Return values. */

static int until_limit(u32 round, void *context)
{
	sink += round;
	return sink > limit;
}

static int low_bit(u32 round, void *context)
{
	return sink & 1;
}

static int two_bits(u32 round, void *context)
{
	return sink & 3; // error: return-range
}

static int the_sum(u32 round, void *context)
{
	return sink; // error: return-range
}

static int error_code(u32 round, void *context)
{
	if (round == limit)
		return -1; // error: return-range
	return 0;
}

static long the_round(u32 round, void *context)
{
	return round; // error: return-range
}

static long count_elements(void *map, int *key, long *value, void *context)
{
	*value += 1;
	return 0;
}

static long stop_with_two(void *map, int *key, long *value, void *context)
{
	return *value ? 2 : 0; // error: return-range
}

SEC("tc")
int until_limit_ok(struct __sk_buff *skb)
{
	bpf_loop(8, until_limit, NULL, 0);
	return 0;
}

SEC("tc")
int low_bit_ok(struct __sk_buff *skb)
{
	bpf_loop(8, low_bit, NULL, 0);
	return 0;
}

SEC("tc")
int two_bits_bad(struct __sk_buff *skb)
{
	bpf_loop(8, two_bits, NULL, 0);
	return 0;
}

SEC("tc")
int the_sum_bad(struct __sk_buff *skb)
{
	bpf_loop(8, the_sum, NULL, 0);
	return 0;
}

SEC("tc")
int error_code_bad(struct __sk_buff *skb)
{
	bpf_loop(8, error_code, NULL, 0);
	return 0;
}

SEC("tc")
int the_round_bad(struct __sk_buff *skb)
{
	bpf_loop(8, the_round, NULL, 0);
	return 0;
}

SEC("tc")
int count_elements_ok(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&counters, count_elements, NULL, 0);
	return 0;
}

SEC("tc")
int stop_with_two_bad(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&counters, stop_with_two, NULL, 0);
	return 0;
}

SEC("cgroup_skb/ingress")
int verdict_ok(struct __sk_buff *skb)
{
	int key = skb->len;

	return bpf_map_lookup_elem(&counters, &key) != NULL;
}

SEC("cgroup_skb/ingress")
int verdict_two_bad(struct __sk_buff *skb)
{
	int key = skb->len;

	return bpf_map_lookup_elem(&counters, &key) ? 2 : 1; // error: return-range
}

SEC("cgroup_skb/egress")
int verdict_of_egress_ok(struct __sk_buff *skb)
{
	int key = skb->len;

	return bpf_map_lookup_elem(&counters, &key) ? 3 : 1;
}

SEC("cgroup/connect4")
int any_number_bad(struct bpf_sock_addr *ctx)
{
	int key = ctx->user_port;

	bpf_map_delete_elem(&counters, &key);
	return sink; // error: return-range
}

SEC("cgroup_skb/ingress")
int cookie_ok(struct __sk_buff *skb)
{
	if (skb->len > limit)
		bpf_throw(1);
	return 1;
}

SEC("cgroup_skb/ingress")
int cookie_bad(struct __sk_buff *skb)
{
	if (skb->len > limit)
		bpf_throw(77); // error: return-range
	return 1;
}

SEC("cgroup/recvmsg4")
int cookie_zero_bad(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == limit)
		bpf_throw(0); // error: return-range
	return 1;
}

SEC("tc")
int cookie_of_any_kind_ok(struct __sk_buff *skb)
{
	if (skb->len > limit)
		bpf_throw(sink);
	return 0;
}

/* Later callbacks. */

static int expire(void *map, int *key, struct timed *t)
{
	t->n++;
	return 0;
}

static int expire_with_one(void *map, int *key, struct timed *t)
{
	return 1; // error: return-range
}

static int expire_and_sleep(void *map, int *key, struct timed *t)
{
	bpf_copy_from_user(name, sizeof(name), NULL); // error: sleepable-prog
	return 0;
}

static int expire_and_keep(void *map, int *key, struct timed *t)
{
	struct task_struct *task = bpf_task_from_pid(1);

	return task ? 0 : 0; // error: unreleased-reference
}

static int expire_in_rcu(void *map, int *key, struct timed *t)
{
	bpf_rcu_read_lock();
	return 0; // error: rcu-unbalanced
}

static int work(void *map, int *key, void *value)
{
	return bpf_copy_from_user(name, sizeof(name), NULL) ? 0 : 0;
}

static int work_in_rcu(void *map, int *key, void *value)
{
	bpf_rcu_read_lock();
	bpf_copy_from_user(name, sizeof(name), NULL); // error: sleepable-in-atomic
	bpf_rcu_read_unlock();
	return 0;
}

static int work_with_any_result(void *map, int *key, void *value)
{
	return sink; // error: return-range
}

static int work_outside_of_rcu(void *map, int *key, void *value)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = bpf_task_acquire(task->group_leader); // error: not-rcu-argument

	if (leader)
		bpf_task_release(leader);
	return 0;
}

SEC("tc")
int expire_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire);
	return 0;
}

SEC("tc")
int expire_with_one_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire_with_one);
	return 0;
}

SEC("syscall")
int expire_and_sleep_bad(void *ctx)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire_and_sleep);
	return 0;
}

SEC("tc")
int expire_and_keep_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire_and_keep);
	return 0;
}

SEC("tc")
int expire_in_rcu_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t && !bpf_timer_init(&t->timer, &timers, 1))
		bpf_timer_set_callback(&t->timer, expire_in_rcu);
	return 0;
}

SEC("tc")
int work_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct queued *q = bpf_map_lookup_elem(&works, &key);

	if (q && !bpf_wq_init(&q->work, &works, 0))
		bpf_wq_set_callback_impl(&q->work, work, 0, NULL);
	return 0;
}

SEC("tc")
int work_in_rcu_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct queued *q = bpf_map_lookup_elem(&works, &key);

	if (q && !bpf_wq_init(&q->work, &works, 0))
		bpf_wq_set_callback_impl(&q->work, work_in_rcu, 0, NULL);
	return 0;
}

SEC("tc")
int work_with_any_result_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct queued *q = bpf_map_lookup_elem(&works, &key);

	if (q && !bpf_wq_init(&q->work, &works, 0))
		bpf_wq_set_callback_impl(&q->work, work_with_any_result, 0, NULL);
	return 0;
}

SEC("tc")
int work_outside_of_rcu_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct queued *q = bpf_map_lookup_elem(&works, &key);

	if (q && !bpf_wq_init(&q->work, &works, 0))
		bpf_wq_set_callback_impl(&q->work, work_outside_of_rcu, 0, NULL);
	return 0;
}

static __always_inline int start(struct timed *t, int (*callback)(void *map, int *key, struct timed *t))
{
	if (bpf_timer_init(&t->timer, &timers, 1))
		return -1;
	return bpf_timer_set_callback(&t->timer, callback);
}

static int expire_with_two(void *map, int *key, struct timed *t)
{
	return 2; // error: return-range
}

static int expire_with_three(void *map, int *key, struct timed *t)
{
	return 3;
}

const volatile bool with_three;

SEC("tc")
int handed_on_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t)
		start(t, expire_with_two);
	return 0;
}

/* What is never handed over is not verified. */
SEC("tc")
int never_handed_on_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t)
		start(t, with_three ? expire_with_three : expire);
	return 0;
}

/* Elements of the map are what the callback is given. */

static int expire_and_find(void *map, int *key, struct timed *t)
{
	long *count = bpf_map_lookup_elem(&counters, key);

	if (count)
		*count += t->n;
	return 0;
}

static int expire_and_change_the_key(void *map, int *key, struct timed *t)
{
	*key = 1; // error: rdonly-write
	return 0;
}

static long read_beyond_the_key(void *map, int *key, long *value, void *context)
{
	sink = key[1]; // error: mem-bounds
	return 0;
}

SEC("tc")
int expire_and_find_ok(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t)
		start(t, expire_and_find);
	return 0;
}

SEC("tc")
int expire_and_change_the_key_bad(struct __sk_buff *skb)
{
	int key = 0;
	struct timed *t = bpf_map_lookup_elem(&timers, &key);

	if (t)
		start(t, expire_and_change_the_key);
	return 0;
}

SEC("tc")
int read_beyond_the_key_bad(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&counters, read_beyond_the_key, NULL, 0);
	return 0;
}

/* Regions that callbacks leave open. */

static int lock_rcu(u32 round, void *context)
{
	bpf_rcu_read_lock(); // error: rcu-unbalanced
	return 0;
}

static int lock_and_unlock_rcu(u32 round, void *context)
{
	bpf_rcu_read_lock();
	sink++;
	bpf_rcu_read_unlock();
	return 0;
}

static int disable_preemption(u32 round, void *context)
{
	bpf_preempt_disable();
	return 0;
}

static int sleep_a_while(u32 round, void *context)
{
	bpf_copy_from_user(name, sizeof(name), NULL);
	return 0;
}

static int sleep_in_rcu(u32 round, void *context)
{
	bpf_copy_from_user(name, sizeof(name), NULL); // error: sleepable-in-atomic
	return 0;
}

SEC("syscall")
int balanced_ok(void *ctx)
{
	bpf_loop(8, lock_and_unlock_rcu, NULL, 0);
	return 0;
}

SEC("syscall")
int never_balanced_bad(void *ctx)
{
	bpf_loop(8, lock_rcu, NULL, 0);
	return 0; // error: rcu-unbalanced
}

SEC("syscall")
int preemption_left_off_bad(void *ctx)
{
	bpf_loop(1, disable_preemption, NULL, 0);
	return 0; // error: preempt-unbalanced
}

SEC("syscall")
int no_round_ok(void *ctx)
{
	bpf_loop(0, disable_preemption, NULL, 0);
	return 0;
}

SEC("syscall")
int sleep_a_while_ok(void *ctx)
{
	bpf_loop(8, sleep_a_while, NULL, 0);
	return 0;
}

SEC("syscall")
int sleep_in_rcu_bad(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_loop(8, sleep_in_rcu, NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

/* Exceptions in callbacks, wherever they are thrown. */

static int throw_at_once(u32 round, void *context)
{
	if (sink)
		bpf_throw(0); // error: throw-in-callback
	return 0;
}

static __noinline void throw_for_others(void)
{
	if (sink)
		bpf_throw(0); // error: throw-in-callback
}

static int throw_in_a_static_function(u32 round, void *context)
{
	throw_for_others();
	return 0;
}

__noinline int global_thrower(int reason)
{
	if (reason)
		bpf_throw(0); // error: throw-in-callback
	return 0;
}

static int throw_in_a_global_function(u32 round, void *context)
{
	global_thrower(sink);
	return 0;
}

__noinline int another_thrower(int reason)
{
	if (reason)
		bpf_throw(0);
	return 0;
}

SEC("tc")
int throw_at_once_bad(struct __sk_buff *skb)
{
	bpf_loop(8, throw_at_once, NULL, 0);
	return 0;
}

SEC("tc")
int throw_in_a_static_function_bad(struct __sk_buff *skb)
{
	bpf_loop(8, throw_in_a_static_function, NULL, 0);
	return 0;
}

SEC("tc")
int throw_in_a_global_function_bad(struct __sk_buff *skb)
{
	bpf_loop(8, throw_in_a_global_function, NULL, 0);
	return 0;
}

SEC("tc")
int thrown_by_the_program_ok(struct __sk_buff *skb)
{
	another_thrower(sink);
	return 0;
}
