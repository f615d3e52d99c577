"""See sleepable_in_atomic.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SLEEPABLE_IN_ATOMIC,
    severity=Severity.ERROR,
    topic="sections",
    message="{kfunc}() may sleep, and {where}",
    help="leave the region before the call",
    verifier=(
        "kernel func %s is sleepable within",
        "sleepable helper %s#%d in",
    ),
)
