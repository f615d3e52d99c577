"""Regions and locks balance on every path: lock-unbalanced."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "other": "another lock is released than the one that is held",
    "kind": "a lock of another kind is released than the one that is held",
    "out of order": "bpf_spin_lock is released before the lock that was taken after it",
    "unmatched": "bpf_spin_unlock() without a lock held",
    "exit": "{lock} is still held where the program ends",
}


_SAYS = {
    "other": "bpf_spin_unlock of different lock",
    "kind": "bpf_spin_unlock of different lock",
    "out of order": "bpf_spin_unlock cannot be out of order",
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region",
}


RULE = Rule(
    fault=Fault.LOCK_UNBALANCED,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help="release what was taken on every path, the last taken first",
    says=by_how(_SAYS),
    verifier=(
        "bpf_spin_unlock without taking a lock",
        "bpf_spin_unlock is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region",
        "bpf_spin_unlock of different lock",
        "bpf_spin_unlock cannot be out of order",
    ),
)
