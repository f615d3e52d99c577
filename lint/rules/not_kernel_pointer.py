"""A parameter that takes a kernel object gets something else: stack or map memory, or a number."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.NOT_KERNEL_POINTER,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be a kernel pointer ({want}), {it} is {got}",
    help="pass a pointer that the kernel handed out: an argument, a kfunc's result, a kptr",
    verifier=("must point to scalar, or struct with scalar",),
)
