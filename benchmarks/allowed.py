"""`python -m benchmarks.allowed`: which kfuncs may programs of which type call, by linter and kernel?

For each kfunc of the specs that the running kernel has, and each kind of program, three instructions are loaded:
the call, a return value, the exit. The verifier asks whether the program may call the function before it looks at
any argument (check_kfunc_call() in kernel/bpf/verifier.c), so its first complaint tells. The linter is given the
same call in C. Printed is the table, program types that never reach the verifier, and every disagreement.
"""

from __future__ import annotations

import argparse
import ctypes
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.facts.btf import Btf, read_btf
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.progtypes import allows, section_info
from kfuncgen.verify import require_capability

VMLINUX = Path("/sys/kernel/btf/vmlinux")
_BPF, _PROG_LOAD = 321, 5
"""x86-64's number of bpf(2), and its command."""
_SLEEPABLE = 1 << 4
_LOG_BYTES = 1 << 16
_KFUNC, _HELPER = 0x20, 0
"""The register fields of a call: BPF_PSEUDO_KFUNC_CALL as its source, or nothing."""
REFUSED = "is not allowed"
LATER = ("css-task-iter",)
"""Filters that the verifier applies while it checks arguments, which these programs do not have."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A kind of program: its section, how it is attached, and what to, as names of the kernel's."""

    section: str
    attach: str = ""
    function: str = ""


HOOKS = (
    Hook("xdp"),
    Hook("tc"),
    Hook("action"),
    Hook("tp_btf/task_newtask", "BPF_TRACE_RAW_TP", "btf_trace_task_newtask"),
    Hook("iter/task", "BPF_TRACE_ITER", "bpf_iter_task"),
    Hook("iter.s/task", "BPF_TRACE_ITER", "bpf_iter_task"),
    Hook("fentry/bpf_fentry_test1", "BPF_TRACE_FENTRY", "bpf_fentry_test1"),
    Hook("lsm/file_open", "BPF_LSM_MAC", "bpf_lsm_file_open"),
    Hook("struct_ops/ssthresh", "", "tcp_congestion_ops"),
    Hook("tracepoint/sched/sched_switch"),
    Hook("perf_event"),
    Hook("syscall"),
    Hook("cgroup_skb/ingress"),
    Hook("cgroup/sock_create", "BPF_CGROUP_INET_SOCK_CREATE"),
    Hook("cgroup/connect4", "BPF_CGROUP_INET4_CONNECT"),
    Hook("cgroup/dev"),
    Hook("cgroup/getsockopt", "BPF_CGROUP_GETSOCKOPT"),
    Hook("cgroup/sysctl"),
    Hook("sockops"),
    Hook("sk_skb/stream_parser"),
    Hook("socket"),
    Hook("netfilter", "BPF_NETFILTER"),
    Hook("lwt_in"),
    Hook("lwt_out"),
    Hook("lwt_xmit"),
    Hook("lwt_seg6local"),
    Hook("kprobe/do_exit"),
    Hook("kprobe.session/do_exit", "BPF_TRACE_KPROBE_SESSION"),
    Hook("uprobe"),
    Hook("uprobe.s"),
    Hook("uprobe.session", "BPF_TRACE_UPROBE_SESSION"),
    Hook("raw_tp/task_newtask"),
    Hook("raw_tp.w/task_newtask"),
    Hook("sk_msg"),
    Hook("sk_lookup", "BPF_SK_LOOKUP"),
    Hook("sk_reuseport"),
    Hook("flow_dissector"),
    Hook("lirc_mode2"),
)


class Verifier:
    """Loads calls into the running kernel; nothing is attached or kept."""

    def __init__(self, btf: Btf) -> None:
        self.types = btf.enum("bpf_prog_type")
        self.attachments = btf.enum("bpf_attach_type")
        self.names = {**btf.named_types(), **btf.functions()}
        self.kfuncs = frozenset(btf.kfuncs())
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._log = ctypes.create_string_buffer(_LOG_BYTES)

    def says(self, hook: Hook, kfunc: str) -> bool | None:
        """Whether a program may call a kfunc; None when the verifier does not come to that question."""
        return self._may_call(hook, _KFUNC, self.names[kfunc], (f"calling kernel function {kfunc} {REFUSED}",))

    def helper(self, hook: Hook, number: int) -> bool | None:
        """The same of a helper, by its number in `enum bpf_func_id`."""
        return self._may_call(hook, _HELPER, number, ("cannot use helper", "unknown func"))

    def _may_call(self, hook: Hook, what: int, number: int, refusals: Sequence[str]) -> bool | None:
        info = section_info(hook.section)
        assert info is not None
        call = struct.pack("<BBhi", 0x85, what, 0, number)
        rest = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
        code, licence = ctypes.create_string_buffer(call + rest), ctypes.create_string_buffer(b"GPL")
        self._log[0] = b"\0"
        attributes = struct.pack(
            "<IIQQIIQII16sIIIIQIIQIII",
            self.types.get(info.program_type, 0),
            3,
            ctypes.addressof(code),
            ctypes.addressof(licence),
            1,
            _LOG_BYTES,
            ctypes.addressof(self._log),
            0,
            _SLEEPABLE if info.sleepable else 0,
            b"",
            0,
            self.attachments[hook.attach] if hook.attach else 0,
            *(0, 0, 0, 0, 0, 0, 0),
            self.names.get(hook.function, 0),
            0,
        )
        buffer = ctypes.create_string_buffer(attributes + bytes(144 - len(attributes)))
        result = self._libc.syscall(_BPF, _PROG_LOAD, buffer, 144)
        if result >= 0:
            self._libc.close(result)
            return True
        log = self._log.value.decode("utf-8", "replace")
        if any(words in log for words in refusals):
            return False
        # The log shows the instruction that the verifier looked at, and what is wrong with it.
        return True if "0: (85) call" in log else None


