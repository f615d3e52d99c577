"""Kinds of programs, and what each may call (CONTRACT of the hooks: which sets of kfuncs a program type sees)."""

from __future__ import annotations

from benchmarks.grammar.maker import Kind

_GENERIC = "generic graph special"
_TASK0 = (("task", "task0", "trusted"),)


def _kind(
    section: str,
    head: str,
    can: str,
    values: tuple[tuple[str, str, str], ...] = (),
    sleeps: bool = False,
    integers: tuple[str, ...] = (),
    tail: str = "",
) -> Kind:
    return Kind(section, head, frozenset(can.split()), values, sleeps, integers, tail)


KINDS = (
    _kind(
        "xdp", "int <>(struct xdp_md *ctx)", f"{_GENERIC} xdp packet crypt sk", integers=("ctx->ingress_ifindex",)
    ),
    _kind(
        "tc",
        "int <>(struct __sk_buff *ctx)",
        f"{_GENERIC} tc skb packet crypt sk",
        integers=("ctx->len", "ctx->mark"),
    ),
    _kind("cgroup_skb/ingress", "int <>(struct __sk_buff *ctx)", f"{_GENERIC} skb", integers=("ctx->len",)),
    _kind("syscall", "int <>(void *ctx)", f"{_GENERIC} cpumask syscall tasks", sleeps=True),
    _kind(
        "tp_btf/task_newtask",
        "int BPF_PROG(<>, struct task_struct *task0, u64 clone_flags)",
        f"{_GENERIC} cpumask tasks",
        _TASK0,
        integers=("clone_flags", "task0->pid"),
    ),
    _kind(
        "tp_btf/cgroup_mkdir",
        "int BPF_PROG(<>, struct cgroup *cgrp0, const char *path)",
        f"{_GENERIC} cpumask tasks",
        (("cgrp", "cgrp0", "trusted"),),
        integers=("cgrp0->level",),
    ),
    _kind("iter/task", "int <>(struct bpf_iter__task *ctx)", f"{_GENERIC} cpumask tasks iter_task"),
    _kind("iter.s/task", "int <>(struct bpf_iter__task *ctx)", f"{_GENERIC} cpumask tasks iter_task", sleeps=True),
    _kind("tracepoint/sched/sched_switch", "int <>(void *ctx)", "generic cpumask tasks"),
    _kind("perf_event", "int <>(void *ctx)", "generic cpumask tasks"),
    _kind("raw_tp/sched_switch", "int <>(void *ctx)", "tasks"),
    _kind("socket", "int <>(struct __sk_buff *ctx)", "skb", integers=("ctx->len",)),
    _kind("action", "int <>(struct __sk_buff *ctx)", "skb packet crypt sk special", integers=("ctx->len",)),
    _kind("sk_lookup", "int <>(struct bpf_sk_lookup *ctx)", "special", integers=("ctx->local_port",)),
    _kind(
        "tp_btf/tcp_retransmit_skb",
        "int BPF_PROG(<>, const struct sock *sock0, const struct sk_buff *skb)",
        f"{_GENERIC} cpumask tasks",
        (("sock", "sock0", "trusted"),),
        integers=("sock0->sk_rcvbuf",),
    ),
    _kind(
        "struct_ops",
        "u32 BPF_PROG(<>, struct sock *sock0)",
        f"{_GENERIC} cpumask",
        (("sock", "sock0", "trusted"),),
        integers=("sock0->sk_rcvbuf",),
        tail='\nSEC(".struct_ops.link")\nstruct tcp_congestion_ops ops_<> = { .ssthresh = (void *)<> };\n',
    ),
    _kind("iter/cgroup", "int <>(struct bpf_iter__cgroup *ctx)", f"{_GENERIC} cpumask tasks iter_cgroup"),
    _kind("netfilter", "int <>(struct bpf_nf_ctx *ctx)", "special"),
    _kind("cgroup/sock_create", "int <>(struct bpf_sock *ctx)", f"{_GENERIC}", integers=("ctx->family",)),
    _kind("sockops", "int <>(struct bpf_sock_ops *ctx)", f"{_GENERIC}", integers=("ctx->op",)),
    _kind("lwt_in", "int <>(struct __sk_buff *ctx)", "skb special", integers=("ctx->len",)),
)
WEIGHTS = (6, 6, 2, 6, 6, 2, 3, 3, 2, 1, 1, 1, 1, 1, 2, 3, 2, 1, 1, 1, 1)
