/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <time.h>: what BPF programs take from it. */
#ifndef __KFG_TIME_H
#define __KFG_TIME_H

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#define CLOCK_TAI 11

#endif
