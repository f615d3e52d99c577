"""What a SEC() name says about a program: its type, whose kfuncs it may call, what its arguments are.

Sources: section names are libbpf's table `section_defs` (tools/lib/bpf/libbpf.c 6.12, and what later releases
added); hooks are bpf_prog_type_to_kfunc_hook() (kernel/bpf/btf.c 6.12) and CONTRACT section 6, confirmed there by
loading on 6.18; arguments are CONTRACT section 2.2.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from kfuncgen.records import Struct
from kfuncgen.spec.model import Contract, Kernel

Arguments = Literal["ctx", "trusted", "plain", "scalar", "unknown"]
"""What pointers among a program's arguments are worth: `ctx` = one context struct, `trusted` = kernel pointers
that kfuncs accept, `plain` = kernel pointers to read from, `scalar` = numbers, `unknown` = the target decides."""


class SectionInfo(Struct, frozen=True):
    """A program section. `hook` is that of the newest kernel, "" when only COMMON kfuncs are allowed."""

    section: str
    program_type: str
    hook: str
    attach: str
    """How it is attached: the section name's first part without `.s`, such as "iter", "lsm", "fentry", "xdp"."""
    target: str
    """What is attached to, the part after the first slash; "" when there is none."""
    sleepable: bool
    ctx_struct: str
    """The context struct that the program sees, "" when it is none or not known."""
    args: Arguments


_HOOKS: dict[str, tuple[tuple[Kernel, str], ...]] = {
    "XDP": ((Kernel(0, 0), "XDP"),),
    "SCHED_CLS": ((Kernel(0, 0), "TC"),),
    "SCHED_ACT": ((Kernel(0, 0), "SCHED_ACT"),),
    "STRUCT_OPS": ((Kernel(0, 0), "STRUCT_OPS"),),
    "TRACING": ((Kernel(0, 0), "TRACING"),),
    "LSM": ((Kernel(0, 0), "TRACING"),),
    "TRACEPOINT": ((Kernel(6, 12), "TRACING"),),
    "PERF_EVENT": ((Kernel(6, 12), "TRACING"),),
    "SYSCALL": ((Kernel(0, 0), "SYSCALL"),),
    "CGROUP_SKB": ((Kernel(0, 0), "CGROUP"),),
    "CGROUP_SOCK_ADDR": ((Kernel(6, 7), "CGROUP"),),
    "CGROUP_SOCK": ((Kernel(6, 12), "CGROUP"),),
    "CGROUP_DEVICE": ((Kernel(6, 12), "CGROUP"),),
    "CGROUP_SOCKOPT": ((Kernel(6, 12), "CGROUP"),),
    "CGROUP_SYSCTL": ((Kernel(6, 12), "CGROUP"),),
    # COMMON only in 6.12, CGROUP in 6.18 (CONTRACT section 6); 6.15 brought bpf_sock_ops_enable_tx_tstamp(), a
    # kfunc of that hook which only this program type can use.
    "SOCK_OPS": ((Kernel(6, 15), "CGROUP"),),
    "SK_SKB": ((Kernel(0, 0), "SK_SKB"),),
    "SOCKET_FILTER": ((Kernel(0, 0), "SOCKET_FILTER"),),
    "NETFILTER": ((Kernel(0, 0), "NETFILTER"),),
    "LWT_IN": ((Kernel(0, 0), "LWT"),),
    "LWT_OUT": ((Kernel(0, 0), "LWT"),),
    "LWT_XMIT": ((Kernel(0, 0), "LWT"),),
    "LWT_SEG6LOCAL": ((Kernel(0, 0), "LWT"),),
    "KPROBE": ((Kernel(0, 0), "KPROBE"),),
    "RAW_TRACEPOINT": (),
    "RAW_TRACEPOINT_WRITABLE": (),
    "SK_MSG": (),
    "SK_LOOKUP": (),
    "SK_REUSEPORT": (),
    "FLOW_DISSECTOR": (),
    "LIRC_MODE2": (),
    "EXT": (),
}
"""Program type -> (first kernel, hook), later kernels last; without an entry only COMMON kfuncs are allowed."""

