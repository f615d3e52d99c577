/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the compiler's <stdarg.h>; libclang's Python package brings none. */
#ifndef __KFG_STDARG_H
#define __KFG_STDARG_H

typedef __builtin_va_list va_list;
#define va_start(ap, param) __builtin_va_start(ap, param)
#define va_end(ap) __builtin_va_end(ap)
#define va_arg(ap, type) __builtin_va_arg(ap, type)
#define va_copy(dest, src) __builtin_va_copy(dest, src)

#endif
