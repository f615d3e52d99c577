/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for libbpf's <bpf/bpf_tracing.h> where libbpf is not installed. Same names, own text. */
#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__

#include "bpf_helpers.h"
#include "bpf_core_read.h"

struct pt_regs;

/* ---- registers of the traced architecture: names in its struct pt_regs ---- */
#if defined(__TARGET_ARCH_x86)
#define bpf_target_x86
#define bpf_target_defined
#if defined(__KERNEL__) || defined(__VMLINUX_H__)
#define __PT_PARM1_REG di
#define __PT_PARM2_REG si
#define __PT_PARM3_REG dx
#define __PT_PARM4_REG cx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM1_SYSCALL_REG di
#define __PT_PARM2_SYSCALL_REG si
#define __PT_PARM3_SYSCALL_REG dx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_RET_REG sp
#define __PT_FP_REG bp
#define __PT_RC_REG ax
#define __PT_SP_REG sp
#define __PT_IP_REG ip
#else
#define __PT_PARM1_REG rdi
#define __PT_PARM2_REG rsi
#define __PT_PARM3_REG rdx
#define __PT_PARM4_REG rcx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM1_SYSCALL_REG rdi
#define __PT_PARM2_SYSCALL_REG rsi
#define __PT_PARM3_SYSCALL_REG rdx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_RET_REG rsp
#define __PT_FP_REG rbp
#define __PT_RC_REG rax
#define __PT_SP_REG rsp
#define __PT_IP_REG rip
#endif
#elif defined(__TARGET_ARCH_arm64)
#define bpf_target_arm64
#define bpf_target_defined
struct pt_regs___arm64 {
	unsigned long orig_x0;
} __attribute__((preserve_access_index));
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___arm64 *)(x))->orig_x0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___arm64 *)(x), orig_x0)
#define __PT_PARM1_REG regs[0]
#define __PT_PARM2_REG regs[1]
#define __PT_PARM3_REG regs[2]
#define __PT_PARM4_REG regs[3]
#define __PT_PARM5_REG regs[4]
#define __PT_PARM6_REG regs[5]
#define __PT_PARM7_REG regs[6]
#define __PT_PARM8_REG regs[7]
#define __PT_PARM1_SYSCALL_REG orig_x0
#define __PT_PARM2_SYSCALL_REG regs[1]
#define __PT_PARM3_SYSCALL_REG regs[2]
#define __PT_PARM4_SYSCALL_REG regs[3]
#define __PT_PARM5_SYSCALL_REG regs[4]
#define __PT_PARM6_SYSCALL_REG regs[5]
#define __PT_RET_REG regs[30]
#define __PT_FP_REG regs[29]
#define __PT_RC_REG regs[0]
#define __PT_SP_REG sp
#define __PT_IP_REG pc
#elif defined(__TARGET_ARCH_arm)
#define bpf_target_arm
#define bpf_target_defined
#define __PT_PARM1_REG uregs[0]
#define __PT_PARM2_REG uregs[1]
#define __PT_PARM3_REG uregs[2]
#define __PT_PARM4_REG uregs[3]
#define __PT_PARM1_SYSCALL_REG uregs[0]
#define __PT_PARM2_SYSCALL_REG uregs[1]
#define __PT_PARM3_SYSCALL_REG uregs[2]
#define __PT_PARM4_SYSCALL_REG uregs[3]
#define __PT_PARM5_SYSCALL_REG uregs[4]
#define __PT_PARM6_SYSCALL_REG uregs[5]
#define __PT_PARM7_SYSCALL_REG uregs[6]
#define __PT_RET_REG uregs[14]
#define __PT_FP_REG uregs[11]
#define __PT_RC_REG uregs[0]
#define __PT_SP_REG uregs[13]
#define __PT_IP_REG uregs[12]
#elif defined(__TARGET_ARCH_s390)
#define bpf_target_s390
#define bpf_target_defined
struct pt_regs___s390 {
	unsigned long orig_gpr2;
} __attribute__((preserve_access_index));
#define __PT_REGS_CAST(x) ((const user_pt_regs *)(x))
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___s390 *)(x))->orig_gpr2)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___s390 *)(x), orig_gpr2)
#define __PT_PARM1_REG gprs[2]
#define __PT_PARM2_REG gprs[3]
#define __PT_PARM3_REG gprs[4]
#define __PT_PARM4_REG gprs[5]
#define __PT_PARM5_REG gprs[6]
#define __PT_PARM1_SYSCALL_REG orig_gpr2
#define __PT_PARM2_SYSCALL_REG gprs[3]
#define __PT_PARM3_SYSCALL_REG gprs[4]
#define __PT_PARM4_SYSCALL_REG gprs[5]
#define __PT_PARM5_SYSCALL_REG gprs[6]
#define __PT_PARM6_SYSCALL_REG gprs[7]
#define __PT_RET_REG gprs[14]
#define __PT_FP_REG gprs[11]
#define __PT_RC_REG gprs[2]
#define __PT_SP_REG gprs[15]
#define __PT_IP_REG psw.addr
#elif defined(__TARGET_ARCH_powerpc)
#define bpf_target_powerpc
#define bpf_target_defined
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#define __PT_PARM1_REG gpr[3]
#define __PT_PARM2_REG gpr[4]
#define __PT_PARM3_REG gpr[5]
#define __PT_PARM4_REG gpr[6]
#define __PT_PARM5_REG gpr[7]
#define __PT_PARM6_REG gpr[8]
#define __PT_PARM7_REG gpr[9]
#define __PT_PARM8_REG gpr[10]
#define __PT_PARM1_SYSCALL_REG orig_gpr3
#define __PT_PARM2_SYSCALL_REG gpr[4]
#define __PT_PARM3_SYSCALL_REG gpr[5]
#define __PT_PARM4_SYSCALL_REG gpr[6]
#define __PT_PARM5_SYSCALL_REG gpr[7]
#define __PT_PARM6_SYSCALL_REG gpr[8]
#define __PT_RET_REG link
#define __PT_RC_REG gpr[3]
#define __PT_SP_REG gpr[1]
#define __PT_IP_REG nip
#elif defined(__TARGET_ARCH_riscv)
#define bpf_target_riscv
#define bpf_target_defined
struct pt_regs___riscv {
	unsigned long orig_a0;
} __attribute__((preserve_access_index));
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___riscv *)(x))->orig_a0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___riscv *)(x), orig_a0)
#define __PT_PARM1_REG a0
#define __PT_PARM2_REG a1
#define __PT_PARM3_REG a2
#define __PT_PARM4_REG a3
#define __PT_PARM5_REG a4
#define __PT_PARM6_REG a5
#define __PT_PARM7_REG a6
#define __PT_PARM8_REG a7
#define __PT_PARM1_SYSCALL_REG orig_a0
#define __PT_PARM2_SYSCALL_REG a1
#define __PT_PARM3_SYSCALL_REG a2
#define __PT_PARM4_SYSCALL_REG a3
#define __PT_PARM5_SYSCALL_REG a4
#define __PT_PARM6_SYSCALL_REG a5
#define __PT_RET_REG ra
#define __PT_FP_REG s0
#define __PT_RC_REG a0
#define __PT_SP_REG sp
#define __PT_IP_REG pc
#elif defined(__TARGET_ARCH_loongarch)
#define bpf_target_loongarch
#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG regs[4]
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_RET_REG regs[1]
#define __PT_FP_REG regs[22]
#define __PT_RC_REG regs[4]
#define __PT_SP_REG regs[3]
#define __PT_IP_REG csr_era
#elif defined(__TARGET_ARCH_mips)
#define bpf_target_mips
#define bpf_target_defined
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG regs[4]
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_RET_REG regs[31]
#define __PT_FP_REG regs[30]
#define __PT_RC_REG regs[2]
#define __PT_SP_REG regs[29]
#define __PT_IP_REG cp0_epc
#elif defined(__TARGET_ARCH_sparc)
#define bpf_target_sparc
#define bpf_target_defined
#define __PT_PARM1_REG u_regs[UREG_I0]
#define __PT_PARM2_REG u_regs[UREG_I1]
#define __PT_PARM3_REG u_regs[UREG_I2]
#define __PT_PARM4_REG u_regs[UREG_I3]
#define __PT_PARM5_REG u_regs[UREG_I4]
#define __PT_PARM6_REG u_regs[UREG_I5]
#define __PT_PARM1_SYSCALL_REG u_regs[UREG_I0]
#define __PT_PARM2_SYSCALL_REG u_regs[UREG_I1]
#define __PT_PARM3_SYSCALL_REG u_regs[UREG_I2]
#define __PT_PARM4_SYSCALL_REG u_regs[UREG_I3]
#define __PT_PARM5_SYSCALL_REG u_regs[UREG_I4]
#define __PT_PARM6_SYSCALL_REG u_regs[UREG_I5]
#define __PT_RET_REG u_regs[UREG_I7]
#define __PT_RC_REG u_regs[UREG_I0]
#define __PT_SP_REG u_regs[UREG_FP]
#define __PT_IP_REG tpc
#elif defined(__TARGET_ARCH_arc)
#define bpf_target_arc
#define bpf_target_defined
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#define __PT_PARM1_REG scratch.r0
#define __PT_PARM2_REG scratch.r1
#define __PT_PARM3_REG scratch.r2
#define __PT_PARM4_REG scratch.r3
#define __PT_PARM5_REG scratch.r4
#define __PT_PARM6_REG scratch.r5
#define __PT_PARM7_REG scratch.r6
#define __PT_PARM8_REG scratch.r7
#define __PT_PARM1_SYSCALL_REG scratch.r0
#define __PT_PARM2_SYSCALL_REG scratch.r1
#define __PT_PARM3_SYSCALL_REG scratch.r2
#define __PT_PARM4_SYSCALL_REG scratch.r3
#define __PT_PARM5_SYSCALL_REG scratch.r4
#define __PT_PARM6_SYSCALL_REG scratch.r5
#define __PT_RET_REG scratch.blink
#define __PT_FP_REG scratch.fp
#define __PT_RC_REG scratch.r0
#define __PT_SP_REG scratch.sp
#define __PT_IP_REG scratch.ret
#endif

