/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/types.h> where it is not installed. */
#ifndef __KFG_LINUX_TYPES_H
#define __KFG_LINUX_TYPES_H

#include <asm/types.h>

#ifndef __VMLINUX_H__
typedef __u16 __le16;
typedef __u16 __be16;
typedef __u32 __le32;
typedef __u32 __be32;
typedef __u64 __le64;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef int __kernel_pid_t;
typedef long __kernel_long_t;
typedef unsigned long __kernel_ulong_t;
typedef long __kernel_ssize_t;
typedef unsigned long __kernel_size_t;
typedef long long __kernel_time64_t;
typedef unsigned short __kernel_sa_family_t;
typedef unsigned int __poll_t;
#endif

#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define __aligned_be64 __be64 __attribute__((aligned(8)))
#define __aligned_le64 __le64 __attribute__((aligned(8)))
#ifndef __bitwise
#define __bitwise
#endif

#endif
