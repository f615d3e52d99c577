"""Memory that must not be written is passed where the kernel writes."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.READONLY_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be writable memory, {it} is read-only",
    help="pass a local variable",
    verifier=("write into map forbidden",),
)