#ifdef bpf_target_defined
#ifndef __PT_REGS_CAST
#define __PT_REGS_CAST(x) (x)
#endif
#define __kfg_reg(x, reg) (__PT_REGS_CAST(x)->reg)
#define __kfg_reg_core(x, reg) BPF_CORE_READ(__PT_REGS_CAST(x), reg)
#else
#define __kfg_reg(x, reg) ({ _Static_assert(0, "define __TARGET_ARCH_xxx for registers"); 0UL; })
#define __kfg_reg_core(x, reg) __kfg_reg(x, reg)
#endif

#define PT_REGS_PARM1(x) __kfg_reg(x, __PT_PARM1_REG)
#define PT_REGS_PARM1_CORE(x) __kfg_reg_core(x, __PT_PARM1_REG)
#define PT_REGS_PARM2(x) __kfg_reg(x, __PT_PARM2_REG)
#define PT_REGS_PARM2_CORE(x) __kfg_reg_core(x, __PT_PARM2_REG)
#define PT_REGS_PARM3(x) __kfg_reg(x, __PT_PARM3_REG)
#define PT_REGS_PARM3_CORE(x) __kfg_reg_core(x, __PT_PARM3_REG)
#define PT_REGS_PARM4(x) __kfg_reg(x, __PT_PARM4_REG)
#define PT_REGS_PARM4_CORE(x) __kfg_reg_core(x, __PT_PARM4_REG)
#define PT_REGS_PARM5(x) __kfg_reg(x, __PT_PARM5_REG)
#define PT_REGS_PARM5_CORE(x) __kfg_reg_core(x, __PT_PARM5_REG)
#define PT_REGS_PARM6(x) __kfg_reg(x, __PT_PARM6_REG)
#define PT_REGS_PARM6_CORE(x) __kfg_reg_core(x, __PT_PARM6_REG)
#define PT_REGS_PARM7(x) __kfg_reg(x, __PT_PARM7_REG)
#define PT_REGS_PARM7_CORE(x) __kfg_reg_core(x, __PT_PARM7_REG)
#define PT_REGS_PARM8(x) __kfg_reg(x, __PT_PARM8_REG)
#define PT_REGS_PARM8_CORE(x) __kfg_reg_core(x, __PT_PARM8_REG)
#define PT_REGS_RET(x) __kfg_reg(x, __PT_RET_REG)
#define PT_REGS_RET_CORE(x) __kfg_reg_core(x, __PT_RET_REG)
#define PT_REGS_FP(x) __kfg_reg(x, __PT_FP_REG)
#define PT_REGS_FP_CORE(x) __kfg_reg_core(x, __PT_FP_REG)
#define PT_REGS_RC(x) __kfg_reg(x, __PT_RC_REG)
#define PT_REGS_RC_CORE(x) __kfg_reg_core(x, __PT_RC_REG)
#define PT_REGS_SP(x) __kfg_reg(x, __PT_SP_REG)
#define PT_REGS_SP_CORE(x) __kfg_reg_core(x, __PT_SP_REG)
#define PT_REGS_IP(x) __kfg_reg(x, __PT_IP_REG)
#define PT_REGS_IP_CORE(x) __kfg_reg_core(x, __PT_IP_REG)
#ifndef PT_REGS_PARM1_SYSCALL
#define PT_REGS_PARM1_SYSCALL(x) __kfg_reg(x, __PT_PARM1_SYSCALL_REG)
#define PT_REGS_PARM1_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM1_SYSCALL_REG)
#endif
#define PT_REGS_PARM2_SYSCALL(x) __kfg_reg(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM2_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM3_SYSCALL(x) __kfg_reg(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM3_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM4_SYSCALL(x) __kfg_reg(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM4_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM5_SYSCALL(x) __kfg_reg(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM5_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM6_SYSCALL(x) __kfg_reg(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM6_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM7_SYSCALL(x) __kfg_reg(x, __PT_PARM7_SYSCALL_REG)
#define PT_REGS_PARM7_CORE_SYSCALL(x) __kfg_reg_core(x, __PT_PARM7_SYSCALL_REG)

