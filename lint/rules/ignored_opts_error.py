"""The lookup can fail for several reasons, and the program never asks which."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.OPTS_ERROR_IGNORED,
    severity=Severity.WARNING,
    topic="options",
    message="{kfunc}() tells in {struct}.{field} why it failed, and nothing reads it",
    help="read it when the result is NULL: a wrong call looks like a missing entry otherwise",
)
