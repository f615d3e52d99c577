"""The size passed with a buffer is larger than the buffer, or has no bound."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.BUFFER_SIZE,
    severity=Severity.ERROR,
    message="{kfunc}() uses {size} bytes of {it}, which has {available}",
    help="pass the buffer's own size, sizeof(buffer)",
    verifier=("memory, len pair leads to invalid memory access",),
)
