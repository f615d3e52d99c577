"""A field that the kernel function needs was never given a value."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.OPTS_UNSET,
    severity=Severity.WARNING,
    topic="options",
    message="{struct}.{field} is {how} when {kfunc}() reads it",
    help="set every field that the call needs before it",
)
