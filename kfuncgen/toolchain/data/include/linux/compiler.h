/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/compiler.h> where it is not installed. */
#ifndef __KFG_LINUX_COMPILER_H
#define __KFG_LINUX_COMPILER_H
#endif
