/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for the kernel's <asm/ptrace.h> where it is not installed. */
#ifndef __KFG_ASM_PTRACE_H
#define __KFG_ASM_PTRACE_H

#include <linux/types.h>

/* The registers as programs without vmlinux.h see them. */
#if defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
typedef struct user_pt_regs bpf_user_pt_regs_t;
struct pt_regs;
#else
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long rbp;
	unsigned long rbx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long rax;
	unsigned long rcx;
	unsigned long rdx;
	unsigned long rsi;
	unsigned long rdi;
	unsigned long orig_rax;
	unsigned long rip;
	unsigned long cs;
	unsigned long eflags;
	unsigned long rsp;
	unsigned long ss;
};
typedef struct pt_regs bpf_user_pt_regs_t;
#endif

#endif
