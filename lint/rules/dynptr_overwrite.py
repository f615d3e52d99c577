"""See dynptr_overwrite.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DYNPTR_OVERWRITE,
    severity=Severity.ERROR,
    message="dynptr {it} is overwritten while it must still be submitted or discarded",
    help="submit or discard it first, or use another variable",
    verifier=("cannot overwrite referenced dynptr",),
)
