"""See graph_wrong_lock.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.GRAPH_WRONG_LOCK,
    severity=Severity.ERROR,
    topic="objects",
    message="the lock that is held does not protect this {what}",
    help="take the lock that stands in the same map value, section or object",
    verifier=("held lock and object are not in the same allocation",),
)