def contracts(specs: SpecSet, kernel: Kernel, verifier: Verifier) -> list[Contract]:
    """The kfuncs of the specs that the running kernel has, by name; those left out of which it asks later."""
    known = [f for f in specs.functions.values() if f.name in verifier.kfuncs and f.exists_at(kernel)]
    return sorted((f.at(kernel) for f in known if f.filter not in LATER), key=lambda c: c.name)


def disagreements(
    hook: Hook, found: Sequence[Contract], kernel: Kernel, verifier: Verifier
) -> tuple[dict[str, bool], list[str]]:
    """What the kernel says of each kfunc, as far as it says anything, and where the specs say otherwise."""
    info = section_info(hook.section)
    assert info is not None
    said = {c.name: answer for c in found if (answer := verifier.says(hook, c.name)) is not None}
    wrong = [c.name for c in found if c.name in said and allows(c, info, kernel) is not said[c.name]]
    return said, wrong


def source(hook: Hook, found: Sequence[Contract]) -> str:
    """A program for each kfunc that calls it with zeros."""
    text = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nchar _license[] SEC("license") = "GPL";\n'
    for contract in found:
        zeros = ", ".join("0" for _ in contract.params)
        text += f'SEC("{hook.section}") int call_{contract.name}(void *ctx)\n'
        text += f"{{\n\t{contract.name}({zeros});\n\treturn 0;\n}}\n"
    return text


def linted(hook: Hook, found: Sequence[Contract], specs: SpecSet, kernel: Kernel) -> set[str]:
    """The kfuncs whose call the linter says is not allowed."""
    with tempfile.TemporaryDirectory(prefix="kfuncgen-allowed-") as folder:
        file = Path(folder) / "calls.bpf.c"
        file.write_text(source(hook, found))
        options = LintOptions((kernel,), specs, frozenset(("kfunc-not-allowed",)), clang_args=())
        result = check_paths([file], options)
    for failure in result.failures:
        raise KfuncgenError(f"{hook.section}: {failure.error}")
    return {finding.kfunc for finding in result.report.findings}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 0 when all agree, 1 when not, 2 when something that it needs is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.allowed", description=__doc__)
    parser.add_argument("--specs-only", action="store_true", help="ask the specs, and not the linter")
    options = parser.parse_args(arguments)
    try:
        require_capability()
        wrong = sum(1 for line in _table(options.specs_only) if _show(line))
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(wrong > 0)


def _show(line: str) -> bool:
    print(line, flush=True)
    return line.startswith("  ")


def _table(specs_only: bool) -> Iterator[str]:
    specs, kernel, verifier = load_builtin(), live_kernel(), Verifier(read_btf(VMLINUX))
    found = contracts(specs, kernel, verifier)
    total, reached = 0, 0
    yield f"{len(found)} kfuncs on {kernel}, {len(HOOKS)} kinds of programs"
    for hook in HOOKS:
        said, wrong = disagreements(hook, found, kernel, verifier)
        total, reached = total + len(found), reached + len(said)
        counts = f"{sum(said.values())} allowed, {len(said) - sum(said.values())} not" if said else "not loadable"
        yield f"{hook.section:32} {counts}"
        yield from (f"  specs say otherwise: {name}, {_word(said[name])}" for name in wrong)
        if said and not specs_only:
            yield from _compare(hook, found, said, linted(hook, found, specs, kernel))
    yield f"{reached} of {total} pairs reached the verifier"


def _compare(hook: Hook, found: Sequence[Contract], said: Mapping[str, bool], told: set[str]) -> Iterator[str]:
    for contract in found:
        answer = said.get(contract.name)
        if answer is not None and (contract.name in told) is answer:
            yield f"  the linter says otherwise: {contract.name}, {_word(answer)}"


def _word(allowed: bool) -> str:
    return f"which the kernel {'allows' if allowed else 'refuses'}"


if __name__ == "__main__":
    sys.exit(main())
