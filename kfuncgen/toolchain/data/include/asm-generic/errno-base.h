/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <asm-generic/errno-base.h> where it is not installed. */
#include <asm/errno.h>