/* Most architectures pass a pointer to the system call's registers to its wrapper. */
#ifndef PT_REGS_SYSCALL_REGS
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#endif

#if defined(bpf_target_powerpc)
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = (ctx)->link; })
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#elif defined(bpf_target_sparc) || defined(bpf_target_arm64)
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#else
#define BPF_KPROBE_READ_RET_IP(ip, ctx) \
	({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)PT_REGS_RET(ctx)); })
#define BPF_KRETPROBE_READ_RET_IP(ip, ctx) \
	({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)(PT_REGS_FP(ctx) + sizeof(ip))); })
#endif

/* ---- typed arguments ----
 * NAME(ctx) is the program; ____NAME(ctx, args) is what the user writes, inlined. The words of the context become
 * arguments by position; that integers turn into pointers there is meant.
 */
#define __kfg_program(name, ctx_type, call, decl...)                                    \
	name(ctx_type);                                                                 \
	static __always_inline typeof(name(0)) ____##name(ctx_type, ##decl);            \
	typeof(name(0)) name(ctx_type)                                                  \
	{                                                                               \
		_Pragma("GCC diagnostic push")                                          \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                  \
		return ____##name(call);                                                \
		_Pragma("GCC diagnostic pop")                                           \
	}                                                                               \
	static __always_inline typeof(name(0)) ____##name(ctx_type, ##decl)