_CTX: dict[str, tuple[str, Arguments]] = {
    "XDP": ("xdp_md", "ctx"),
    "SCHED_CLS": ("__sk_buff", "ctx"),
    "SCHED_ACT": ("__sk_buff", "ctx"),
    "SOCKET_FILTER": ("__sk_buff", "ctx"),
    "SK_SKB": ("__sk_buff", "ctx"),
    "CGROUP_SKB": ("__sk_buff", "ctx"),
    "LWT_IN": ("__sk_buff", "ctx"),
    "LWT_OUT": ("__sk_buff", "ctx"),
    "LWT_XMIT": ("__sk_buff", "ctx"),
    "LWT_SEG6LOCAL": ("__sk_buff", "ctx"),
    "FLOW_DISSECTOR": ("__sk_buff", "ctx"),
    "CGROUP_SOCK": ("bpf_sock", "ctx"),
    "CGROUP_SOCK_ADDR": ("bpf_sock_addr", "ctx"),
    "CGROUP_SOCKOPT": ("bpf_sockopt", "ctx"),
    "CGROUP_SYSCTL": ("bpf_sysctl", "ctx"),
    "CGROUP_DEVICE": ("bpf_cgroup_dev_ctx", "ctx"),
    "SOCK_OPS": ("bpf_sock_ops", "ctx"),
    "SK_MSG": ("sk_msg_md", "ctx"),
    "SK_LOOKUP": ("bpf_sk_lookup", "ctx"),
    "SK_REUSEPORT": ("sk_reuseport_md", "ctx"),
    "NETFILTER": ("bpf_nf_ctx", "ctx"),
    "SYSCALL": ("", "ctx"),
    "LIRC_MODE2": ("", "ctx"),
    "KPROBE": ("pt_regs", "scalar"),
    "PERF_EVENT": ("bpf_perf_event_data", "scalar"),
    "TRACEPOINT": ("", "scalar"),
    "RAW_TRACEPOINT": ("bpf_raw_tracepoint_args", "scalar"),
    "RAW_TRACEPOINT_WRITABLE": ("bpf_raw_tracepoint_args", "scalar"),
    "STRUCT_OPS": ("", "trusted"),
    "LSM": ("", "trusted"),
    "EXT": ("", "unknown"),
}
"""Program type -> (context struct, arguments); TRACING depends on the attachment."""

_TRACING_ARGS: dict[str, Arguments] = {
    "tp_btf": "trusted",
    "iter": "trusted",
    "fentry": "plain",
    "fexit": "plain",
    "fmod_ret": "plain",
}

_UNTRUSTED_LSM = frozenset(
    (
        *("bpf_map_free", "bpf_prog_free", "file_alloc_security", "file_free_security"),
        *("sk_alloc_security", "sk_free_security", "task_free"),
    )
)
"""LSM hooks that see objects before or after their life, whose arguments are therefore plain (untrusted_lsm_hooks,
kernel/bpf/bpf_lsm.c)."""

