// gen header bpf_sock_destroy --type 'struct bpf_iter__tcp:sk_common' --type 'struct sock_common:skc_state'
#include "kfuncs.h"
#include <bpf/bpf_helpers.h>

SEC("iter/tcp")
int destroy(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (sk && sk->skc_state == 10)
		bpf_sock_destroy(sk);
	return 0;
}

char _license[] SEC("license") = "GPL";