#define ___bpf_ctx_cast0() ctx
#define ___bpf_ctx_cast1(x, args...) ___bpf_ctx_cast0(args), ctx[0]
#define ___bpf_ctx_cast2(x, args...) ___bpf_ctx_cast1(args), ctx[1]
#define ___bpf_ctx_cast3(x, args...) ___bpf_ctx_cast2(args), ctx[2]
#define ___bpf_ctx_cast4(x, args...) ___bpf_ctx_cast3(args), ctx[3]
#define ___bpf_ctx_cast5(x, args...) ___bpf_ctx_cast4(args), ctx[4]
#define ___bpf_ctx_cast6(x, args...) ___bpf_ctx_cast5(args), ctx[5]
#define ___bpf_ctx_cast7(x, args...) ___bpf_ctx_cast6(args), ctx[6]
#define ___bpf_ctx_cast8(x, args...) ___bpf_ctx_cast7(args), ctx[7]
#define ___bpf_ctx_cast9(x, args...) ___bpf_ctx_cast8(args), ctx[8]
#define ___bpf_ctx_cast10(x, args...) ___bpf_ctx_cast9(args), ctx[9]
#define ___bpf_ctx_cast11(x, args...) ___bpf_ctx_cast10(args), ctx[10]
#define ___bpf_ctx_cast12(x, args...) ___bpf_ctx_cast11(args), ctx[11]
#define ___bpf_ctx_cast(args...) ___bpf_apply(___bpf_ctx_cast, ___bpf_narg(args))(args)

#define __kfg_words unsigned long long *ctx
#define BPF_PROG(name, args...) __kfg_program(name, __kfg_words, ___bpf_ctx_cast(args), ##args)