_SLEEPABLE = (
    *("fentry", "fexit", "fmod_ret", "lsm", "iter", "struct_ops"),
    *("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "uprobe.session", "usdt"),
    *("tp_btf", "tp", "tracepoint", "raw_tp", "raw_tracepoint"),
)
"""Attachments that have a variant with `.s`; tp_btf, tp and raw_tp only in the newest libbpf, and 6.18 refuses
those to load."""

_WITH_TARGET: dict[str, str] = {
    "kprobe": "KPROBE",
    "kretprobe": "KPROBE",
    "kprobe.multi": "KPROBE",
    "kretprobe.multi": "KPROBE",
    "kprobe.session": "KPROBE",
    "uprobe": "KPROBE",
    "uretprobe": "KPROBE",
    "uprobe.multi": "KPROBE",
    "uretprobe.multi": "KPROBE",
    "uprobe.session": "KPROBE",
    "ksyscall": "KPROBE",
    "kretsyscall": "KPROBE",
    "usdt": "KPROBE",
    "tracepoint": "TRACEPOINT",
    "tp": "TRACEPOINT",
    "raw_tracepoint": "RAW_TRACEPOINT",
    "raw_tp": "RAW_TRACEPOINT",
    "raw_tracepoint.w": "RAW_TRACEPOINT_WRITABLE",
    "raw_tp.w": "RAW_TRACEPOINT_WRITABLE",
    "tp_btf": "TRACING",
    "fentry": "TRACING",
    "fexit": "TRACING",
    "fmod_ret": "TRACING",
    "iter": "TRACING",
    "freplace": "EXT",
    "lsm": "LSM",
    "lsm_cgroup": "LSM",
    "struct_ops": "STRUCT_OPS",
}
"""First parts that take any target after a slash."""

_EXACT: dict[str, str] = {
    "socket": "SOCKET_FILTER",
    "sk_reuseport": "SK_REUSEPORT",
    "tc": "SCHED_CLS",
    "tcx": "SCHED_CLS",
    "classifier": "SCHED_CLS",
    "netkit": "SCHED_CLS",
    "action": "SCHED_ACT",
    "syscall": "SYSCALL",
    "xdp": "XDP",
    "xdp.frags": "XDP",
    "perf_event": "PERF_EVENT",
    "lwt_in": "LWT_IN",
    "lwt_out": "LWT_OUT",
    "lwt_xmit": "LWT_XMIT",
    "lwt_seg6local": "LWT_SEG6LOCAL",
    "sockops": "SOCK_OPS",
    "sk_skb": "SK_SKB",
    "sk_msg": "SK_MSG",
    "lirc_mode2": "LIRC_MODE2",
    "flow_dissector": "FLOW_DISSECTOR",
    "cgroup_skb": "CGROUP_SKB",
    "sk_lookup": "SK_LOOKUP",
    "netfilter": "NETFILTER",
}
"""First parts with a fixed list of what may follow. libbpf is strict about that list, other loaders are not; the
type follows from the first part either way."""

_CGROUP: tuple[tuple[str, str], ...] = (
    (r"skb", "CGROUP_SKB"),
    (r"sock|sock_create|sock_release|post_bind[46]", "CGROUP_SOCK"),
    (r"(bind|connect|sendmsg|recvmsg|getpeername|getsockname)[46]", "CGROUP_SOCK_ADDR"),
    (r"(connect|sendmsg|recvmsg|getpeername|getsockname)_unix", "CGROUP_SOCK_ADDR"),
    (r"sysctl", "CGROUP_SYSCTL"),
    (r"[gs]etsockopt", "CGROUP_SOCKOPT"),
    (r"dev", "CGROUP_DEVICE"),
)
"""What may follow `cgroup/`."""

_CANONICAL = (
    "xdp",
    "tc",
    "action",
    "struct_ops",
    "tp_btf",
    "fentry",
    "fexit",
    "fmod_ret",
    "iter",
    "lsm",
    "tracepoint",
    "perf_event",
    "syscall",
    "cgroup_skb",
    "cgroup/sock",
    "cgroup/connect4",
    "cgroup/dev",
    "cgroup/getsockopt",
    "cgroup/sysctl",
    "sockops",
    "sk_skb",
    "socket",
    "netfilter",
    "lwt_in",
    "kprobe",
    "kprobe.session",
    "uprobe",
    "raw_tp",
    "sk_msg",
    "sk_lookup",
    "sk_reuseport",
    "flow_dissector",
    "lsm.s",
    "fentry.s",
    "iter.s",
    "uprobe.s",
    "struct_ops.s",
)
"""One section for each kind of program, for messages; sleepable variants last."""


@cache
def context_structs() -> frozenset[str]:
    """Tags of the structs that programs of some type are given as their context."""
    return frozenset(struct for struct, _ in _CTX.values() if struct)


def section_info(section: str) -> SectionInfo | None:
    """What `section` (the text in SEC(), a leading `?` allowed) says; None when it is no program section."""
    name = section.removeprefix("?")
    head, _, target = name.partition("/")
    attach, sleepable = head, head == "syscall"
    if head.endswith(".s") and head.removesuffix(".s") in _SLEEPABLE:
        attach, sleepable = head.removesuffix(".s"), True
    kind = _WITH_TARGET.get(attach)
    if kind is None and attach == head:
        kind = _EXACT.get(head) or (_cgroup_type(target) if head == "cgroup" else None)
    if kind is None:
        return None
    ctx, args = _CTX.get(kind, ("", "unknown"))
    if kind == "TRACING":
        args = _TRACING_ARGS[attach]
        ctx = f"bpf_iter__{target}" if attach == "iter" and re.fullmatch(r"\w{1,60}", target) else ""
    if kind == "LSM" and target in _UNTRUSTED_LSM:
        args = "plain"
    hooks = _HOOKS[kind]
    return SectionInfo(
        section=section,
        program_type=f"BPF_PROG_TYPE_{kind}",
        hook=hooks[-1][1] if hooks else "",
        attach=f"cgroup/{target}" if head == "cgroup" else attach,
        target=target,
        sleepable=sleepable,
        ctx_struct=ctx,
        args=args,
    )


def _cgroup_type(target: str) -> str | None:
    return next((kind for pattern, kind in _CGROUP if re.fullmatch(pattern, target)), None)


def hook_at(info: SectionInfo, kernel: Kernel) -> str:
    """The hook whose kfuncs the program may call on `kernel` besides the COMMON ones, "" when there is none."""
    hook = ""
    for since, name in _HOOKS[info.program_type.removeprefix("BPF_PROG_TYPE_")]:
        if since <= kernel:
            hook = name
    return hook


def allows(contract: Contract, info: SectionInfo, kernel: Kernel) -> bool:
    """Whether a program of section `info` may call the function on `kernel`, by its hooks and filter.

    Helpers without hooks are not checked; a freplace program may call what its target may, which is not known.
    """
    if not contract.hooks or info.program_type == "BPF_PROG_TYPE_EXT":
        return True
    if "COMMON" not in contract.hooks and hook_at(info, kernel) not in contract.hooks:
        return False
    return _passes(contract.function.filter, info)


def _passes(name: str, info: SectionInfo) -> bool:
    """The kernel's filter called `name` (words.FILTERS)."""
    if name == "hidden":
        return False
    lsm = info.program_type == "BPF_PROG_TYPE_LSM"
    if name == "lsm":
        return lsm
    if name == "iter":
        return info.attach == "iter"
    if name == "kprobe-session":
        return info.attach in ("kprobe.session", "uprobe.session")
    if name == "css-task-iter":
        return (lsm and info.attach != "lsm_cgroup") or info.attach == "iter" or info.sleepable
    return True


_OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "qdisc": ("Qdisc_ops", ()),
    "qdisc-enqueue": ("Qdisc_ops", ("enqueue",)),
    "qdisc-dequeue": ("Qdisc_ops", ("dequeue",)),
    "qdisc-both": ("Qdisc_ops", ("enqueue", "dequeue")),
}
"""Filter -> the struct of operations, and which of them; () = all."""


