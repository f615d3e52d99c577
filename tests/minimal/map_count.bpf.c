// gen header bpf_map_sum_elem_count --type 'struct bpf_map:map_type' --type 'struct bpf_iter__bpf_map:map'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

s64 total;

SEC("iter/bpf_map")
int add(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map && map->map_type)
		total += bpf_map_sum_elem_count(map);
	return 0;
}

char _license[] SEC("license") = "GPL";
