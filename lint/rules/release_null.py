"""A pointer is released on the branch where it is known to be NULL."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.RELEASE_NULL,
    severity=Severity.ERROR,
    topic="null",
    message="{it} is NULL where {kfunc}() releases it",
    help="release it on the other branch, where it is not NULL",
    last="NULL here",
    says="Possibly NULL pointer passed to trusted arg%d",
)
