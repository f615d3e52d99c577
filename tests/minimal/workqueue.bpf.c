// gen header bpf_wq_init bpf_wq_set_callback_impl bpf_wq_start --type BPF_MAP_TYPE_ARRAY
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

struct work {
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct work);
} works SEC(".maps");

static int run(void *map, int *key, void *value)
{
	(void)map, (void)key, (void)value;
	return 0;
}

SEC("tc")
int defer(struct __sk_buff *ctx)
{
	int key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	(void)ctx;
	if (!work || bpf_wq_init(&work->wq, &works, 0))
		return 0;
	if (bpf_wq_set_callback_impl(&work->wq, run, 0, NULL))
		return 0;
	return bpf_wq_start(&work->wq, 0);
}

char _license[] SEC("license") = "GPL";
