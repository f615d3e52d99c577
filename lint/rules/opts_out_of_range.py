"""An options field has a value that the kernel function always refuses."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.OPTS_RANGE,
    severity=Severity.WARNING,
    topic="options",
    message="{kfunc}() fails for {struct}.{field} = {got}, valid: {valid}",
    help="set the field to a valid value",
)
