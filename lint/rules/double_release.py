"""A reference is released that was released before."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DOUBLE_RELEASE,
    severity=Severity.ERROR,
    topic="references",
    message="{it} is released again; it was released by {by}()",
    help="release a reference once; drop the second call, or take a reference of its own for it",
    last="released again here",
    verifier=("arg#%d pointer type STRUCT %s must point to scalar, or struct with scalar",),
)
