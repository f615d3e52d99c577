// gen header bpf_strnlen bpf_strcmp
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

const char text[] = "text";
int length;

SEC("syscall")
int measure(void *ctx)
{
	(void)ctx;
	length = bpf_strnlen(text, sizeof(text)) + bpf_strcmp(text, "test");
	return 0;
}

char _license[] SEC("license") = "GPL";
