/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen: stands in for libbpf's <bpf/bpf_core_read.h> where libbpf is not installed. Same names, own text. */
#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__

#include "bpf_helpers.h"

/* Second arguments of clang's __builtin_preserve_*() and __builtin_btf_type_id(). */
enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET,
	BPF_FIELD_BYTE_SIZE,
	BPF_FIELD_EXISTS,
	BPF_FIELD_SIGNED,
	BPF_FIELD_LSHIFT_U64,
	BPF_FIELD_RSHIFT_U64,
};
enum bpf_type_id_kind { BPF_TYPE_ID_LOCAL, BPF_TYPE_ID_TARGET };
enum bpf_type_info_kind { BPF_TYPE_EXISTS, BPF_TYPE_SIZE, BPF_TYPE_MATCHES };
enum bpf_enum_value_kind { BPF_ENUMVAL_EXISTS, BPF_ENUMVAL_VALUE };

/* ---- questions about the running kernel's types, answered at load time ---- */
#define __kfg_object(type) (*(typeof(type) *)0)
#define ___bpf_field_ref1(field) (field)
#define ___bpf_field_ref2(type, field) (((typeof(type) *)0)->field)
#define ___bpf_field_ref(args...) ___bpf_apply(___bpf_field_ref, ___bpf_narg(args))(args)

#define bpf_core_field_exists(field...) \
	__builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_EXISTS)
