/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/stddef.h> where it is not installed. */
#ifndef __KFG_LINUX_STDDEF_H
#define __KFG_LINUX_STDDEF_H

#include <stddef.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#endif
