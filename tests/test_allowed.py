"""Every kfunc and helper of this kernel in every kind of program: may it be called? Specs against the verifier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from kernel import can_load

from benchmarks import helpers
from benchmarks.allowed import HOOKS, VMLINUX, Hook, Verifier, contracts, disagreements, linted
from kfuncgen.facts.btf import read_btf
from kfuncgen.records import replace
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin

pytestmark = pytest.mark.kernel

BLOCKED = ("fentry", "lsm", "lirc_mode2")
"""Kinds of programs that machines without BPF LSM, kprobes or infrared receivers cannot load."""


@cache
def verifier() -> Verifier:
    reason = can_load()
    if reason is not None:
        pytest.skip(reason)
    if live_kernel() > load_builtin().newest:
        pytest.skip("this kernel is newer than the specs")
    return Verifier(read_btf(VMLINUX))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.section)
def test_specs_say_what_the_verifier_says(hook: Hook) -> None:
    kernel, specs = live_kernel(), load_builtin()
    found = contracts(specs, kernel, verifier())
    said, wrong = disagreements(hook, found, kernel, verifier())
    assert said or hook.section.startswith(BLOCKED), "no call reached the verifier"
    assert wrong == []


@pytest.mark.parametrize(
    "section", ["xdp", "tc", "tracepoint/sched/sched_switch", "sockops", "raw_tp/task_newtask"]
)
def test_linter_says_what_the_verifier_says(section: str) -> None:
    kernel, specs = live_kernel(), load_builtin()
    hook = next(hook for hook in HOOKS if hook.section == section)
    found = contracts(specs, kernel, verifier())
    said, _ = disagreements(hook, found, kernel, verifier())
    assert linted(hook, found, specs, kernel) & set(said) == {
        name for name, allowed in said.items() if not allowed
    }
    assert 50 < sum(said.values()) < len(said) - 50


def test_a_wrong_hook_is_noticed() -> None:
    kernel, specs = live_kernel(), load_builtin()
    found = contracts(specs, kernel, verifier())
    broken = [replace(c, hooks=("XDP",)) if c.name == "bpf_task_acquire" else c for c in found]
    tc = next(hook for hook in HOOKS if hook.section == "tc")
    assert disagreements(tc, broken, kernel, verifier())[1] == ["bpf_task_acquire"]


@pytest.mark.kernel
def test_helpers_of_each_kind_of_program_are_those_of_the_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    status = helpers.main([])
    said = capsys.readouterr().out.splitlines()
    assert status == 0, "\n".join(["", *(line for line in said if line.startswith("  "))])
    assert int(said[-1].split(": ")[1].split(" kinds")[0]) > 30


@pytest.mark.kernel
def test_a_wrong_table_of_helpers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "may_call_helper", lambda name, info, kernel: True)
    assert helpers.main([]) == 1


def test_measured_kernels_are_written_as_a_table(tmp_path: Path) -> None:
    said = {
        "6.1.json": {"kernel": "6.1", "helpers": ["bpf_a", "bpf_b"], "kinds": {"tc": ["bpf_a"], "xdp": []}},
        "6.18.json": {"kernel": "6.18", "helpers": ["bpf_a"], "kinds": {"tc": ["bpf_a"], "xdp": ["bpf_a"]}},
    }
    for name, document in said.items():
        (tmp_path / name).write_text(f"noise\n{helpers.MARK}{json.dumps(document)}\n")
    script = Path(__file__).parents[1] / "scripts" / "helper_programs.py"
    command = [sys.executable, str(script), *(str(tmp_path / name) for name in reversed(said))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=script.parents[1],
                          env={**os.environ, "PYTHONPATH": str(script.parents[1])})  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert rows == [
        ["*", "6.1", "tc xdp"],
        ["*", "6.18", "tc xdp"],
        ["bpf_a", "6.18", "all"],
        ["bpf_a", "6.1", "tc"],
    ]
