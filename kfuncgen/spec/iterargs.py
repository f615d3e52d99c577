"""What the fields of iterator programs' contexts are worth (`struct bpf_iter__*`), by target.

The `ctx_arg_info` that each target registers: bpf_iter_reg_target() in kernel/bpf/*_iter.c, kernel/kallsyms.c,
net/core/{bpf_sk_storage,sock_map}.c, net/ipv4/{tcp_ipv4,udp}.c, net/ipv6/route.c, net/netlink/af_netlink.c,
net/unix/af_unix.c, mm/slab; read in 6.12, confirmed by loading on 6.18. Fields that are not registered are trusted
and not NULL (btf_ctx_access()).
"""

from __future__ import annotations

from typing import Literal

IterWorth = Literal["trusted", "trusted-or-null", "plain-or-null", "key", "value"]
"""`key`, `value`: memory of a map's element, or NULL; keys are read-only."""

_FIELDS: dict[str, dict[int, IterWorth]] = {
    "bpf_link": {8: "plain-or-null"},
    "bpf_map": {8: "trusted-or-null"},
    "bpf_map_elem": {16: "key", 24: "value"},
    "bpf_prog": {8: "plain-or-null"},
    "bpf_sk_storage_map": {16: "plain-or-null", 24: "value"},
    "cgroup": {8: "trusted-or-null"},
    "dmabuf": {8: "plain-or-null"},
    "ipv6_route": {8: "plain-or-null"},
    "kmem_cache": {8: "trusted-or-null"},
    "ksym": {8: "plain-or-null"},
    "netlink": {8: "plain-or-null"},
    "sockmap": {16: "key", 24: "plain-or-null"},
    "task": {8: "trusted-or-null"},
    "task_file": {8: "plain-or-null", 24: "plain-or-null"},
    "task_vma": {8: "plain-or-null", 16: "plain-or-null"},
    "tcp": {8: "trusted-or-null"},
    "udp": {8: "trusted-or-null"},
    "unix": {8: "plain-or-null"},
}


def iterator_field(target: str, offset: int) -> IterWorth:
    """What the pointer at `offset` of the context is worth in programs of `iter/target`.

    Of targets that are not known (modules may bring more) all but `meta` are taken for maybe NULL.
    """
    fields = _FIELDS.get(target)
    if offset == 0:
        return "trusted"
    return "trusted-or-null" if fields is None else fields.get(offset, "trusted")
