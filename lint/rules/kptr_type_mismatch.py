"""See kptr_type_mismatch.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.KPTR_TYPE,
    severity=Severity.ERROR,
    topic="objects",
    message="{it} is a {have}, the field holds a {want}",
    help="move objects only into fields of their own type",
    verifier=("invalid kptr access, R%d type=",),
)
