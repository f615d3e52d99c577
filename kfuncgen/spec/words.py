"""The vocabularies of specs: the kernel's flags and hooks, its filters, and what it does for single names."""

from __future__ import annotations

KF_FLAGS = (
    "KF_ACQUIRE",
    "KF_RELEASE",
    "KF_RET_NULL",
    "KF_KPTR_GET",
    "KF_TRUSTED_ARGS",
    "KF_SLEEPABLE",
    "KF_DESTRUCTIVE",
    "KF_RCU",
    "KF_ITER_NEW",
    "KF_ITER_NEXT",
    "KF_ITER_DESTROY",
    "KF_RCU_PROTECTED",
    "KF_FASTCALL",
    "KF_ARENA_RET",
    "KF_ARENA_ARG1",
    "KF_ARENA_ARG2",
    "KF_IMPLICIT_ARGS",
)
"""include/linux/btf.h, verbatim. KF_KPTR_GET went with 6.4; KF_IMPLICIT_ARGS came with 7.0, which has no
KF_TRUSTED_ARGS any more. Helpers use the same words for the same effects (CONTRACT section 7)."""

HOOKS = (
    "COMMON",
    "XDP",
    "TC",
    "SCHED_ACT",
    "STRUCT_OPS",
    "TRACING",
    "SYSCALL",
    "CGROUP",
    "SK_SKB",
    "SOCKET_FILTER",
    "NETFILTER",
    "LWT",
    "KPROBE",
    "FMODRET",
)
"""enum btf_kfunc_hook without its prefix (kernel/bpf/btf.c)."""

REGION_ENDS = {
    "rcu-lock": "rcu-unlock",
    "preempt-disable": "preempt-enable",
    "irq-save": "irq-restore",
}
"""Special effects that begin a region without fail, and those that end it."""

SPECIAL_EFFECTS = (
    # regions
    "rcu-lock",
    "rcu-unlock",
    "preempt-disable",
    "preempt-enable",
    "irq-save",
    "irq-restore",
    "spin-lock",
    "spin-unlock",
    "res-spin-lock",
    "res-spin-unlock",
    "res-spin-lock-irqsave",
    "res-spin-unlock-irqrestore",
    # program flow
    "throw",
    "tail-call",
    "sync-callback",
    "async-callback",
    # local objects and graphs
    "obj-new",
    "obj-drop",
    "percpu-obj-new",
    "percpu-obj-drop",
    "refcount-acquire",
    "list-push",
    "list-pop",
    "list-peek",
    "rbtree-add",
    "rbtree-remove",
    "rbtree-first",
    "rbtree-peek",
    # kptrs and casts
    "kptr-xchg",
    "cast-to-kern-ctx",
    "rdonly-cast",
    "percpu-ptr",
    "this-cpu-ptr",
    "sock-cast",
    # dynptrs and packets
    "dynptr-from-skb",
    "dynptr-from-xdp",
    "dynptr-from-mem",
    "dynptr-from-ringbuf",
    "dynptr-release-ringbuf",
    "dynptr-from-file",
    "dynptr-release-file",
    "dynptr-clone",
    "dynptr-slice",
    "dynptr-slice-rdwr",
    "dynptr-data",
    "dynptr-write",
    "packet-changing",
    # memory
    "map-lookup",
    "ringbuf-reserve",
    "ringbuf-release",
    "session-cookie",
    "current-task-btf",
    "dynptr-from-skb-meta",
    "untrusted-result",
    "trap",
    # allowed while a bpf_spin_lock is held
    "allowed-under-lock",
)
"""Names of what the verifier special-cases by function name (CONTRACT sections 5 and 7)."""

FILTERS = (
    *("lsm", "iter", "kprobe-session", "css-task-iter", "hidden"),
    *("qdisc", "qdisc-enqueue", "qdisc-dequeue", "qdisc-both"),
)
"""Programs that a kfunc's own filter lets through, within its hooks: `lsm` = BPF_PROG_TYPE_LSM only
(bpf_fs_kfuncs_filter), `iter` = attach type BPF_TRACE_ITER only (tracing_iter_filter), `kprobe-session` = session
attach types only (bpf_kprobe_multi_filter), `css-task-iter` = LSM, iterators and sleepable programs
(check_css_task_iter_allowlist), `hidden` = none: the kernel itself puts the calls into programs,
`qdisc` = struct_ops programs of Qdisc_ops, in the operations named (bpf_qdisc_kfunc_filter)."""
