/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the compiler's <stdbool.h>; libclang's Python package brings none. */
#ifndef __KFG_STDBOOL_H
#define __KFG_STDBOOL_H

/* vmlinux.h has `typedef _Bool bool` and an enum with `true` and `false`; it is included first, as a rule. */
#if !defined(__VMLINUX_H__) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ <= 201710L)
#define bool _Bool
#define true 1
#define false 0
#endif
#define __bool_true_false_are_defined 1

#endif
