// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>

struct my_ring {
	refcount_t count;
};

__bpf_kfunc_start_defs();

__bpf_kfunc struct my_ring *my_ring_get(u32 id)
{
	return NULL;
}

__bpf_kfunc void my_ring_put(struct my_ring *ring)
{
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(ring_kfunc_ids)
BTF_ID_FLAGS(func, my_ring_get, KF_ACQUIRE | KF_RET_NULL)
BTF_ID_FLAGS(func, my_ring_put, KF_RELEASE)
BTF_KFUNCS_END(ring_kfunc_ids)

static const struct btf_kfunc_id_set ring_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &ring_kfunc_ids,
};

static int __init ring_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_XDP, &ring_kfunc_set);
}
module_init(ring_init);
MODULE_LICENSE("GPL");
