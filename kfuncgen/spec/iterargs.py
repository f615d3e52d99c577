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

_FIELDS: dict[str, dict[str, tuple[int, IterWorth]]] = {
    "bpf_link": {"link": (8, "plain-or-null")},
    "bpf_map": {"map": (8, "trusted-or-null")},
    "bpf_map_elem": {"key": (16, "key"), "value": (24, "value")},
    "bpf_prog": {"prog": (8, "plain-or-null")},
    "bpf_sk_storage_map": {"sk": (16, "plain-or-null"), "value": (24, "value")},
    "cgroup": {"cgroup": (8, "trusted-or-null")},
    "dmabuf": {"dmabuf": (8, "plain-or-null")},
    "ipv6_route": {"rt": (8, "plain-or-null")},
    "kmem_cache": {"s": (8, "trusted-or-null")},
    "ksym": {"ksym": (8, "plain-or-null")},
    "netlink": {"sk": (8, "plain-or-null")},
    "sockmap": {"key": (16, "key"), "sk": (24, "plain-or-null")},
    "task": {"task": (8, "trusted-or-null")},
    "task_file": {"task": (8, "plain-or-null"), "file": (24, "plain-or-null")},
    "task_vma": {"task": (8, "plain-or-null"), "vma": (16, "plain-or-null")},
    "tcp": {"sk_common": (8, "trusted-or-null")},
    "udp": {"udp_sk": (8, "trusted-or-null")},
    "unix": {"unix_sk": (8, "plain-or-null")},
}
"""Target -> member -> where the kernel has it in the context, and what it is worth there."""


def iterator_field(target: str, offset: int, member: str = "") -> IterWorth:
    """What the pointer at `offset` of the context is worth in programs of `iter/target`.

    With the name of its member it is found by that: a program may declare only the part of the context that it
    uses, and leave it to CO-RE where the kernel has it. Of targets that are not known (modules may bring more) all
    but `meta` are taken for maybe NULL.
    """
    fields = _FIELDS.get(target)
    if member == "meta" or (not member and offset == 0):
        return "trusted"
    if fields is None:
        return "trusted-or-null"
    if member:
        return fields[member][1] if member in fields else "trusted"
    return next((worth for at, worth in fields.values() if at == offset), "trusted")
