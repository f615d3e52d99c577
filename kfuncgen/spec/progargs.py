"""What program arguments are worth beyond their type: those that may be NULL, be an error, or carry a reference.

Tracepoints: `raw_tp_null_args` (kernel/bpf/btf.c 6.12) lists the arguments that are NULL or an error pointer now
and then; what is built into a 6.18 kernel was loaded there to see the same, and more. struct_ops members: the
names of the kernel's stub functions end in `__nullable` or `__ref` (net/sched/bpf_qdisc.c, kernel/sched/ext.c).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from kfuncgen.spec.model import Kernel

Worth = Literal["", "null", "error", "reference"]
"""`null`: may be NULL; `error`: may be an error pointer, so the verifier sees a number; `reference`: arrives
referenced and must be released, stored or returned."""

NULL_ARGUMENTS_SINCE = Kernel(6, 12)
"""Kernels before take all arguments of tracepoints for non-NULL (the list came with 6.13 and stable 6.12)."""
_MORE_SINCE = Kernel(6, 13)
"""The entries seen on 6.18 alone; in which release between they came is not known."""

# fmt: off
_MAY_BE_NULL: dict[tuple[int, ...], tuple[str, ...]] = {
    (0,): (
        "afs_protocol_error", "cachefiles_io_error", "cachefiles_lookup", "cachefiles_mark_active",
        "cachefiles_mark_failed", "cachefiles_mark_inactive", "cachefiles_ondemand_close",
        "cachefiles_ondemand_copen", "cachefiles_ondemand_cread", "cachefiles_ondemand_fd_release",
        "cachefiles_ondemand_fd_write", "cachefiles_ondemand_open", "cachefiles_ondemand_read",
        "cachefiles_prep_read", "cachefiles_rename", "cachefiles_unlink", "cachefiles_vfs_error",
        "mm_collapse_huge_page_isolate", "mm_page_alloc", "mm_page_alloc_zone_locked", "mm_page_pcpu_drain",
        "rxrpc_recvdata", "sched_process_wait", "tmigr_update_events", "xs_stream_read_data",
    ),
    (0, 1): (
        "tcp_send_reset",
    ),
    (1,): (
        "afs_flock_ev", "afs_make_fs_call", "afs_make_fs_call1", "afs_make_fs_call2", "afs_make_fs_calli",
        "break_lease_block", "break_lease_noblock", "break_lease_unblock", "device_pm_callback_start",
        "ext4_mballoc_discard", "ext4_mballoc_free", "fcntl_setlk", "flock_lock_inode", "folio_wait_writeback",
        "generic_delete_lease", "locks_remove_posix", "mm_khugepaged_collapse_file", "mm_khugepaged_scan_file",
        "mm_khugepaged_scan_pmd", "netfs_failure", "posix_lock_inode", "rxrpc_resend", "sched_pi_setprio",
        "time_out_leases", "writeback_dirty_folio", "xprt_get_cong", "xprt_put_cong", "xprt_release_cong",
        "xprt_reserve_cong",
    ),
    (2,): (
        "fib_table_lookup", "sched_stick_numa", "sched_swap_numa", "tegra_dma_tx_status",
    ),
    (3,): (
        "kfree_skb", "qdisc_dequeue",
    ),
    (4,): (
        "host1x_cdma_push_gather",
    ),
}

_MAY_BE_NULL_LATER: dict[tuple[int, ...], tuple[str, ...]] = {
    (0,): (
        "xfs_blockgc_flush_all", "xfs_blockgc_start", "xfs_blockgc_stop", "xfs_blockgc_worker",
        "xfs_defer_add_item", "xfs_defer_cancel_item", "xfs_defer_cancel_list", "xfs_defer_create_intent",
        "xfs_defer_finish_item", "xfs_defer_isolate_paused", "xfs_defer_item_pause", "xfs_defer_item_unpause",
        "xfs_defer_pending_abort", "xfs_defer_pending_finish", "xfs_defer_relog_intent", "xfs_fs_sync_fs",
        "xfs_inodegc_flush", "xfs_inodegc_push", "xfs_inodegc_queue", "xfs_inodegc_start", "xfs_inodegc_stop",
        "xfs_inodegc_throttle",
    ),
    (1,): (
        "hugetlbfs_alloc_inode", "xfs_blockgc_free_space", "xfs_ioc_free_eofblocks",
    ),
    (2,): (
        "tcp_sendmsg_locked", "xfs_btree_overlapped_query_range", "xfs_btree_updkeys",
    ),
    (4,): (
        "xfs_map_blocks_alloc", "xfs_map_blocks_found",
    ),
}

_MAY_BE_ERROR: dict[tuple[int, ...], tuple[str, ...]] = {
    (1,): (
        "signal_deliver", "signal_generate",
    ),
    (2,): (
        "cachefiles_lookup",
    ),
    (3,): (
        "mr_integ_alloc",
    ),
}
# fmt: on

_STRUCT_OPS: dict[tuple[str, str, int], tuple[Worth, Kernel]] = {
    ("Qdisc_ops", "enqueue", 0): ("reference", Kernel(6, 16)),
    ("sched_ext_ops", "dispatch", 1): ("null", Kernel(6, 12)),
    ("sched_ext_ops", "yield", 1): ("null", Kernel(6, 12)),
}

ARGUMENTS_CHANGED = tuple(
    sorted({NULL_ARGUMENTS_SINCE, _MORE_SINCE, *(since for _, since in _STRUCT_OPS.values())})
)
"""Kernels from which on an answer of this module may differ from before."""


def tracepoint_argument(name: str, index: int, kernel: Kernel) -> Worth:
    """What argument `index` (from 0) of a tracepoint's BTF-typed programs is worth on a kernel."""
    if index in _positions("error").get(name, ()) and kernel >= NULL_ARGUMENTS_SINCE:
        return "error"
    if index in _positions("null").get(name, ()) and kernel >= NULL_ARGUMENTS_SINCE:
        return "null"
    return "null" if index in _positions("later").get(name, ()) and kernel >= _MORE_SINCE else ""


def struct_ops_argument(struct: str, member: str, index: int, kernel: Kernel) -> Worth:
    """What argument `index` of a struct_ops program is worth; `struct` and `member` are what it implements."""
    worth, since = _STRUCT_OPS.get((struct, member, index), ("", Kernel(0, 0)))
    return worth if kernel >= since else ""


def struct_ops_references(struct: str, member: str, kernel: Kernel) -> tuple[int, ...]:
    """The arguments of a struct_ops program that arrive referenced."""
    return tuple(
        index
        for (s, m, index), (worth, since) in sorted(_STRUCT_OPS.items())
        if (s, m) == (struct, member) and worth == "reference" and kernel >= since
    )


@cache
def _positions(which: str) -> Mapping[str, tuple[int, ...]]:
    """The tables by tracepoint."""
    tables = {"null": _MAY_BE_NULL, "later": _MAY_BE_NULL_LATER, "error": _MAY_BE_ERROR}
    return {name: positions for positions, names in tables[which].items() for name in names}
