"""A global function has a prototype that the verifier does not take."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.GLOBAL_SIGNATURE,
    severity=Severity.ERROR,
    topic="programs",
    message="{kfunc}() cannot be verified as a global function: {why}",
    help="make it static, or change its prototype",
    verifier=(
        "Global function %s() doesn't return scalar. Only those are supported.",
        "has invalid combination of tags",
        "size cannot be determined",
        "is not supported yet.",
    ),
)