/* BPF_PROG2(name, type, arg, ...): as BPF_PROG, for arguments that may be structs of up to two words. */
#define __kfg_width(t) (sizeof(t) > 8 ? 2 : 1)
#define __kfg_argument(t, at)                                                                   \
	({                                                                                      \
		union {                                                                         \
			t value;                                                                \
			unsigned char byte;                                                     \
			unsigned short half;                                                    \
			unsigned int word;                                                      \
			unsigned long long words[2];                                            \
		} __arg = {.words = {0}};                                                       \
		_Static_assert(sizeof(t) <= 16, "argument larger than two words");              \
		switch (sizeof(t)) {                                                            \
		case 1: __arg.byte = ctx[at]; break;                                            \
		case 2: __arg.half = ctx[at]; break;                                            \
		case 4: __arg.word = ctx[at]; break;                                            \
		default:                                                                        \
			__arg.words[0] = ctx[at];                                               \
			if (__kfg_width(t) == 2)                                                \
				__arg.words[1] = ctx[(at) + 1];                                 \
		}                                                                               \
		__arg.value;                                                                    \
	})
#define ___bpf_nth2(_, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18, \
		    _19, _20, _21, _22, _23, _24, N, ...) N
#define ___bpf_narg2(...)                                                                               \
	___bpf_nth2(_, ##__VA_ARGS__, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, \
		    2, 2, 1, 1, 0)
#define __kfg_decl0()
#define __kfg_decl1(t, x) , t x
#define __kfg_pass0(at)
#define __kfg_pass1(at, t, x) , __kfg_argument(t, at)
#define __kfg_decl2(t, x, args...) , t x __kfg_decl1(args)
#define __kfg_pass2(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass1((at) + __kfg_width(t), args)
#define __kfg_decl3(t, x, args...) , t x __kfg_decl2(args)
#define __kfg_pass3(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass2((at) + __kfg_width(t), args)
#define __kfg_decl4(t, x, args...) , t x __kfg_decl3(args)
#define __kfg_pass4(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass3((at) + __kfg_width(t), args)
#define __kfg_decl5(t, x, args...) , t x __kfg_decl4(args)
#define __kfg_pass5(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass4((at) + __kfg_width(t), args)
#define __kfg_decl6(t, x, args...) , t x __kfg_decl5(args)
#define __kfg_pass6(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass5((at) + __kfg_width(t), args)
#define __kfg_decl7(t, x, args...) , t x __kfg_decl6(args)
#define __kfg_pass7(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass6((at) + __kfg_width(t), args)
#define __kfg_decl8(t, x, args...) , t x __kfg_decl7(args)
#define __kfg_pass8(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass7((at) + __kfg_width(t), args)
#define __kfg_decl9(t, x, args...) , t x __kfg_decl8(args)
#define __kfg_pass9(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass8((at) + __kfg_width(t), args)
#define __kfg_decl10(t, x, args...) , t x __kfg_decl9(args)
#define __kfg_pass10(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass9((at) + __kfg_width(t), args)
#define __kfg_decl11(t, x, args...) , t x __kfg_decl10(args)
#define __kfg_pass11(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass10((at) + __kfg_width(t), args)
#define __kfg_decl12(t, x, args...) , t x __kfg_decl11(args)
#define __kfg_pass12(at, t, x, args...) , __kfg_argument(t, at) __kfg_pass11((at) + __kfg_width(t), args)
#define __kfg_decl(args...) ___bpf_apply(__kfg_decl, ___bpf_narg2(args))(args)
#define __kfg_pass(args...) ___bpf_apply(__kfg_pass, ___bpf_narg2(args))(0, ##args)
#define BPF_PROG2(name, args...)                                                                        \
	name(unsigned long long *ctx);                                                                  \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx __kfg_decl(args));    \
	typeof(name(0)) name(unsigned long long *ctx) { return ____##name(ctx __kfg_pass(args)); }      \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx __kfg_decl(args))

#define ___bpf_kprobe_args0() ctx
#define ___bpf_kprobe_args1(x, args...) ___bpf_kprobe_args0(args), (unsigned long long)PT_REGS_PARM1(ctx)
#define ___bpf_kprobe_args2(x, args...) ___bpf_kprobe_args1(args), (unsigned long long)PT_REGS_PARM2(ctx)
#define ___bpf_kprobe_args3(x, args...) ___bpf_kprobe_args2(args), (unsigned long long)PT_REGS_PARM3(ctx)
#define ___bpf_kprobe_args4(x, args...) ___bpf_kprobe_args3(args), (unsigned long long)PT_REGS_PARM4(ctx)
#define ___bpf_kprobe_args5(x, args...) ___bpf_kprobe_args4(args), (unsigned long long)PT_REGS_PARM5(ctx)
#define ___bpf_kprobe_args6(x, args...) ___bpf_kprobe_args5(args), (unsigned long long)PT_REGS_PARM6(ctx)
#define ___bpf_kprobe_args7(x, args...) ___bpf_kprobe_args6(args), (unsigned long long)PT_REGS_PARM7(ctx)
#define ___bpf_kprobe_args8(x, args...) ___bpf_kprobe_args7(args), (unsigned long long)PT_REGS_PARM8(ctx)
#define ___bpf_kprobe_args(args...) ___bpf_apply(___bpf_kprobe_args, ___bpf_narg(args))(args)

#define __kfg_pt_regs struct pt_regs *ctx
#define BPF_KPROBE(name, args...) __kfg_program(name, __kfg_pt_regs, ___bpf_kprobe_args(args), ##args)
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)

