/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the compiler's <stddef.h>; libclang's Python package brings none. */
#ifndef __KFG_STDDEF_H
#define __KFG_STDDEF_H

typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
#ifndef __VMLINUX_H__ /* which has the kernel's own */
typedef __WCHAR_TYPE__ wchar_t;
#endif
typedef struct {
	long long __max_align_ll __attribute__((aligned(__alignof__(long long))));
	long double __max_align_ld __attribute__((aligned(__alignof__(long double))));
} max_align_t;

#undef NULL
#define NULL ((void *)0)
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)

#endif
