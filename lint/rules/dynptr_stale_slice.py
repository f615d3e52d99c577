"""See dynptr_stale_slice.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.STALE_SLICE,
    severity=Severity.ERROR,
    topic="dynptrs",
    message="slice {it} is used after {by}() ended it",
    help="take the slice again after {by}()",
    last="used here after it ended",
)
