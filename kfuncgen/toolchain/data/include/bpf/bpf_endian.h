/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for libbpf's <bpf/bpf_endian.h> where libbpf is not installed. Same names, own text. */
#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__

/* The built-ins fold for constants, so one form serves initialisers and run time. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __kfg_be16(x) __builtin_bswap16(x)
#define __kfg_be32(x) __builtin_bswap32(x)
#define __kfg_be64(x) __builtin_bswap64(x)
#define __bpf_constant_ntohs(x) __builtin_bswap16(x)
#define __bpf_constant_ntohl(x) __builtin_bswap32(x)
#define __bpf_constant_be64_to_cpu(x) __builtin_bswap64(x)
#else
#define __kfg_be16(x) ((__u16)(x))
#define __kfg_be32(x) ((__u32)(x))
#define __kfg_be64(x) ((__u64)(x))
#define __bpf_constant_ntohs(x) (x)
#define __bpf_constant_ntohl(x) (x)
#define __bpf_constant_be64_to_cpu(x) (x)
#endif
#define __bpf_constant_htons(x) __bpf_constant_ntohs(x)
#define __bpf_constant_htonl(x) __bpf_constant_ntohl(x)
#define __bpf_constant_cpu_to_be64(x) __bpf_constant_be64_to_cpu(x)

#define bpf_htons(x) __kfg_be16(x)
#define bpf_ntohs(x) __kfg_be16(x)
#define bpf_htonl(x) __kfg_be32(x)
#define bpf_ntohl(x) __kfg_be32(x)
#define bpf_cpu_to_be64(x) __kfg_be64(x)
#define bpf_be64_to_cpu(x) __kfg_be64(x)

#endif /* __BPF_ENDIAN__ */
