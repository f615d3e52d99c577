"""A reserved field of an options struct is not zero."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.OPTS_RESERVED,
    severity=Severity.WARNING,
    topic="options",
    message="reserved field {struct}.{field} must be zero, or {kfunc}() fails",
    help="leave reserved fields zero",
)
