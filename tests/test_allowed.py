"""Every kfunc of this kernel in every kind of program: may it be called? Specs and linter against the verifier."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from kernel import can_load

from benchmarks.allowed import HOOKS, VMLINUX, Hook, Verifier, contracts, disagreements, linted
from kfuncgen.facts.btf import read_btf
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
