"""See submitted_slice.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SUBMITTED_SLICE,
    severity=Severity.WARNING,
    topic="dynptrs",
    message="slice {it} is used after {by}() gave its record away",
    help="use the slice before the call to {by}()",
    last="used here, when the record is no longer ours",
)
