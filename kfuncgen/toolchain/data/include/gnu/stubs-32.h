/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: glibc asks for this file for a BPF target, and only multilib packages bring it. */
