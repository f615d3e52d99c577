"""A weak extern is declared otherwise than the kernel has it, and so counts as missing."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.WEAK_SIGNATURE,
    severity=Severity.WARNING,
    topic="kernels",
    message="weak {symbol}() is declared otherwise than in the kernel, and never found: {difference}",
    help="declare it as the kernel has it: {prototype}",
)
