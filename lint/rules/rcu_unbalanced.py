"""Regions and locks balance on every path: rcu-unbalanced."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
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


def _leave(broken: Broken) -> Fix | None:
    """Leave the region before the `return`, where all paths to it are in it, once."""
    exits = broken.exits()
    if broken.words["how"] != "exit" or not exits or any(exit.rcu != 1 for exit in exits):
        return None
    return fix("insert bpf_rcu_read_unlock()", broken.before_return("bpf_rcu_read_unlock();"), safe=True)


RULE = Rule(
    fault=Fault.RCU_UNBALANCED,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help="pair bpf_rcu_read_lock() and bpf_rcu_read_unlock() on every path",
    fix=_leave,
    fixable="safe",
    says=by_how(_SAYS),
    verifier=(
        "unmatched rcu read unlock",
        "nested rcu read lock",
        "bpf_rcu_read_unlock is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region",
    ),
)
