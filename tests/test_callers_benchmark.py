"""The benchmark of generated callers: a bad program is counted as one, also among good ones of its kfunc."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel import can_load

from benchmarks.callers import Outcome, Workbench, judged, report
from kfuncgen.generate import render_program
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin

SPECS = load_builtin()


def outcomes() -> list[Outcome]:
    """Four programs of one kfunc that differ in their section alone."""
    kfunc = "bpf_task_from_pid"
    sections = ("cgroup/dev", "cgroup/sysctl", "cgroup_skb/ingress", "cgroup/sock_create")
    return [Outcome(kfunc, s, "ok", source=render_program(kfunc, SPECS, (SPECS.newest,), s)) for s in sections]


@pytest.mark.kernel
def test_one_bad_program_among_good_ones_is_found(tmp_path: Path) -> None:
    if (reason := can_load()) is not None:
        pytest.skip(reason)
    found = outcomes()
    found[1].source = found[1].source.replace("\tif (!task)\n\t\treturn 1;\n", "")
    files = [tmp_path / f"p{number}.bpf.c" for number in range(len(found))]
    for outcome, file in zip(found, files, strict=True):
        file.write_text(outcome.source)
    done = judged(Workbench(tmp_path, SPECS, live_kernel()), list(zip(found, files, strict=True)))
    assert [outcome.state for outcome in done] == ["ok", "verifier", "ok", "ok"]
    text = report(done, [])
    assert "3 of 4 programs are accepted" in text
    assert "0 of 1 kfuncs have callers, all of them accepted; without: bpf_task_from_pid" in text
    assert "bpf_task_from_pid in cgroup/sysctl: verifier: rejected: " in text


def test_refusals_are_told_by_reason() -> None:
    refused = Outcome("f", "xdp", "refused", "f() cannot be called from xdp (it may sleep); it can from syscall")
    assert "not written, 1: (it may sleep): f (xdp)" in report([refused], [])
