/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <asm/types.h> where it is not installed. */
#ifndef __KFG_ASM_TYPES_H
#define __KFG_ASM_TYPES_H

#ifndef __VMLINUX_H__
typedef __signed__ char __s8;
typedef unsigned char __u8;
typedef __signed__ short __s16;
typedef unsigned short __u16;
typedef __signed__ int __s32;
typedef unsigned int __u32;
typedef __signed__ long long __s64;
typedef unsigned long long __u64;
#endif

#endif
