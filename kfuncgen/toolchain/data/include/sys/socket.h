/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <sys/socket.h>: what BPF programs take from it. */
#ifndef __KFG_SYS_SOCKET_H
#define __KFG_SYS_SOCKET_H

#include <stddef.h>
#include <linux/socket.h>

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOL_IP 0
#define SOL_IPV6 41

#endif
