// gen header bpf_iter_kmem_cache_new bpf_iter_kmem_cache_next bpf_iter_kmem_cache_destroy --type 'struct kmem_cache:size'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

u64 total;

SEC("syscall")
int add(void *ctx)
{
	struct bpf_iter_kmem_cache it;
	struct kmem_cache *cache;

	(void)ctx;
	bpf_iter_kmem_cache_new(&it);
	while ((cache = bpf_iter_kmem_cache_next(&it)))
		total += cache->size;
	bpf_iter_kmem_cache_destroy(&it);
	return 0;
}

char _license[] SEC("license") = "GPL";
