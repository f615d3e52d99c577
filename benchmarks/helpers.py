"""`python -m benchmarks.helpers`: which helpers may programs of which kind call, by specs and kernel?

For each helper and each kind of program three instructions are loaded: the call, a return value, the exit. The
verifier looks up the helper for the type of program before anything else (check_helper_call() in
kernel/bpf/verifier.c), so its first complaint tells. Printed is, for each kind, how many may be called, and every
disagreement with specs/helper_programs.tsv. With --measure the answers are printed as JSON instead, from which
scripts/helper_programs.py makes that table; --image does the same on another kernel under emulation.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.allowed import HOOKS, VMLINUX, Hook, Verifier
from benchmarks.kernels import BOOT_SECONDS, ROOT, emulate
from kfuncgen.diagnostic import KfuncgenError, UsageError
from kfuncgen.facts.btf import read_btf
from kfuncgen.spec.helperprogs import kind_of, may_call_helper
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.progtypes import section_info
from kfuncgen.verify import require_capability

_ENUM, _PREFIX = "bpf_func_id", "BPF_FUNC_"
_NOT_HELPERS = frozenset(("unspec",))
MARK = "kfuncgen-helpers "


def _cgroup() -> tuple[Hook, ...]:
    """Programs on sockets of a cgroup: what they may call depends on where they are attached."""
    found = [
        Hook(f"cgroup/{what}{family}", f"BPF_CGROUP_{kind}_{name}")
        for what, name, families in (
            ("bind", "BIND", "46"),
            ("connect", "CONNECT", "46u"),
            ("sendmsg", "SENDMSG", "46u"),
            ("recvmsg", "RECVMSG", "46u"),
            ("getpeername", "GETPEERNAME", "46u"),
            ("getsockname", "GETSOCKNAME", "46u"),
        )
        for kind, family in (("INET4", "4"), ("INET6", "6"), ("UNIX", "_unix"))
        if family[-1] in families or (family == "_unix" and "u" in families)
    ]
    for what, attach in (
        ("sock_release", "BPF_CGROUP_INET_SOCK_RELEASE"),
        ("post_bind4", "BPF_CGROUP_INET4_POST_BIND"),
        ("post_bind6", "BPF_CGROUP_INET6_POST_BIND"),
        ("setsockopt", "BPF_CGROUP_SETSOCKOPT"),
    ):
        found.append(Hook(f"cgroup/{what}", attach))
    # The attach type of datagrams has another name than that of the others.
    names = {"SENDMSG": "UDP", "RECVMSG": "UDP"}
    return tuple(
        Hook(
            h.section,
            h.attach.replace("INET", names[word]) if (word := h.attach.rsplit("_", 1)[1]) in names else h.attach,
        )
        for h in found
    )


_ITERATORS = (
    "tcp",
    "udp",
    "unix",
    "bpf_map_elem",
    "bpf_prog",
    "cgroup",
    "task_file",
    "task_vma",
    "netlink",
    "ksym",
)
_LSM = ("file_open", "socket_post_create", "socket_socketpair", "sk_alloc_security", "bprm_committed_creds",
        "inode_getxattr", "task_alloc", "bpf", "sock_graft", "inet_csk_clone")  # fmt: skip
"""LSM hooks of each kind; what one of them may call counts as allowed (bpf_lsm_func_proto() asks for more)."""

KINDS = (
    *(hook for hook in HOOKS if not hook.section.startswith(("struct_ops", "lsm"))),
    *_cgroup(),
    *(Hook(f"iter/{name}", "BPF_TRACE_ITER", f"bpf_iter_{name}") for name in _ITERATORS),
    *(Hook(f"lsm{how}/{name}", "BPF_LSM_MAC", f"bpf_lsm_{name}") for how in ("", ".s") for name in _LSM),
    *(Hook(f"lsm_cgroup/{name}", "BPF_LSM_CGROUP", f"bpf_lsm_{name}") for name in _LSM),
    Hook("fexit/bpf_fentry_test1", "BPF_TRACE_FEXIT", "bpf_fentry_test1"),
    Hook("fmod_ret/bpf_modify_return_test", "BPF_MODIFY_RETURN", "bpf_modify_return_test"),
    Hook("fentry.s/__x64_sys_getpgid", "BPF_TRACE_FENTRY", "__x64_sys_getpgid"),
    Hook("fexit.s/__x64_sys_getpgid", "BPF_TRACE_FEXIT", "__x64_sys_getpgid"),
    Hook("fmod_ret.s/__x64_sys_getpgid", "BPF_MODIFY_RETURN", "__x64_sys_getpgid"),
    Hook("kprobe.multi/do_exit", "BPF_TRACE_KPROBE_MULTI"),
    Hook("uprobe.multi", "BPF_TRACE_UPROBE_MULTI"),
    Hook("sk_skb/stream_verdict", "BPF_SK_SKB_STREAM_VERDICT"),
    Hook("sk_reuseport/migrate", "BPF_SK_REUSEPORT_SELECT_OR_MIGRATE"),
)
"""Kinds of programs. struct_ops programs are left out: each struct of operations has helpers of its own."""


def measure(verifier: Verifier, helpers: Mapping[str, int]) -> dict[str, list[str]]:
    """The helpers that programs may call, by kind; kinds whose programs do not reach the verifier are left out."""
    found: dict[str, set[str]] = {}
    for hook in KINDS:
        info = section_info(hook.section)
        assert info is not None
        if hook.attach not in ("", *verifier.attachments) or hook.function not in ("", *verifier.names):
            continue
        said = {name: verifier.helper(hook, number) for name, number in helpers.items()}
        if any(answer is not None for answer in said.values()):
            found.setdefault(kind_of(info), set()).update(name for name, answer in said.items() if answer)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def helper_numbers(verifier_enum: Mapping[str, int]) -> dict[str, int]:
    """Number by name (`bpf_...`) of the helpers in `enum bpf_func_id`."""
    words = {
        name.removeprefix(_PREFIX): number for name, number in verifier_enum.items() if name.startswith(_PREFIX)
    }
    return {f"bpf_{word}": number for word, number in words.items() if word not in _NOT_HELPERS}


def _here() -> tuple[Kernel, dict[str, list[str]], dict[str, int]]:
    btf = read_btf(VMLINUX)
    helpers = helper_numbers(btf.enum(_ENUM))
    return live_kernel(), measure(Verifier(btf), helpers), helpers


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 0 when all agree, 1 when not, 2 when something that it needs is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.helpers", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="print what the kernel says as JSON")
    parser.add_argument("--image", type=Path, metavar="VMLINUZ", help="another kernel, under emulation")
    parser.add_argument("--vng", default="vng", metavar="FILE", help="the vng command (default: found by name)")
    options = parser.parse_args(arguments)
    try:
        if options.image is not None:
            document = _emulated(options.image, options.vng)
        else:
            require_capability()
            kernel, found, helpers = _here()
            document = {"kernel": str(kernel), "helpers": sorted(helpers), "kinds": found}
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.measure:
        print(f"{MARK}{json.dumps(document)}")
        return 0
    return _compare(document)


def _emulated(image: Path, vng: str) -> dict[str, object]:
    inside = (
        f"cd {shlex.quote(str(ROOT))} && {shlex.join([sys.executable, '-m', 'benchmarks.helpers', '--measure'])}"
    )
    said = emulate(image, vng, inside, BOOT_SECONDS)
    lines = [line.partition(MARK)[2] for line in said.splitlines() if MARK in line]
    if not lines:
        raise UsageError(f"{image}: nothing was measured: {said[-400:]}")
    document: dict[str, object] = json.loads(lines[0])
    return document


def _compare(document: Mapping[str, object]) -> int:
    kernel, kinds, helpers = Kernel.parse(str(document["kernel"])), document["kinds"], document["helpers"]
    assert isinstance(kinds, dict) and isinstance(helpers, list)
    everywhere = {name for names in kinds.values() for name in names}
    wrong = 0
    for kind, names in kinds.items():
        info = section_info(kind if "/" in kind else f"{kind}/target")
        assert info is not None, kind
        lines = [
            f"  specs say otherwise: {name}, which the kernel {'allows' if name in names else 'refuses'}"
            for name in helpers
            if name in everywhere and may_call_helper(name, info, kernel) is not (name in names)
        ]
        print(f"{kind:32} {len(names)} of {len(helpers)} helpers", *lines, sep="\n")
        wrong += len(lines)
    print(f"{kernel}: {len(kinds)} kinds of programs, {len(everywhere)} helpers, {wrong} disagreements")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
