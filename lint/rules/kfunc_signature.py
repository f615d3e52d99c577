"""The program declares a kfunc otherwise than the kernel defines it."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SIGNATURE,
    severity=Severity.ERROR,
    topic="kernels",
    message="{symbol}() is declared otherwise than in the kernel: {difference}",
    help="declare it as the kernel has it: {prototype}",
    verifier=("incompatible with vmlinux", "incompatible with kernel"),
)
