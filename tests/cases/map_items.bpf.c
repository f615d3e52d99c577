// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Timers, work queues and task work: fields of map values, and the map that they are in. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym;
extern int bpf_task_work_schedule_signal_impl(struct task_struct *task, struct bpf_task_work *tw, void *map,
					      int (*callback)(struct bpf_map *map, void *key, void *value),
					      void *aux) __ksym;

char _license[] SEC("license") = "GPL";

struct item {
	long count;
	struct bpf_wq work;
};

struct clock {
	long count;
	struct bpf_timer timer;
};

struct later {
	long count;
	struct bpf_task_work work;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct item);
} items SEC(".maps"), others SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct clock);
} clocks SEC(".maps"), other_clocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct later);
} todo SEC(".maps"), other_todo SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, long);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, int);
	__array(values, typeof(clocks));
} clock_maps SEC(".maps") = { .values = { &clocks, &other_clocks } };

static int work_done(void *map, int *key, void *value)
{
	return 0;
}

static int timer_fired(void *map, int *key, struct clock *value)
{
	return 0;
}

static int task_work_done(struct bpf_map *map, void *key, void *value)
{
	return 0;
}

SEC("tc")
int wq_ok(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (!v || bpf_wq_init(&v->work, &items, 0))
		return 0;
	if (!bpf_wq_set_callback_impl(&v->work, work_done, 0, NULL))
		bpf_wq_start(&v->work, 0);
	return 0;
}

SEC("tc")
int wq_unchecked_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	bpf_wq_init(&v->work, &items, 0); // error: null-argument
	return 0;
}

SEC("tc")
int wq_other_map_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_init(&v->work, &others, 0); // error: map-argument
	return 0;
}

SEC("tc")
int wq_no_map_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_init(&v->work, &key, 0); // error: map-argument
	return 0;
}

SEC("tc")
int wq_null_map_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_init(&v->work, NULL, 0); // error: map-argument
	return 0;
}

SEC("tc")
int wq_value_for_map_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_init(&v->work, v, 0); // error: map-argument
	return 0;
}

SEC("tc")
int wq_elsewhere_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_init((struct bpf_wq *)v, &items, 0); // error: map-field-argument
	return 0;
}

SEC("tc")
int wq_on_stack_bad(struct __sk_buff *skb)
{
	struct bpf_wq work = {};

	bpf_wq_start(&work, 0); // error: map-field-argument
	return 0;
}

SEC("tc")
int wq_callback_null_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_set_callback_impl(&v->work, NULL, 0, NULL); // error: callback-argument
	return 0;
}

SEC("tc")
int wq_callback_data_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct item *v = bpf_map_lookup_elem(&items, &key);

	if (v)
		bpf_wq_set_callback_impl(&v->work, (void *)&key, 0, NULL); // error: callback-argument
	return 0;
}

SEC("tc")
int timer_ok(struct __sk_buff *skb)
{
	int key = 1;
	struct clock *v = bpf_map_lookup_elem(&clocks, &key);

	if (!v)
		return 0;
	bpf_timer_init(&v->timer, &clocks, 1);
	bpf_timer_set_callback(&v->timer, timer_fired);
	bpf_timer_start(&v->timer, 1000, 0);
	return 0;
}

SEC("tc")
int timer_other_map_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct clock *v = bpf_map_lookup_elem(&clocks, &key);

	if (v)
		bpf_timer_init(&v->timer, &other_clocks, 1); // error: map-argument
	return 0;
}

SEC("tc")
int timer_elsewhere_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct clock *v = bpf_map_lookup_elem(&clocks, &key);

	if (v)
		bpf_timer_start((struct bpf_timer *)v, 1000, 0); // error: map-field-argument
	return 0;
}

SEC("tc")
int timer_without_field_bad(struct __sk_buff *skb)
{
	int key = 1;
	long *v = bpf_map_lookup_elem(&numbers, &key);

	if (v)
		bpf_timer_cancel((struct bpf_timer *)v); // error: map-field-argument
	return 0;
}

SEC("tc")
int timer_on_stack_bad(struct __sk_buff *skb)
{
	struct bpf_timer timer = {};

	bpf_timer_cancel(&timer); // error: map-field-argument
	return 0;
}

SEC("tc")
int timer_unchecked_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct clock *v = bpf_map_lookup_elem(&clocks, &key);

	bpf_timer_cancel(&v->timer); // error: null-argument
	return 0;
}

SEC("tc")
int timer_callback_null_bad(struct __sk_buff *skb)
{
	int key = 1;
	struct clock *v = bpf_map_lookup_elem(&clocks, &key);

	if (v)
		bpf_timer_set_callback(&v->timer, NULL); // error: null-argument
	return 0;
}

SEC("tc")
int timer_of_inner_map_ok(struct __sk_buff *skb)
{
	int key = 0;
	void *map = bpf_map_lookup_elem(&clock_maps, &key);
	struct clock *v;

	if (!map)
		return 0;
	v = bpf_map_lookup_elem(map, &key);
	if (v)
		bpf_timer_init(&v->timer, map, 1);
	return 0;
}

SEC("tc")
int timer_of_other_inner_map_bad(struct __sk_buff *skb)
{
	int key = 0, second = 1;
	void *map = bpf_map_lookup_elem(&clock_maps, &key);
	void *other = bpf_map_lookup_elem(&clock_maps, &second);
	struct clock *v;

	if (!map || !other)
		return 0;
	v = bpf_map_lookup_elem(map, &key);
	if (v)
		bpf_timer_init(&v->timer, other, 1); // error: map-argument
	return 0;
}

SEC("tc")
int inner_map_unchecked_bad(struct __sk_buff *skb)
{
	int key = 0;
	void *map = bpf_map_lookup_elem(&clock_maps, &key);
	struct clock *v = bpf_map_lookup_elem(map, &key); // error: null-argument

	return v != NULL;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_work_ok, struct task_struct *task, u64 clone_flags)
{
	int key = 1;
	struct later *v = bpf_map_lookup_elem(&todo, &key);

	if (v)
		bpf_task_work_schedule_signal_impl(task, &v->work, &todo, task_work_done, NULL);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_work_other_map_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 1;
	struct later *v = bpf_map_lookup_elem(&todo, &key);

	if (v)
		bpf_task_work_schedule_signal_impl(task, &v->work, &other_todo, // error: map-argument
						   task_work_done, NULL);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_work_unchecked_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 1;
	struct later *v = bpf_map_lookup_elem(&todo, &key);

	bpf_task_work_schedule_signal_impl(task, &v->work, &todo, task_work_done, NULL); // error: null-argument
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_work_elsewhere_bad, struct task_struct *task, u64 clone_flags)
{
	int key = 1;
	struct later *v = bpf_map_lookup_elem(&todo, &key);

	if (v)
		bpf_task_work_schedule_signal_impl(task, (void *)v, &todo, // error: map-field-argument
						   task_work_done, NULL);
	return 0;
}

SEC("tc")
int map_of_helper_bad(struct __sk_buff *skb)
{
	int key = 1;

	return bpf_map_lookup_elem(&key, &key) != NULL; // error: map-argument
}

SEC("tc")
int null_map_of_helper_bad(struct __sk_buff *skb)
{
	int key = 1;

	return bpf_map_lookup_elem(NULL, &key) != NULL; // error: null-argument
}
