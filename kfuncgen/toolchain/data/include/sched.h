/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <sched.h>: what BPF programs take from it. */
#include <linux/sched.h>
