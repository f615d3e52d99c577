"""Regions and locks balance on every path: rcu-unbalanced."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "nested": "RCU read lock is taken again while it is held",
    "unmatched": "RCU read lock is released without being held",
    "exit": "RCU read lock is still held where the program ends",
}


_SAYS = {
    "nested": "nested rcu read lock",
    "unmatched": "unmatched rcu read unlock",
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region",
}


RULE = Rule(
    fault=Fault.RCU_UNBALANCED,
    severity=Severity.ERROR,
    message=by_how(_HOW),
    help="pair bpf_rcu_read_lock() and bpf_rcu_read_unlock() on every path",
    says=by_how(_SAYS),
    verifier=(
        "unmatched rcu read unlock",
        "nested rcu read lock",
        "bpf_rcu_read_unlock is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region",
    ),
)
