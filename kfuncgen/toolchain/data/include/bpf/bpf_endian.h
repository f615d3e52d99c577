/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for libbpf's <bpf/bpf_endian.h> where libbpf is not installed. Same names, own text. */
#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__

/* The built-ins fold for constants, so one form serves initialisers and run time. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __bpf_ntohs(x) __builtin_bswap16(x)
#define __bpf_ntohl(x) __builtin_bswap32(x)
#define __bpf_be64_to_cpu(x) __builtin_bswap64(x)
#else
#define __bpf_ntohs(x) ((__u16)(x))
#define __bpf_ntohl(x) ((__u32)(x))
#define __bpf_be64_to_cpu(x) ((__u64)(x))
#endif
#define __bpf_htons(x) __bpf_ntohs(x)
#define __bpf_htonl(x) __bpf_ntohl(x)
#define __bpf_cpu_to_be64(x) __bpf_be64_to_cpu(x)

#define __bpf_constant_ntohs(x) __bpf_ntohs(x)
#define __bpf_constant_htons(x) __bpf_htons(x)
#define __bpf_constant_ntohl(x) __bpf_ntohl(x)
#define __bpf_constant_htonl(x) __bpf_htonl(x)
#define __bpf_constant_be64_to_cpu(x) __bpf_be64_to_cpu(x)
#define __bpf_constant_cpu_to_be64(x) __bpf_cpu_to_be64(x)

#define bpf_ntohs(x) __bpf_ntohs(x)
#define bpf_htons(x) __bpf_htons(x)
#define bpf_ntohl(x) __bpf_ntohl(x)
#define bpf_htonl(x) __bpf_htonl(x)
#define bpf_be64_to_cpu(x) __bpf_be64_to_cpu(x)
#define bpf_cpu_to_be64(x) __bpf_cpu_to_be64(x)

#endif /* __BPF_ENDIAN__ */