#define bpf_core_field_size(field...) \
	__builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(field...) \
	__builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(__kfg_object(type), BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(__kfg_object(type), BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(__kfg_object(type), BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(__kfg_object(type), BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(__kfg_object(type), BPF_TYPE_SIZE)
#define bpf_core_enum_value_exists(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_VALUE)

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#define bpf_core_cast(ptr, type) \
	((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

/* ---- one read ---- */
#define bpf_core_read(dst, sz, src) \
	bpf_probe_read_kernel(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user(dst, sz, src) \
	bpf_probe_read_user(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, sz, src) \
	bpf_probe_read_kernel_str(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user_str(dst, sz, src) \
	bpf_probe_read_user_str(dst, sz, (const void *)__builtin_preserve_access_index(src))

/* ---- bit fields: load the bytes that hold it, shift its bits up, then down (with its sign) ---- */
#define __CORE_RELO(src, field, info) __builtin_preserve_field_info((src)->field, BPF_FIELD_##info)
#define __kfg_extract(s, field, value)                                                          \
	((value) <<= __CORE_RELO(s, field, LSHIFT_U64),                                         \
	 __CORE_RELO(s, field, SIGNED)                                                          \
		 ? (unsigned long long)((long long)(value) >> __CORE_RELO(s, field, RSHIFT_U64)) \
		 : (value) >> __CORE_RELO(s, field, RSHIFT_U64))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __kfg_low(value, bytes) ((void *)&(value))
#else
#define __kfg_low(value, bytes) ((void *)&(value) + (8 - (bytes)))
#endif
#define BPF_CORE_READ_BITFIELD_PROBED(s, field)                                                         \
	({                                                                                              \
		unsigned long long __value = 0;                                                         \
		bpf_probe_read_kernel(__kfg_low(__value, __CORE_RELO(s, field, BYTE_SIZE)),             \
				      __CORE_RELO(s, field, BYTE_SIZE),                                 \
				      (const void *)(s) + __CORE_RELO(s, field, BYTE_OFFSET));          \
		__kfg_extract(s, field, __value);                                                       \
	})
#define BPF_CORE_READ_BITFIELD(s, field)                                                                \
	({                                                                                              \
		const void *__from = (const void *)(s) + __CORE_RELO(s, field, BYTE_OFFSET);            \
		unsigned long long __value = 0;                                                         \
		asm volatile("" : "+r"(__from)); /* one access, at the relocated offset */              \
		switch (__CORE_RELO(s, field, BYTE_SIZE)) {                                             \
		case 1: __value = *(const unsigned char *)__from; break;                                \
		case 2: __value = *(const unsigned short *)__from; break;                               \
		case 4: __value = *(const unsigned int *)__from; break;                                 \
		case 8: __value = *(const unsigned long long *)__from; break;                           \
		}                                                                                       \
		__kfg_extract(s, field, __value);                                                       \
	})
#define BPF_CORE_WRITE_BITFIELD(s, field, new_val)                                                      \
	({                                                                                              \
		void *__to = (void *)(s) + __CORE_RELO(s, field, BYTE_OFFSET);                          \
		unsigned int __up = __CORE_RELO(s, field, LSHIFT_U64);                                  \
		unsigned int __down = __CORE_RELO(s, field, RSHIFT_U64);                                \
		unsigned long long __mask = (~0ULL << __down) >> __up;                                  \
		unsigned long long __bits = ((unsigned long long)(new_val) << __down) >> __up;          \
		asm volatile("" : "+r"(__to));                                                          \
		switch (__CORE_RELO(s, field, BYTE_SIZE)) {                                             \
		case 1: *(unsigned char *)__to = (*(unsigned char *)__to & ~__mask) | __bits; break;    \
		case 2: *(unsigned short *)__to = (*(unsigned short *)__to & ~__mask) | __bits; break;  \
		case 4: *(unsigned int *)__to = (*(unsigned int *)__to & ~__mask) | __bits; break;      \
		case 8:                                                                                 \
			*(unsigned long long *)__to = (*(unsigned long long *)__to & ~__mask) | __bits; \
			break;                                                                          \
		}                                                                                       \
	})

/* ---- chains: BPF_CORE_READ(p, a, b, c) is p->a->b->c, one probe read for every arrow ----
 * __kfg_chainN(last, step, dst, T, p, f1 .. fN): `p` is a T; all reads but the last fetch a pointer into __next.
 */
#define __kfg_read(fn, dst, T, p, field) fn((void *)(dst), sizeof(*(dst)), &((T)(p))->field)
#define __kfg_chain1(last, step, dst, T, p, a) __kfg_read(last, dst, T, p, a)
#define __kfg_chain2(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain1(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain3(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain2(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain4(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain3(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain5(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain4(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain6(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain5(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain7(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain6(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain8(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain7(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain9(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain8(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)
#define __kfg_chain10(last, step, dst, T, p, a, ...)     \
	__kfg_read(step, &__next, T, p, a);                     \
	__kfg_chain9(last, step, dst, typeof(((T)0)->a), __next, __VA_ARGS__)

#define __kfg_arrow1(p, a) (p)->a
#define __kfg_arrow2(p, a, ...) __kfg_arrow1((p)->a, __VA_ARGS__)
#define __kfg_arrow3(p, a, ...) __kfg_arrow2((p)->a, __VA_ARGS__)
#define __kfg_arrow4(p, a, ...) __kfg_arrow3((p)->a, __VA_ARGS__)
#define __kfg_arrow5(p, a, ...) __kfg_arrow4((p)->a, __VA_ARGS__)
#define __kfg_arrow6(p, a, ...) __kfg_arrow5((p)->a, __VA_ARGS__)
#define __kfg_arrow7(p, a, ...) __kfg_arrow6((p)->a, __VA_ARGS__)
#define __kfg_arrow8(p, a, ...) __kfg_arrow7((p)->a, __VA_ARGS__)
#define __kfg_arrow9(p, a, ...) __kfg_arrow8((p)->a, __VA_ARGS__)
#define __kfg_arrow10(p, a, ...) __kfg_arrow9((p)->a, __VA_ARGS__)
#define __kfg_arrow(p, ...) ___bpf_apply(__kfg_arrow, ___bpf_narg(__VA_ARGS__))(p, __VA_ARGS__)

#if defined(__clang__) && __clang_major__ >= 19
#define __kfg_plain(expr) __typeof_unqual__(expr)
#else
#define __kfg_plain(expr) typeof(expr)
#endif

#define __kfg_into(last, step, dst, src, ...)                                                           \
	({                                                                                              \
		const void *__next __attribute__((unused));                                             \
		___bpf_apply(__kfg_chain, ___bpf_narg(__VA_ARGS__))(last, step, dst, typeof(src), src,  \
								    __VA_ARGS__);                       \
	})
#define __kfg_value(step, src, ...)                                     \
	({                                                              \
		__kfg_plain(__kfg_arrow((src), __VA_ARGS__)) __result;  \
		__kfg_into(step, step, &__result, src, __VA_ARGS__);    \
		__result;                                               \
	})

#define BPF_CORE_READ(src, a, ...) __kfg_value(bpf_core_read, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_INTO(dst, src, a, ...) __kfg_into(bpf_core_read, bpf_core_read, dst, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_STR_INTO(dst, src, a, ...) \
	__kfg_into(bpf_core_read_str, bpf_core_read, dst, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER(src, a, ...) __kfg_value(bpf_core_read_user, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_INTO(dst, src, a, ...) __kfg_into(bpf_core_read_user, bpf_core_read_user, dst, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_STR_INTO(dst, src, a, ...) \
	__kfg_into(bpf_core_read_user_str, bpf_core_read_user, dst, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ(src, a, ...) __kfg_value(bpf_probe_read_kernel, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_INTO(dst, src, a, ...) __kfg_into(bpf_probe_read_kernel, bpf_probe_read_kernel, dst, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_STR_INTO(dst, src, a, ...) \
	__kfg_into(bpf_probe_read_kernel_str, bpf_probe_read_kernel, dst, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER(src, a, ...) __kfg_value(bpf_probe_read_user, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_INTO(dst, src, a, ...) __kfg_into(bpf_probe_read_user, bpf_probe_read_user, dst, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_STR_INTO(dst, src, a, ...) \
	__kfg_into(bpf_probe_read_user_str, bpf_probe_read_user, dst, src, a, ##__VA_ARGS__)

#endif /* __BPF_CORE_READ_H__ */
