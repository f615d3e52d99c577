// gen header bpf_lookup_system_key
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int check(void *ctx)
{
	KFG_AUTO(bpf_key_put) struct bpf_key *key = bpf_lookup_system_key(0);

	(void)ctx;
	return 0;
}

char _license[] SEC("license") = "GPL";
