"""See dynptr_not_stack.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DYNPTR_NOT_STACK,
    severity=Severity.ERROR,
    topic="dynptrs",
    message="argument {number} of {kfunc}() must be a dynptr on the stack, {it} is elsewhere",
    help="use a local variable",
    verifier=("expected pointer to stack or const struct bpf_dynptr",),
)
