"""The helper cannot be called from this type of program."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.HELPER_NOT_ALLOWED,
    severity=Severity.ERROR,
    topic="programs",
    message='{kfunc}() may not be called from SEC("{section}")',
    help="programs that have it: {sections}",
    verifier=("program of this type cannot use helper %s", "unknown func %s"),
)
