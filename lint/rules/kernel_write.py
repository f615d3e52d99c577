"""See kernel_write.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.KERNEL_WRITE,
    severity=Severity.ERROR,
    topic="memory",
    message="field '{field}' of kernel object {it} cannot be written",
    help="kernel objects are changed through kfuncs only",
    verifier=(
        "only read is supported",
        "no write support to",
    ),
)
