/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <asm/byteorder.h> where it is not installed. */
#ifndef __KFG_ASM_BYTEORDER_H
#define __KFG_ASM_BYTEORDER_H

#include <linux/types.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __LITTLE_ENDIAN 1234
#define __LITTLE_ENDIAN_BITFIELD
#define __cpu_to_be16(x) __builtin_bswap16(x)
#define __cpu_to_be32(x) __builtin_bswap32(x)
#define __cpu_to_be64(x) __builtin_bswap64(x)
#else
#define __BIG_ENDIAN 4321
#define __BIG_ENDIAN_BITFIELD
#define __cpu_to_be16(x) ((__be16)(x))
#define __cpu_to_be32(x) ((__be32)(x))
#define __cpu_to_be64(x) ((__be64)(x))
#endif
#define __be16_to_cpu(x) __cpu_to_be16(x)
#define __be32_to_cpu(x) __cpu_to_be32(x)
#define __be64_to_cpu(x) __cpu_to_be64(x)
#define __constant_cpu_to_be16(x) __cpu_to_be16(x)
#define __constant_cpu_to_be32(x) __cpu_to_be32(x)
#define __constant_htons(x) __cpu_to_be16(x)
#define __constant_ntohs(x) __cpu_to_be16(x)
#define __constant_htonl(x) __cpu_to_be32(x)
#define __constant_ntohl(x) __cpu_to_be32(x)

#endif
