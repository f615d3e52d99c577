"""Claims of the specs that only a verifier can confirm, on the running kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel import BTF, compile_bpf, verdicts

from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.progtypes import allows, section_info

pytestmark = pytest.mark.kernel

PRELUDE = """
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
"""

XFRM = """
static __always_inline struct xfrm_state *lookup(void *ctx)
{
    struct bpf_xfrm_state_opts opts = { .netns_id = -1, .proto = 50, .family = 2 };

    return bpf_xdp_get_xfrm_state(ctx, &opts, sizeof(opts));
}
"""

SECTIONS = (
    *("xdp", "tc", "action", "syscall", "tp_btf/task_newtask", "iter/task", "raw_tp/sys_enter", "perf_event"),
    *("cgroup_skb/egress", "cgroup/sock_create", "cgroup/connect4", "cgroup/dev", "cgroup/getsockopt"),
    *("cgroup/sysctl", "sockops", "sk_skb/stream_verdict", "sk_msg", "sk_lookup", "sk_reuseport", "socket"),
    *("lwt_in", "lwt_xmit", "flow_dissector"),
)
"""One section for each kind of program that needs neither kprobes nor a trampoline; netfilter needs libbpf 1.3."""

BODIES = {
    "bpf_rcu_read_lock": "bpf_rcu_read_lock(); bpf_rcu_read_unlock();",
    "bpf_task_from_pid": "struct task_struct *p = bpf_task_from_pid(1); if (p) bpf_task_release(p);",
    "bpf_cpumask_create": "struct bpf_cpumask *p = bpf_cpumask_create(); if (p) bpf_cpumask_release(p);",
    "bpf_lookup_system_key": "struct bpf_key *p = bpf_lookup_system_key(0); if (p) bpf_key_put(p);",
}
"""A correct use of one kfunc of each set that needs no context."""


@pytest.fixture(scope="module")
def verdict_of(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[str, str]]:
    """(kfunc, section) -> (verdict, message) for each pair of `BODIES` and `SECTIONS`."""
    source = PRELUDE
    for kfunc, body in BODIES.items():
        for number, section in enumerate(SECTIONS):
            source += f'SEC("{section}") int {kfunc}_{number}(void *ctx) {{ {body} return 1; }}\n'
    found = verdicts(compile_bpf(source, tmp_path_factory.mktemp("sections")))
    return {
        (kfunc, section): (found[f"{kfunc}_{number}"].verdict, found[f"{kfunc}_{number}"].message)
        for kfunc in BODIES
        for number, section in enumerate(SECTIONS)
    }


@pytest.mark.parametrize("kfunc", BODIES)
def test_kernel_allows_the_sections_that_the_specs_allow(
    kfunc: str, verdict_of: dict[tuple[str, str], tuple[str, str]]
) -> None:
    kernel = live_kernel()
    contract = load_builtin().functions[kfunc].at(kernel)
    wrong = []
    for section in SECTIONS:
        info = section_info(section)
        assert info is not None
        verdict, message = verdict_of[kfunc, section]
        refused = verdict == "rejected" and message == f"calling kernel function {kfunc} is not allowed"
        if not (verdict == "accepted" if allows(contract, info, kernel) else refused):
            wrong.append((section, verdict, message))
    assert wrong == []


def test_xfrm_lookup_is_for_xdp_alone(tmp_path: Path) -> None:
    body = "struct xfrm_state *x = lookup(ctx); if (x) bpf_xdp_xfrm_state_release(x); return 1;"
    source = PRELUDE + XFRM
    source += f'SEC("xdp") int in_xdp(struct xdp_md *ctx) {{ {body} }}\n'
    source += f'SEC("tc") int in_tc(struct __sk_buff *ctx) {{ {body} }}\n'
    found = verdicts(compile_bpf(source, tmp_path))
    assert found["in_xdp"].verdict == "accepted"
    assert found["in_tc"].verdict == "rejected"
    assert found["in_tc"].message == "calling kernel function bpf_xdp_get_xfrm_state is not allowed"


def test_xfrm_state_cannot_move_into_a_map(tmp_path: Path) -> None:
    """The note of bpf_xdp_get_xfrm_state(); the same program with a task is accepted."""
    source = """
struct value { struct STRUCT __kptr *kept; };
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct value);
} values SEC(".maps");
SEC("xdp") int keep(struct xdp_md *ctx)
{
    struct STRUCT *new = ACQUIRE, *old;
    struct value *value;
    __u32 key = 0;

    if (!new)
        return 1;
    value = bpf_map_lookup_elem(&values, &key);
    if (!value) {
        RELEASE(new);
        return 1;
    }
    old = bpf_kptr_xchg(&value->kept, new);
    if (old)
        RELEASE(old);
    return 2;
}
"""

    def verdict(struct: str, acquire: str, release: str) -> str:
        text = source.replace("STRUCT", struct).replace("ACQUIRE", acquire).replace("RELEASE", release)
        return verdicts(compile_bpf(PRELUDE + XFRM + text, tmp_path))["keep"].verdict

    assert verdict("xfrm_state", "lookup(ctx)", "bpf_xdp_xfrm_state_release") == "rejected"
    assert verdict("task_struct", "bpf_task_from_pid(1)", "bpf_task_release") == "accepted"


@pytest.mark.parametrize("name", sorted(load_builtin().options))
def test_options_struct_has_the_layout_of_the_running_kernel(name: str, tmp_path: Path) -> None:
    if f"\0{name}\0".encode() not in BTF.read_bytes():
        assert name in ("bpf_flowtable_opts", "bpf_fou_encap", "bpf_xfrm_info"), "not in the configuration"
        return
    struct = load_builtin().options[name]
    checks = [f"sizeof(struct {name}) == {struct.size}"]
    for option in struct.fields:
        checks += [f"__builtin_offsetof(struct {name}, {option.name}) == {option.offset}"]
        checks += [f"sizeof(((struct {name} *)0)->{option.name}) == {option.size}"]
    if struct.size_constant:
        checks.append(f"{struct.size_constant} == {struct.size}")
    lines = "\n".join(f'_Static_assert({check}, "{check}");' for check in checks)
    assert compile_bpf(PRELUDE + lines, tmp_path).exists()
