/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen, machine-made: stands in for the kernel's <linux/limits.h> where it is not installed. */
#ifndef __KFG_LINUX_LIMITS_H
#define __KFG_LINUX_LIMITS_H

#include <linux/types.h>

#define NR_OPEN 0x400
#define NGROUPS_MAX 0x10000
#define ARG_MAX 0x20000
#define LINK_MAX 127
#define MAX_CANON 255
#define MAX_INPUT 255
#define NAME_MAX 255
#define PATH_MAX 0x1000
#define PIPE_BUF 0x1000
#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 0x10000
#define XATTR_LIST_MAX 0x10000
#define RTSIG_MAX 32


#endif
