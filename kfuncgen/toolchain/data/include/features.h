/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the C library's <features.h>: what BPF programs take from it. */
