/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/socket.h> where it is not installed. */
#ifndef __KFG_LINUX_SOCKET_H
#define __KFG_LINUX_SOCKET_H

#include <linux/types.h>
#include <asm/socket.h>

typedef unsigned short sa_family_t;
struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};
struct __kernel_sockaddr_storage {
	union {
		struct {
			__kernel_sa_family_t ss_family;
			char __data[126];
		};
		void *__align;
	};
};

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_VSOCK 40
#define AF_XDP 44
#define PF_INET AF_INET
#define PF_INET6 AF_INET6

#define SOL_TCP 6
#define SOL_UDP 17

#endif
