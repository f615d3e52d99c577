/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for libbpf's <bpf/bpf_helpers.h> where libbpf is not installed. Same names, own text. */
#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__

#include "bpf_helper_defs.h"

/* ---- maps in BTF-defined form ---- */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { ___bpf_concat(__unique_value, __COUNTER__) = val } name

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };

/* ---- attributes ---- */
#define SEC(name)                                                                                  \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wignored-attributes\"") \
	__attribute__((section(name), used)) _Pragma("GCC diagnostic pop")

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif
#define __kconfig __attribute__((section(".kconfig")))
#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))

#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_untrusted __attribute__((btf_decl_tag("arg:untrusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

/* ---- small C ---- */
#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#undef container_of
#define container_of(ptr, type, member)                                     \
	({                                                                  \
		void *__member = (void *)(ptr);                             \
		(type *)(__member - __builtin_offsetof(type, member));      \
	})
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif
#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif

#ifdef __bpf__
/* A tail call whose slot is a constant, so that the JIT can patch it into a direct jump. */
static __always_inline void bpf_tail_call_static(void *ctx, const void *map, const __u32 slot)
{
	if (!__builtin_constant_p(slot))
		__bpf_unreachable();
	asm volatile("r1 = %[ctx]\n\tr2 = %[map]\n\tr3 = %[slot]\n\tcall 12"
		     : : [ctx] "r"(ctx), [map] "r"(map), [slot] "i"(slot)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
}
#endif

#define bpf_ksym_exists(sym)                                                                            \
	({                                                                                              \
		_Static_assert(!__builtin_constant_p(!!sym), #sym " should be marked as __weak");       \
		!!sym;                                                                                  \
	})

/* ---- macro arithmetic: up to twelve arguments ---- */
#ifndef ___bpf_concat
#define ___bpf_concat(a, b) a##b
#endif
#ifndef ___bpf_apply
#define ___bpf_apply(fn, n) ___bpf_concat(fn, n)
#endif
#ifndef ___bpf_nth
#define ___bpf_nth(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, N, ...) N
#endif
#ifndef ___bpf_narg
#define ___bpf_narg(...) ___bpf_nth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#endif

/* ---- printing: the format goes to read-only data, arguments to an array of 64-bit words ---- */
#define ___bpf_fill0(arr, at, x) do { } while (0)
#define ___bpf_fill1(arr, at, x) arr[at] = x
#define ___bpf_fill2(arr, at, x, ...) arr[at] = x; ___bpf_fill1(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill3(arr, at, x, ...) arr[at] = x; ___bpf_fill2(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill4(arr, at, x, ...) arr[at] = x; ___bpf_fill3(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill5(arr, at, x, ...) arr[at] = x; ___bpf_fill4(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill6(arr, at, x, ...) arr[at] = x; ___bpf_fill5(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill7(arr, at, x, ...) arr[at] = x; ___bpf_fill6(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill8(arr, at, x, ...) arr[at] = x; ___bpf_fill7(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill9(arr, at, x, ...) arr[at] = x; ___bpf_fill8(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill10(arr, at, x, ...) arr[at] = x; ___bpf_fill9(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill11(arr, at, x, ...) arr[at] = x; ___bpf_fill10(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill12(arr, at, x, ...) arr[at] = x; ___bpf_fill11(arr, at + 1, __VA_ARGS__)
#define ___bpf_fill(arr, ...) ___bpf_apply(___bpf_fill, ___bpf_narg(__VA_ARGS__))(arr, 0, ##__VA_ARGS__)

#define __kfg_with_words(fmt, call, ...)                                                        \
	({                                                                                      \
		static const char ___fmt[] = fmt;                                               \
		unsigned long long ___param[___bpf_narg(__VA_ARGS__) ?: 1];                     \
		_Pragma("GCC diagnostic push")                                                  \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                          \
		___bpf_fill(___param, ##__VA_ARGS__);                                           \
		_Pragma("GCC diagnostic pop")                                                   \
		call;                                                                           \
	})
#define __kfg_bytes(...) (___bpf_narg(__VA_ARGS__) * sizeof(unsigned long long))

#define BPF_SEQ_PRINTF(seq, fmt, args...)                                                       \
	__kfg_with_words(fmt, bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___param, __kfg_bytes(args)), ##args)
#define BPF_SNPRINTF(out, out_size, fmt, args...)                                               \
	__kfg_with_words(fmt, bpf_snprintf(out, out_size, ___fmt, ___param, __kfg_bytes(args)), ##args)
#define __bpf_vprintk(fmt, args...)                                                             \
	__kfg_with_words(fmt, bpf_trace_vprintk(___fmt, sizeof(___fmt), ___param, __kfg_bytes(args)), ##args)

#ifdef BPF_NO_GLOBAL_DATA
#define BPF_PRINTK_FMT_MOD
#else
#define BPF_PRINTK_FMT_MOD static const
#endif
#define __bpf_printk(fmt, ...)                                                  \
	({                                                                      \
		BPF_PRINTK_FMT_MOD char ____fmt[] = fmt;                        \
		bpf_trace_printk(____fmt, sizeof(____fmt), ##__VA_ARGS__);      \
	})
/* bpf_trace_printk() takes three values at most */
#define ___bpf_pick_printk(...)                                                                         \
	___bpf_nth(_, ##__VA_ARGS__, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk,        \
		   __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk,           \
		   __bpf_printk, __bpf_printk, __bpf_printk, __bpf_printk)
#define bpf_printk(fmt, args...) ___bpf_pick_printk(args)(fmt, ##args)

struct bpf_dynptr;
extern int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args, __u32 len__sz,
				   void *aux__prog) __weak __ksym;
#define bpf_stream_printk(stream_id, fmt, args...)                                                      \
	__kfg_with_words(fmt,                                                                           \
			 bpf_stream_vprintk_impl(stream_id, ___fmt, ___param, __kfg_bytes(args), NULL), \
			 ##args)

/* ---- open-coded iterators: created before the loop, destroyed on every way out of it ---- */
struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;

#ifndef bpf_for_each
#define bpf_for_each(type, cur, args...)                                                                \
	for (struct bpf_iter_##type ___it __attribute__((aligned(8), cleanup(bpf_iter_##type##_destroy))), \
	     *___p __attribute__((unused)) = (bpf_iter_##type##_new(&___it, ##args),                    \
					      (void)bpf_iter_##type##_destroy, (void *)0);              \
	     (((cur) = bpf_iter_##type##_next(&___it)));)
#endif

#ifndef bpf_for
#define bpf_for(i, start, end)                                                                          \
	for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))),      \
	     *___p __attribute__((unused)) = (bpf_iter_num_new(&___it, (start), (end)),                 \
					      (void)bpf_iter_num_destroy, (void *)0);                   \
	     ({                                                                                         \
		     int *___t = bpf_iter_num_next(&___it);                                             \
		     (___t && ((i) = *___t, (i) >= (start) && (i) < (end)));                            \
	     });)
#endif

#ifndef bpf_repeat
#define bpf_repeat(N)                                                                                   \
	for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))),      \
	     *___p __attribute__((unused)) = (bpf_iter_num_new(&___it, 0, (N)),                         \
					      (void)bpf_iter_num_destroy, (void *)0);                   \
	     bpf_iter_num_next(&___it);)
#endif

#endif /* __BPF_HELPERS__ */
