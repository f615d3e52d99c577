/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <linux/version.h> where it is not installed. */
#ifndef LINUX_VERSION_CODE
#define LINUX_VERSION_CODE 397824 /* 6.18.0, as the vmlinux.h beside this */
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif
