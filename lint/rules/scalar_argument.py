"""A pointer is passed for an integer parameter."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SCALAR_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() ('{param}') must be a number, {it} is a pointer",
    help="pass the number itself",
    verifier=("R%d is not a scalar",),
)
