// gen header bpf_crypto_ctx_create
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("syscall")
int prepare(void *ctx)
{
	struct bpf_crypto_params params = { .type = "skcipher", .algo = "ecb(aes)", .key_len = 16 };
	struct bpf_crypto_ctx *crypto;
	int error = 0;

	(void)ctx;
	crypto = bpf_crypto_ctx_create(&params, sizeof(params), &error);
	if (!crypto)
		return error;
	bpf_crypto_ctx_release(crypto);
	return 0;
}

char _license[] SEC("license") = "GPL";
