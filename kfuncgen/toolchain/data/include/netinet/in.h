/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <netinet/in.h>: what BPF programs take from it. */
#include <sys/socket.h>
#include <linux/in.h>
#include <linux/in6.h>
