"""See graph_lock_not_held.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.GRAPH_LOCK_NOT_HELD,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() needs the bpf_spin_lock beside this {what} held",
    help="take the lock that stands in the same map value, section or object",
    verifier=("bpf_spin_lock at off=%d must be held for %s",),
)
