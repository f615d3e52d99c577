/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <sys/types.h>: what BPF programs take from it. */
#ifndef __KFG_SYS_TYPES_H
#define __KFG_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifndef __VMLINUX_H__
typedef long ssize_t;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
#endif

#endif