#define ___bpf_kretprobe_args0() ctx
#define ___bpf_kretprobe_args1(x, args...) ___bpf_kretprobe_args0(args), (unsigned long long)PT_REGS_RC(ctx)
#define ___bpf_kretprobe_args(args...) ___bpf_apply(___bpf_kretprobe_args, ___bpf_narg(args))(args)

#define BPF_KRETPROBE(name, args...) __kfg_program(name, __kfg_pt_regs, ___bpf_kretprobe_args(args), ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)

#define ___bpf_syscall_args0() ctx
#define ___bpf_syscall_args1(x, args...) ___bpf_syscall_args0(args), (unsigned long long)PT_REGS_PARM1_SYSCALL(regs)
#define ___bpf_syscall_args2(x, args...) ___bpf_syscall_args1(args), (unsigned long long)PT_REGS_PARM2_SYSCALL(regs)
#define ___bpf_syscall_args3(x, args...) ___bpf_syscall_args2(args), (unsigned long long)PT_REGS_PARM3_SYSCALL(regs)
#define ___bpf_syscall_args4(x, args...) ___bpf_syscall_args3(args), (unsigned long long)PT_REGS_PARM4_SYSCALL(regs)
#define ___bpf_syscall_args5(x, args...) ___bpf_syscall_args4(args), (unsigned long long)PT_REGS_PARM5_SYSCALL(regs)
#define ___bpf_syscall_args6(x, args...) ___bpf_syscall_args5(args), (unsigned long long)PT_REGS_PARM6_SYSCALL(regs)
#define ___bpf_syscall_args7(x, args...) ___bpf_syscall_args6(args), (unsigned long long)PT_REGS_PARM7_SYSCALL(regs)
#define ___bpf_syscall_args(args...) ___bpf_apply(___bpf_syscall_args, ___bpf_narg(args))(args)

#define ___bpf_syswrap_args0() ctx
#define ___bpf_syswrap_args1(x, args...) ___bpf_syswrap_args0(args), (unsigned long long)PT_REGS_PARM1_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args2(x, args...) ___bpf_syswrap_args1(args), (unsigned long long)PT_REGS_PARM2_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args3(x, args...) ___bpf_syswrap_args2(args), (unsigned long long)PT_REGS_PARM3_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args4(x, args...) ___bpf_syswrap_args3(args), (unsigned long long)PT_REGS_PARM4_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args5(x, args...) ___bpf_syswrap_args4(args), (unsigned long long)PT_REGS_PARM5_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args6(x, args...) ___bpf_syswrap_args5(args), (unsigned long long)PT_REGS_PARM6_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args7(x, args...) ___bpf_syswrap_args6(args), (unsigned long long)PT_REGS_PARM7_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args(args...) ___bpf_apply(___bpf_syswrap_args, ___bpf_narg(args))(args)

/* With a system call wrapper (the default of x86-64, arm64, s390x ...) the arguments are behind a pointer. */
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
#define BPF_KSYSCALL(name, args...)                                                             \
	name(struct pt_regs *ctx);                                                              \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args);         \
	typeof(name(0)) name(struct pt_regs *ctx)                                               \
	{                                                                                       \
		struct pt_regs *regs = LINUX_HAS_SYSCALL_WRAPPER                                \
					       ? (struct pt_regs *)PT_REGS_SYSCALL_REGS(ctx)    \
					       : ctx;                                           \
		_Pragma("GCC diagnostic push")                                                  \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                          \
		if (LINUX_HAS_SYSCALL_WRAPPER)                                                  \
			return ____##name(___bpf_syswrap_args(args));                           \
		return ____##name(___bpf_syscall_args(args));                                   \
		_Pragma("GCC diagnostic pop")                                                   \
	}                                                                                       \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL

#endif /* __BPF_TRACING_H__ */
