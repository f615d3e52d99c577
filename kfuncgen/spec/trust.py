"""What the verifier believes of kernel types: fields that give good pointers, kptrs, contexts, special fields.

Sources: BTF_TYPE_SAFE_*, rcu_protected_types and check_map_prog_compatibility() (kernel/bpf/verifier.c),
btf_is_projection_of() (kernel/bpf/btf.c), callers of register_btf_id_dtor_kfuncs(); 6.12 and 6.18, CONTRACT 2.3,
2.4, 4.E. Kernel BTF of GCC builds has no `__rcu` tags, so only the verifier's own lists of safe fields give
trusted or RCU children.
"""

from __future__ import annotations

Fields = dict[tuple[str, str], str]
"""(struct, member) -> the struct that the member points to."""

SAFE_TRUSTED: Fields = {
    ("bpf_iter_meta", "seq"): "seq_file",
    ("bpf_iter__task", "meta"): "bpf_iter_meta",
    ("bpf_iter__task", "task"): "task_struct",
    ("linux_binprm", "file"): "file",
    ("file", "f_inode"): "inode",
    ("dentry", "d_inode"): "inode",
}
SAFE_TRUSTED_OR_NULL: Fields = {("socket", "sk"): "sock"}
SAFE_RCU: Fields = {
    ("task_struct", "cpus_ptr"): "cpumask",
    ("task_struct", "cgroups"): "css_set",
    ("task_struct", "real_parent"): "task_struct",
    ("task_struct", "group_leader"): "task_struct",
    ("cgroup", "kn"): "kernfs_node",
    ("css_set", "dfl_cgrp"): "cgroup",
}
SAFE_RCU_OR_NULL: Fields = {
    ("mm_struct", "exe_file"): "file",
    ("sk_buff", "sk"): "sock",
    ("request_sock", "sk"): "sock",
}

CONST_FIELDS = frozenset((("task_struct", "cpus_ptr"),))
"""Those of the fields that are pointers to const."""

PROJECTIONS = {"__sk_buff": "sk_buff", "xdp_md": "xdp_buff", "bpf_nf_ctx": "bpf_nf_ctx"}
"""User-visible context structs and the kernel objects behind them (btf_is_projection_of)."""

RCU_KPTRS = frozenset(("task_struct", "cgroup", "bpf_cpumask", "bpf_crypto_ctx", "prog_test_ref_kfunc"))
"""Kernel types whose kptr may be used under RCU without a reference (rcu_protected_types)."""

DESTRUCTORS = frozenset(
    ("task_struct", "cgroup", "bpf_cpumask", "bpf_crypto_ctx", "prog_test_ref_kfunc", "prog_test_member",
     "prog_test_member1")
)  # fmt: skip
"""Kernel types that a referenced kptr may hold: those with a destructor (register_btf_id_dtor_kfuncs)."""

LOCKS = frozenset(("bpf_spin_lock", "bpf_res_spin_lock"))
ROOTS = {"bpf_list_head": "bpf_list_node", "bpf_rb_root": "bpf_rb_node"}
"""Heads and roots, and the nodes that belong into them."""

PACKET_WRITERS = frozenset(
    ("BPF_PROG_TYPE_SCHED_CLS", "BPF_PROG_TYPE_SCHED_ACT", "BPF_PROG_TYPE_XDP", "BPF_PROG_TYPE_LWT_XMIT",
     "BPF_PROG_TYPE_SK_SKB", "BPF_PROG_TYPE_SK_MSG", "BPF_PROG_TYPE_CGROUP_SOCKOPT")
)  # fmt: skip
"""may_access_direct_pkt_data(): the only programs for bpf_dynptr_slice_rdwr(), whatever the dynptr is over."""

_TRACING = frozenset(
    ("BPF_PROG_TYPE_KPROBE", "BPF_PROG_TYPE_TRACEPOINT", "BPF_PROG_TYPE_PERF_EVENT",
     "BPF_PROG_TYPE_RAW_TRACEPOINT", "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE")
)  # fmt: skip
_NOT_IN_TRACING = (*sorted(ROOTS), *sorted(LOCKS), "bpf_timer", "bpf_wq")
"""In the order in which the verifier looks for them."""


def refused_fields(program_type: str) -> tuple[str, ...]:
    """Special fields of maps and global data to which programs of the type may not even refer."""
    if program_type in _TRACING:
        return _NOT_IN_TRACING
    return tuple(sorted(LOCKS)) if program_type == "BPF_PROG_TYPE_SOCKET_FILTER" else ()
