"""What programs may return by section, and what their iterator contexts hold: tables, and what the kernel says."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel import compile_bpf, verdicts

from kfuncgen.spec.iterargs import iterator_field
from kfuncgen.spec.progtypes import return_range, section_info

RANGES = {
    "cgroup_skb/ingress": (0, 1),
    "cgroup_skb/egress": (0, 3),
    "cgroup/bind4": (0, 3),
    "cgroup/bind6": (0, 3),
    "cgroup/connect4": (0, 1),
    "cgroup/sendmsg6": (0, 1),
    "cgroup/recvmsg4": (1, 1),
    "cgroup/recvmsg_unix": (1, 1),
    "cgroup/getpeername4": (1, 1),
    "cgroup/getsockname_unix": (1, 1),
    "cgroup/sock_create": (0, 1),
    "cgroup/dev": (0, 1),
    "cgroup/sysctl": (0, 1),
    "cgroup/getsockopt": (0, 1),
    "sockops": (0, 1),
    "sk_lookup": (0, 1),
    "iter/task": (0, 1),
    "tc": None,
    "xdp": None,
    "tp_btf/sys_enter": None,
    "syscall": None,
    "raw_tp/sys_enter": None,
    "socket": None,
}
"""Section -> smallest and largest value, None when any will do."""


@pytest.mark.parametrize(("section", "allowed"), RANGES.items())
def test_return_range(section: str, allowed: tuple[int, int] | None) -> None:
    info = section_info(section)
    assert info is not None
    assert return_range(info) == allowed


@pytest.mark.parametrize(
    ("section", "allowed"),
    [("fentry/f", (0, 0)), ("fexit.s/f", (0, 0)), ("lsm/file_open", None), ("freplace/f", None)],
)
def test_return_range_of_what_cannot_be_loaded_everywhere(section: str, allowed: tuple[int, int] | None) -> None:
    info = section_info(section)
    assert info is not None
    assert return_range(info) == allowed


@pytest.mark.kernel
@pytest.mark.parametrize(
    # Releases of libbpf before 1.3 do not know the sections of Unix sockets.
    ("section", "allowed"),
    [(s, a) for s, a in RANGES.items() if not s.endswith("_unix")],
)
def test_kernel_takes_the_ends_of_a_range_and_nothing_behind(
    section: str, allowed: tuple[int, int] | None, tmp_path: Path
) -> None:
    fine, wrong = ([-7, 7], []) if allowed is None else ([*allowed], [allowed[0] - 1, allowed[1] + 1])
    lines = ['#include "vmlinux.h"', "#include <bpf/bpf_helpers.h>", 'char _license[] SEC("license") = "GPL";']
    lines += [
        f'SEC("{section}") int p{number}(void *ctx) {{ return {value}; }}'
        for number, value in enumerate([*fine, *wrong])
    ]
    said = verdicts(compile_bpf("\n".join(lines) + "\n", tmp_path))
    assert [said[f"p{n}"].verdict for n in range(len(said))] == ["accepted"] * len(fine) + ["rejected"] * len(
        wrong
    )


def test_iterator_fields() -> None:
    assert iterator_field("task", 0) == iterator_field("of_a_module", 0) == "trusted"
    assert iterator_field("task", 8) == "trusted-or-null"
    assert iterator_field("task_file", 8) == "plain-or-null"
    assert iterator_field("bpf_map_elem", 8) == "trusted"
    assert iterator_field("bpf_map_elem", 16) == "key"
    assert iterator_field("of_a_module", 8) == "trusted-or-null"


def test_iterator_fields_by_name_wherever_they_are_declared() -> None:
    assert iterator_field("sockmap", 0, "sk") == iterator_field("sockmap", 24) == "plain-or-null"
    assert iterator_field("sockmap", 0, "meta") == iterator_field("sockmap", 16, "meta") == "trusted"
    assert iterator_field("sockmap", 0, "map") == "trusted"
    assert iterator_field("of_a_module", 0, "thing") == "trusted-or-null"
