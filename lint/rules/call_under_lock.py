"""See call_under_lock.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.CALL_UNDER_LOCK,
    severity=Severity.ERROR,
    topic="sections",
    message="{what} is called while a bpf_spin_lock is held",
    help="move the call before the lock or behind the unlock",
    verifier=(
        "function calls are not allowed while holding a lock",
        "global function calls are not allowed while holding a lock",
    ),
)
