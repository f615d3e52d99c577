// gen header bpf_arena_alloc_pages bpf_arena_free_pages --type BPF_MAP_TYPE_ARENA --type BPF_F_MMAPABLE
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 10);
	__uint(map_extra, 0x10000000);
} arena SEC(".maps");

SEC("syscall")
int take(void *ctx)
{
	void *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	(void)ctx;
	if (page)
		bpf_arena_free_pages(&arena, page, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
