"""An object is used after its reference was given back."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.USE_AFTER_RELEASE,
    severity=Severity.ERROR,
    topic="references",
    message="{it} is used after {by}() ended it",
    help="move the use before the call to {by}()",
    last="used here after it ended",
    verifier=(
        "R%d invalid mem access 'scalar'",
        "R%d type=scalar expected=",
    ),
)
