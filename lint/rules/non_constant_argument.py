"""A size or id that must be known when the program is verified is computed at run time."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.NON_CONSTANT_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() ('{param}') must be a compile-time constant",
    help="use a literal or sizeof",
    verifier=(
        "R%d must be a known constant",
        "R%d is not a const",
    ),
)
