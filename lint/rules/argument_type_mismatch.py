"""The pointer is a kernel object of another type than the parameter."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.TYPE_MISMATCH,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be a {want}, {it} is a {have}",
    help="pass an object of the right type",
    verifier=("kernel function %s args#%d expected pointer to",),
)