def refused_operation(contract: Contract, struct: str, operation: str) -> str:
    """Where the function may be called instead, when a program that is this operation may not; "" when it may."""
    wanted, operations = _OPERATIONS.get(contract.function.filter, (struct, ()))
    if struct == wanted and (not operations or operation in operations):
        return ""
    return ", ".join(f"{wanted}.{name}()" for name in operations) or f"the operations of {wanted}"


def allowed_sections(contract: Contract, kernel: Kernel) -> tuple[str, ...]:
    """One section name for each kind of program that may call the function on `kernel`, for messages.

    A sleepable function is listed with sleepable sections only; sleepable variants are named where the plain one
    would not do.
    """
    names: list[str] = []
    for name in _CANONICAL:
        info = section_info(name)
        if info is None or not allows(contract, info, kernel):
            continue
        if contract.effects.sleepable and not info.sleepable:
            continue
        if name.removesuffix(".s") not in names:
            names.append(name)
    return tuple(names)


_RETURNS: dict[str, tuple[int, int]] = {
    "CGROUP_SOCK_ADDR": (0, 1),
    "CGROUP_SKB": (0, 1),
    "CGROUP_SOCK": (0, 1),
    "CGROUP_DEVICE": (0, 1),
    "CGROUP_SYSCTL": (0, 1),
    "CGROUP_SOCKOPT": (0, 1),
    "SOCK_OPS": (0, 1),
    "SK_LOOKUP": (0, 1),
    "NETFILTER": (0, 1),
}
_RETURNS_BY_ATTACHMENT = (
    (re.compile(r"cgroup/(?:recvmsg|getpeername|getsockname)(?:4|6|_unix)"), (1, 1)),
    (re.compile(r"cgroup/bind[46]"), (0, 3)),
    (re.compile(r"cgroup_skb/egress"), (0, 3)),
    (re.compile(r"(?:fentry|fexit)(?:\.s)?/.*"), (0, 0)),
    (re.compile(r"iter(?:\.s)?/.*"), (0, 1)),
    (re.compile(r"(?:kprobe|uprobe)\.session(?:\.s)?(?:/.*)?"), (0, 1)),
)


def return_range(info: SectionInfo) -> tuple[int, int] | None:
    """Smallest and largest value that a program may return, None when any will do.

    check_return_code() (kernel/bpf/verifier.c 6.12). For LSM and struct_ops programs the hook decides: None.
    """
    section = info.section.removeprefix("?")
    for pattern, allowed in _RETURNS_BY_ATTACHMENT:
        if pattern.fullmatch(section):
            return allowed
    return _RETURNS.get(info.program_type.removeprefix("BPF_PROG_TYPE_"))


def section_names() -> tuple[str, ...]:
    """Section names to suggest: one for each kind of program first, then every other spelling of a kind."""
    cgroup = tuple(f"cgroup/{name}" for name in ("bind4", "connect6", "sendmsg4", "sock_create", "setsockopt"))
    return tuple(dict.fromkeys((*_CANONICAL, *_EXACT, *_WITH_TARGET, *cgroup)))
