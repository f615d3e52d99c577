"""Kernels named by --kernel, and what SEC() names say about a program."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import pytest

from kfuncgen.diagnostic import UsageError
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.progtypes import allowed_sections, allows, hook_at, section_info

V6_12, V6_18 = Kernel(6, 12), Kernel(6, 18)


def targets(text: str) -> str:
    return " ".join(str(k) for k in parse_targets(text, load_builtin()))


@pytest.mark.parametrize(
    ("text", "kernels"),
    [
        ("6.12", "6.12"),
        ("v6.1", "6.1"),
        ("6.18,6.12, 6.18", "6.12 6.18"),
        (">=6.15", "6.15 6.16 6.17 6.18"),
        ("<=5.14", "5.13 5.14"),
        ("5.18..6.1", "5.18 5.19 6.0 6.1"),
        ("6.18..7.1", "6.18 6.19 7.0 7.1"),
        (">=7.1", "7.1"),
        ("6.6..6.7,6.12", "6.6 6.7 6.12"),
    ],
)
def test_targets(text: str, kernels: str) -> None:
    assert targets(text) == kernels


@pytest.mark.skipif(platform.system() != "Linux", reason="asks the running kernel")
def test_live_target_is_the_running_kernel() -> None:
    assert targets("live") == ".".join(os.uname().release.split(".")[:2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no kernel"),
        ("6.12,,6.18", "names no kernel"),
        ("six", "'six' is no kernel; expected for example 6.12"),
        ("6.12.3", "'6.12.3' is no kernel"),
        ("6.25", "there is no kernel 6.25; the last of its series is 6.19"),
        ("1.0", "there is no kernel 1.0"),
        ("6.18..6.12", "is empty: 6.12 is older than 6.18"),
        (">=", "is no kernel"),
        (">=x", "'x' is no kernel version"),
        ("6.1..999.1", "a kernel that is not known"),
        ("./no.json", "no such probe file"),
        (",".join(["6.1"] * 51), "51 kernels are named"),
        ("x\n" * 500, "is no kernel"),
        ("x/" * 5000, "no such probe file"),
        ("x\0y", "is no kernel"),
    ],
)
def test_wrong_targets_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        targets(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    assert caught.value.exit_code == 2


def test_probe_file_names_its_kernel(tmp_path: Path) -> None:
    probe = tmp_path / "probe.json"
    probe.write_text(json.dumps({"kernel": "6.12.41-cloud", "kfuncs": {}}))
    assert targets(f"{probe},6.18") == "6.12 6.18"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"[]",
        b"{}",
        b'{"kernel": 6.12, "kfuncs": {}}',
        b'{"kernel": "x", "kfuncs": {}}',
        b"[" * 99999,
    ],
)
def test_malformed_probe_file_is_refused_with_what_it_should_hold(content: bytes, tmp_path: Path) -> None:
    probe = tmp_path / "probe.json"
    probe.write_bytes(content)
    with pytest.raises(UsageError, match=r'expected a probe file: JSON with "kernel"'):
        targets(str(probe))


@pytest.mark.parametrize(
    ("section", "program_type", "hook", "sleepable", "ctx", "args"),
    [
        ("xdp", "XDP", "XDP", False, "xdp_md", "ctx"),
        ("?xdp.frags/cpumap", "XDP", "XDP", False, "xdp_md", "ctx"),
        ("tc", "SCHED_CLS", "TC", False, "__sk_buff", "ctx"),
        ("tcx/ingress", "SCHED_CLS", "TC", False, "__sk_buff", "ctx"),
        ("netkit/peer", "SCHED_CLS", "TC", False, "__sk_buff", "ctx"),
        ("classifier/name", "SCHED_CLS", "TC", False, "__sk_buff", "ctx"),
        ("action", "SCHED_ACT", "SCHED_ACT", False, "__sk_buff", "ctx"),
        ("struct_ops/init", "STRUCT_OPS", "STRUCT_OPS", False, "", "trusted"),
        ("struct_ops.s/init", "STRUCT_OPS", "STRUCT_OPS", True, "", "trusted"),
        ("tp_btf/task_newtask", "TRACING", "TRACING", False, "", "trusted"),
        ("fentry/vfs_read", "TRACING", "TRACING", False, "", "plain"),
        ("fexit.s/vfs_read", "TRACING", "TRACING", True, "", "plain"),
        ("fmod_ret/x", "TRACING", "TRACING", False, "", "plain"),
        ("iter/task", "TRACING", "TRACING", False, "bpf_iter__task", "trusted"),
        ("iter.s/cgroup", "TRACING", "TRACING", True, "bpf_iter__cgroup", "trusted"),
        ("lsm/file_open", "LSM", "TRACING", False, "", "trusted"),
        ("lsm.s/file_open", "LSM", "TRACING", True, "", "trusted"),
        ("lsm/task_free", "LSM", "TRACING", False, "", "plain"),
        ("lsm_cgroup/x", "LSM", "TRACING", False, "", "trusted"),
        ("tracepoint/a/b", "TRACEPOINT", "TRACING", False, "", "scalar"),
        ("tp/a/b", "TRACEPOINT", "TRACING", False, "", "scalar"),
        ("perf_event", "PERF_EVENT", "TRACING", False, "bpf_perf_event_data", "scalar"),
        ("syscall", "SYSCALL", "SYSCALL", True, "", "ctx"),
        ("cgroup_skb/egress", "CGROUP_SKB", "CGROUP", False, "__sk_buff", "ctx"),
        ("cgroup/skb", "CGROUP_SKB", "CGROUP", False, "__sk_buff", "ctx"),
        ("cgroup/sock_create", "CGROUP_SOCK", "CGROUP", False, "bpf_sock", "ctx"),
        ("cgroup/connect4", "CGROUP_SOCK_ADDR", "CGROUP", False, "bpf_sock_addr", "ctx"),
        ("cgroup/getpeername_unix", "CGROUP_SOCK_ADDR", "CGROUP", False, "bpf_sock_addr", "ctx"),
        ("cgroup/dev", "CGROUP_DEVICE", "CGROUP", False, "bpf_cgroup_dev_ctx", "ctx"),
        ("cgroup/setsockopt", "CGROUP_SOCKOPT", "CGROUP", False, "bpf_sockopt", "ctx"),
        ("cgroup/sysctl", "CGROUP_SYSCTL", "CGROUP", False, "bpf_sysctl", "ctx"),
        ("sockops", "SOCK_OPS", "CGROUP", False, "bpf_sock_ops", "ctx"),
        ("sk_skb/stream_verdict", "SK_SKB", "SK_SKB", False, "__sk_buff", "ctx"),
        ("socket", "SOCKET_FILTER", "SOCKET_FILTER", False, "__sk_buff", "ctx"),
        ("netfilter", "NETFILTER", "NETFILTER", False, "bpf_nf_ctx", "ctx"),
        ("lwt_xmit", "LWT_XMIT", "LWT", False, "__sk_buff", "ctx"),
        ("kprobe/f", "KPROBE", "KPROBE", False, "pt_regs", "scalar"),
        ("kretprobe.multi/f*", "KPROBE", "KPROBE", False, "pt_regs", "scalar"),
        ("uprobe.s//bin/sh:f", "KPROBE", "KPROBE", True, "pt_regs", "scalar"),
        ("usdt.s/x", "KPROBE", "KPROBE", True, "pt_regs", "scalar"),
        ("ksyscall/open", "KPROBE", "KPROBE", False, "pt_regs", "scalar"),
        ("raw_tp/x", "RAW_TRACEPOINT", "", False, "bpf_raw_tracepoint_args", "scalar"),
        ("raw_tracepoint.w/x", "RAW_TRACEPOINT_WRITABLE", "", False, "bpf_raw_tracepoint_args", "scalar"),
        ("sk_msg", "SK_MSG", "", False, "sk_msg_md", "ctx"),
        ("sk_lookup/x", "SK_LOOKUP", "", False, "bpf_sk_lookup", "ctx"),
        ("sk_reuseport/migrate", "SK_REUSEPORT", "", False, "sk_reuseport_md", "ctx"),
        ("flow_dissector", "FLOW_DISSECTOR", "", False, "__sk_buff", "ctx"),
        ("freplace/f", "EXT", "", False, "", "unknown"),
    ],
)
def test_section(section: str, program_type: str, hook: str, sleepable: bool, ctx: str, args: str) -> None:
    info = section_info(section)
    assert info is not None
    assert info.program_type == f"BPF_PROG_TYPE_{program_type}"
    assert (info.hook, info.sleepable, info.ctx_struct, info.args) == (hook, sleepable, ctx, args)
    assert hook_at(info, V6_18) == hook


@pytest.mark.parametrize(
    "section",
    ["", "?", "license", ".maps", "maps", ".bss.A", "xdpx", "kprobe.s/f", "xdp.s", "cgroup/x", "cgroup", "/"],
)
def test_other_sections_are_no_programs(section: str) -> None:
    assert section_info(section) is None


def may(kfunc: str, section: str, kernel: Kernel = V6_18) -> bool:
    info = section_info(section)
    function = load_builtin().get(kfunc)
    assert info is not None and function is not None
    return allows(function.at(kernel), info, kernel)


@pytest.mark.parametrize(
    ("kfunc", "yes", "no"),
    [
        ("bpf_xdp_get_xfrm_state", "xdp xdp/devmap freplace/x", "tc action socket tp_btf/x syscall kprobe/x"),
        ("bpf_rcu_read_lock", "xdp tc raw_tp/x sk_msg sk_lookup kprobe/x flow_dissector", ""),
        (
            "bpf_task_acquire",
            "xdp tc syscall tp_btf/x lsm/x cgroup/dev sockops perf_event",
            "action kprobe/x raw_tp/x sk_msg",
        ),
        ("bpf_cpumask_create", "tp_btf/x syscall struct_ops/x", "xdp tc cgroup_skb/egress"),
        (
            "bpf_dynptr_from_skb",
            "tc action sk_skb socket netfilter lwt_in tp_btf/x",
            "xdp syscall struct_ops/x sk_msg",
        ),
        ("bpf_path_d_path", "lsm/x lsm.s/x lsm_cgroup/x", "fentry/x tp_btf/x iter/task"),
        ("bpf_sock_destroy", "iter/tcp iter.s/udp", "tp_btf/x lsm/x"),
        ("bpf_session_is_return", "kprobe.session/x uprobe.session/x", "kprobe/x kprobe.multi/x xdp"),
        ("bpf_iter_css_task_new", "lsm/x iter/task syscall fentry.s/x", "tp_btf/x lsm_cgroup/x xdp"),
        ("bpf_crypto_ctx_create", "syscall", "tc xdp"),
        ("bpf_map_lookup_elem", "xdp raw_tp/x", ""),
    ],
)
def test_who_may_call(kfunc: str, yes: str, no: str) -> None:
    assert [s for s in yes.split() if not may(kfunc, s)] == []
    assert [s for s in no.split() if may(kfunc, s)] == []


def test_hooks_of_program_types_changed_with_the_kernel() -> None:
    assert not may("bpf_task_acquire", "sockops", V6_12) and may("bpf_task_acquire", "sockops", V6_18)
    assert not may("bpf_task_acquire", "tracepoint/a/b", Kernel(6, 11)) and may(
        "bpf_task_acquire", "tp/a/b", V6_12
    )
    assert not may("bpf_lookup_user_key", "xdp", V6_12) and may("bpf_lookup_user_key", "xdp", V6_18)


def test_allowed_sections_name_each_kind_of_program_once() -> None:
    def sections(name: str) -> tuple[str, ...]:
        return allowed_sections(load_builtin().functions[name].at(V6_18), V6_18)

    assert sections("bpf_xdp_get_xfrm_state") == ("xdp",)
    assert sections("bpf_ct_release") == ("xdp", "tc")
    assert sections("bpf_get_file_xattr") == ("lsm.s",)
    assert sections("bpf_session_cookie") == ("kprobe.session",)
    assert sections("bpf_cpumask_create") == (
        *("struct_ops", "tp_btf", "fentry", "fexit", "fmod_ret", "iter", "lsm"),
        *("tracepoint", "perf_event", "syscall"),
    )
