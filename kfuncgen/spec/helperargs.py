"""Argument types of all helpers, as check_func_arg() (kernel/bpf/verifier.c 6.12 and 6.18) goes by them.

A helper's bpf_func_proto gives each of its arguments a type; the words for them are those of `WORDS`. What a
helper's result is, and what it releases or switches, are contracts: those are in specs/helpers.yaml. A few helpers
have another prototype in some program types (the *_func_proto() switches of net/core/filter.c,
kernel/bpf/cgroup.c, kernel/bpf/bpf_lsm.c, kernel/trace/bpf_trace.c and net/ipv4/bpf_tcp_ca.c).
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from kfuncgen.diagnostic import Place
from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import Contract, CType, Effects, Function, Kernel, Param, Prototype, Role

WORDS = MappingProxyType(
    {
        "any": "ARG_ANYTHING: a number; any pointer too where the program may leak addresses",
        "constant": "ARG_CONST_ALLOC_SIZE_OR_ZERO: a number known when the program is loaded",
        "size": "ARG_CONST_SIZE: bytes of the memory before it, at least 1",
        "size0": "ARG_CONST_SIZE_OR_ZERO: the same, may be 0",
        "ctx": "ARG_PTR_TO_CTX: the program's context",
        "map": "ARG_CONST_MAP_PTR: the map itself",
        "key": "ARG_PTR_TO_MAP_KEY: memory with a key of the map",
        "value": "ARG_PTR_TO_MAP_VALUE: memory with a value of the map",
        "out-value": "ARG_PTR_TO_MAP_VALUE | MEM_UNINIT | MEM_WRITE: memory for one",
        "in": "ARG_PTR_TO_MEM | MEM_RDONLY: memory to read from",
        "out": "ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE: memory to write to",
        "inout": "ARG_PTR_TO_MEM: memory that is not read-only",
        "struct": "ARG_PTR_TO_BTF_ID: a kernel object of that type",
        "kernel": "ARG_PTR_TO_BTF_ID of a type that something else decides",
        "socket": "ARG_PTR_TO_BTF_ID_SOCK_COMMON: a socket of any kind, or a kernel object that is one",
        "sock": "ARG_PTR_TO_SOCK_COMMON: the same",
        "full-sock": "ARG_PTR_TO_SOCKET: a full socket",
        "percpu": "ARG_PTR_TO_PERCPU_BTF_ID: a percpu object or variable",
        "function": "ARG_PTR_TO_FUNC: a function of the program",
        "stack": "ARG_PTR_TO_STACK: memory on the stack",
        "string": "ARG_PTR_TO_CONST_STR: a string in read-only data",
        "timer": "ARG_PTR_TO_TIMER: the struct bpf_timer of a map value",
        "lock": "ARG_PTR_TO_SPIN_LOCK: the struct bpf_spin_lock of a map value or local object",
        "kptr": "ARG_KPTR_XCHG_DEST: a kptr field",
        "record": "ARG_PTR_TO_RINGBUF_MEM: a record that was reserved",
        "dynptr": "ARG_PTR_TO_DYNPTR",
    }
)
"""The kernel's name of each word. `word?` takes NULL (PTR_MAYBE_NULL), `word:N` is memory of N bytes
(MEM_FIXED_SIZE), `struct:T` names the type."""


class HelperArgument(Struct, frozen=True):
    """One argument. `size` is that of fixed memory, 0 otherwise; `struct` the tag of the wanted kernel object."""

    word: str
    nullable: bool = False
    size: int = 0
    struct: str = ""

    @property
    def is_pointer(self) -> bool:
        """Whether a pointer is expected at all."""
        return self.word not in ("any", "constant", "size", "size0")

    @property
    def is_read_only(self) -> bool:
        """Whether the helper leaves the memory as it is."""
        return self.word not in ("out", "inout", "out-value", "stack", "record")


_TABLE = """
bind ctx in size
bprm_opts_set struct:linux_binprm any
btf_find_by_name_kind in size any any
cgrp_storage_delete map struct:cgroup?
cgrp_storage_get map struct:cgroup? value? any
check_mtu ctx any out:4 any any
clone_redirect ctx any any
copy_from_user out size0 any
copy_from_user_task out size0 any struct:task_struct any
csum_diff in? size0 in? size0 any
csum_level ctx any
csum_update ctx any
current_task_under_cgroup map any
d_path struct:path inout size0
dynptr_data dynptr any constant
dynptr_from_mem out size0 any dynptr
dynptr_read out size0 dynptr any any
dynptr_write dynptr any in size0 any
fib_lookup ctx inout size any
find_vma struct:task_struct any function stack? any
for_each_map_elem map function stack? any
get_attach_cookie ctx
get_branch_snapshot out size0
get_cgroup_classid any
get_current_ancestor_cgroup_id any
get_current_cgroup_id
get_current_comm out size
get_current_pid_tgid
get_current_task
get_current_task_btf
get_current_uid_gid
get_func_arg ctx any out:8
get_func_arg_cnt ctx
get_func_ip ctx
get_func_ret ctx out:8
get_hash_recalc ctx
get_listener_sock sock
get_local_storage map any
get_netns_cookie ctx?
get_ns_current_pid_tgid any any out size
get_numa_node_id
get_prandom_u32
get_retval
get_route_realm ctx
get_smp_processor_id
get_socket_cookie ctx
get_socket_uid ctx
get_stack ctx out size0 any
get_stackid ctx map any
get_task_stack struct:task_struct out size0 any
getsockopt socket any any out size
ima_file_hash struct:file out size
ima_inode_hash struct:inode out size
inode_storage_delete map struct:inode?
inode_storage_get map struct:inode? value? any
jiffies64
kallsyms_lookup_name inout size0 any out:8
kptr_xchg kptr kernel?
ktime_get_boot_ns
ktime_get_coarse_ns
ktime_get_ns
ktime_get_tai_ns
l3_csum_replace ctx any any any any
l4_csum_replace ctx any any any any
load_hdr_opt ctx out size any
loop any function stack? any
lwt_push_encap ctx any in size
lwt_seg6_action ctx any in size
lwt_seg6_adjust_srh ctx any any
lwt_seg6_store_bytes ctx any in size
map_delete_elem map key
map_lookup_elem map key
map_lookup_percpu_elem map key any
map_peek_elem map out-value
map_pop_elem map out-value
map_push_elem map value any
map_update_elem map key value any
msg_apply_bytes ctx any
msg_cork_bytes ctx any
msg_pop_data ctx any any any
msg_pull_data ctx any any any
msg_push_data ctx any any any
msg_redirect_hash ctx map key any
msg_redirect_map ctx map any any
override_return ctx any
per_cpu_ptr percpu any
perf_event_output ctx map any in size0
perf_event_read map any
perf_event_read_value map any out size
perf_prog_read_value ctx out size
probe_read out size0 any
probe_read_kernel out size0 any
probe_read_kernel_str out size0 any
probe_read_str out size0 any
probe_read_user out size0 any
probe_read_user_str out size0 any
probe_write_user any in size
rc_keydown ctx any any any
rc_pointer_rel ctx any any
rc_repeat ctx
read_branch_records ctx inout? size0 any
redirect any any
redirect_map map any any
redirect_neigh any in? size0 any
redirect_peer any any
reserve_hdr_opt ctx any any
ringbuf_discard record any
ringbuf_discard_dynptr dynptr any
ringbuf_output map in size0 any
ringbuf_query map any
ringbuf_reserve map constant any
ringbuf_reserve_dynptr map any any dynptr
ringbuf_submit record any
ringbuf_submit_dynptr dynptr any
send_signal any
send_signal_thread any
seq_printf struct:seq_file in size in? size0
seq_printf_btf struct:seq_file in size0 any
seq_write struct:seq_file in size0
set_hash ctx any
set_hash_invalid ctx
set_retval any
setsockopt socket any any in size
sk_ancestor_cgroup_id socket any
sk_assign ctx socket any
sk_cgroup_id socket
sk_fullsock sock
sk_lookup_tcp ctx in size0 any any
sk_lookup_udp ctx in size0 any any
sk_redirect_hash ctx map key any
sk_redirect_map ctx map any any
sk_release socket
sk_select_reuseport ctx map key any
sk_storage_delete map socket
sk_storage_get map socket value? any
skb_adjust_room ctx any any any
skb_ancestor_cgroup_id ctx any
skb_cgroup_classid ctx
skb_cgroup_id ctx
skb_change_head ctx any any
skb_change_proto ctx any any
skb_change_tail ctx any any
skb_change_type ctx any
skb_ecn_set_ce ctx
skb_get_tunnel_key ctx out size any
skb_get_tunnel_opt ctx out size
skb_get_xfrm_state ctx any out size any
skb_load_bytes ctx any out size
skb_load_bytes_relative ctx any out size any
skb_output struct:sk_buff map any in size0
skb_pull_data ctx any
skb_set_tstamp ctx any any
skb_set_tunnel_key ctx in size any
skb_set_tunnel_opt ctx in size
skb_store_bytes ctx any in size any
skb_under_cgroup ctx map any
skb_vlan_pop ctx
skb_vlan_push ctx any any
skc_lookup_tcp ctx in size0 any any
skc_to_mptcp_sock sock
skc_to_tcp6_sock socket
skc_to_tcp_request_sock socket
skc_to_tcp_sock socket
skc_to_tcp_timewait_sock socket
skc_to_udp6_sock socket
skc_to_unix_sock socket
snprintf inout? size0 string in? size0
snprintf_btf inout size in size any
sock_from_file struct:file
sock_hash_update ctx map key any
sock_map_update ctx map key any
sock_ops_cb_flags_set ctx any
spin_lock lock
spin_unlock lock
store_hdr_opt ctx in size any
strncmp in size string
strtol in size any out:8
strtoul in size any out:8
sys_bpf any in size
sys_close any
sysctl_get_current_value ctx out size
sysctl_get_name ctx inout size any
sysctl_get_new_value ctx out size
sysctl_set_new_value ctx in size
tail_call ctx map any
task_pt_regs struct:task_struct
task_storage_delete map struct:task_struct?
task_storage_get map struct:task_struct? value? any
tcp_check_syncookie socket in size in size
tcp_gen_syncookie socket in size in size
tcp_raw_check_syncookie_ipv4 inout:20 inout:20
tcp_raw_check_syncookie_ipv6 inout:40 inout:20
tcp_raw_gen_syncookie_ipv4 inout:20 inout size0
tcp_raw_gen_syncookie_ipv6 inout:40 inout size0
tcp_send_ack struct:tcp_sock any
tcp_sock sock
this_cpu_ptr percpu
timer_cancel timer
timer_init timer map any
timer_set_callback timer function
timer_start timer any any
trace_printk in size
trace_vprintk in size in? size0
user_ringbuf_drain map function stack? any
xdp_adjust_head ctx any
xdp_adjust_meta ctx any
xdp_adjust_tail ctx any
xdp_get_buff_len ctx
xdp_load_bytes ctx any out size
xdp_output struct:xdp_buff map any in size0
xdp_store_bytes ctx any in size
"""
"""One helper a line, without `bpf_`: its name and its arguments."""

_GPL_ONLY = """
check_mtu copy_from_user_task fib_lookup get_branch_snapshot get_current_task get_current_task_btf get_func_ip
get_stack get_stackid override_return perf_event_output perf_event_read perf_event_read_value perf_prog_read_value
probe_read probe_read_kernel probe_read_kernel_str probe_read_str probe_read_user probe_read_user_str
probe_write_user rc_keydown rc_pointer_rel rc_repeat read_branch_records seq_printf seq_printf_btf seq_write
skb_output snprintf task_pt_regs tcp_check_syncookie tcp_gen_syncookie tcp_raw_check_syncookie_ipv4
tcp_raw_check_syncookie_ipv6 tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6 timer_cancel timer_init
timer_set_callback timer_start trace_printk trace_vprintk xdp_output
"""
GPL_ONLY = frozenset(f"bpf_{name}" for name in _GPL_ONLY.split())
"""Helpers for GPL-compatible programs only (bpf_func_proto.gpl_only)."""

_BY_TYPE: dict[str, tuple[tuple[frozenset[str], str], ...]] = {
    "get_cgroup_classid": (
        (frozenset(("SCHED_CLS", "SCHED_ACT", "LWT_IN", "LWT_OUT", "LWT_XMIT", "LWT_SEG6LOCAL")), "ctx"),
    ),
    "get_socket_cookie": ((frozenset(("TRACING", "SK_REUSEPORT")), "socket?"),),
    "getsockopt": ((frozenset(("SOCK_OPS", "CGROUP_SOCK_ADDR")), "ctx any any out size"),),
    "setsockopt": ((frozenset(("SOCK_OPS", "CGROUP_SOCK_ADDR")), "ctx any any in size"),),
    "sk_assign": ((frozenset(("SK_LOOKUP",)), "ctx full-sock? any"),),
    "sk_storage_delete": ((frozenset(("TRACING",)), "map struct:sock_common?"),),
    "sk_storage_get": (
        (frozenset(("TRACING",)), "map struct:sock_common? value? any"),
        (frozenset(("CGROUP_SOCK",)), "map ctx value? any"),
    ),
    "xdp_get_buff_len": ((frozenset(("TRACING",)), "struct:xdp_buff"),),
}
"""Other arguments in some program types."""


@cache
def helper_arguments(name: str, program_type: str = "") -> tuple[HelperArgument, ...] | None:
    """The arguments of the helper `name` (`bpf_...`) in programs of a type (BPF_PROG_TYPE_...), None when there
    is no such helper."""
    key = name.removeprefix("bpf_")
    text = _lines().get(key) if key != name else None
    if text is None:
        return None
    for types, other in _BY_TYPE.get(key, ()):
        if program_type.removeprefix("BPF_PROG_TYPE_") in types:
            text = other
    return tuple(_argument(word) for word in text.split())


@cache
def numbers_of(name: str) -> frozenset[int]:
    """Indices of the arguments of a helper that may be any number in programs of all types."""
    key = name.removeprefix("bpf_")
    if key == name or key not in _lines():
        return frozenset()
    texts = [_lines()[key], *(text for _, text in _BY_TYPE.get(key, ()))]
    each = [{index for index, word in enumerate(text.split()) if word == "any"} for text in texts]
    return frozenset(each[0].intersection(*each))


@cache
def _lines() -> dict[str, str]:
    found = {}
    for line in _TABLE.strip().splitlines():
        name, _, words = line.partition(" ")
        found[name] = words
    return found


def _argument(text: str) -> HelperArgument:
    word, _, rest = text.removesuffix("?").partition(":")
    made = HelperArgument(word, text.endswith("?"))
    if word == "struct":
        return replace(made, struct=rest)
    return replace(made, size=int(rest)) if rest else made


@cache
def helper_contract(name: str, program_type: str, kernel: Kernel) -> Contract | None:
    """The contract of a helper without a spec: its arguments are checked, and it does nothing else that matters.

    None when there is no such helper.
    """
    arguments = helper_arguments(name, program_type)
    if arguments is None:
        return None
    params = tuple(_param(arguments, index) for index in range(len(arguments)))
    number = CType("int", "long", 8, signed=True)
    prototype = Prototype("", number, params, variadic=False)
    function = Function(name, "helper", "helpers", prototype, (), (), Kernel(0, 0), Place("specs"))
    return Contract(function, kernel, (), (), prototype, Effects())


def _param(arguments: tuple[HelperArgument, ...], index: int) -> Param:
    argument = arguments[index]
    name = f"arg{index + 1}"
    if not argument.is_pointer:
        role = Role.SIZE if argument.word.startswith("size") else Role.SCALAR
        return Param(name, CType("int", "unsigned long long", 8), role)
    pointee = CType("void", "void", const=argument.is_read_only)
    if argument.struct:
        pointee = CType("struct", argument.struct)
    elif argument.size:
        pointee = CType("int", "byte", argument.size)
    follows = index + 1 < len(arguments) and arguments[index + 1].word.startswith("size")
    role = {"map": Role.MAP, "function": Role.CALLBACK, "timer": Role.TIMER}.get(argument.word, Role.POINTER)
    return Param(
        name,
        CType("pointer", size=8, pointee=pointee),
        role,
        nullable=argument.nullable,
        size_param=index + 1 if follows else None,
    )
