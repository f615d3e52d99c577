"""A callback releases a reference of its caller, which kernels before 6.14 refuse."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.RELEASE_IN_CALLBACK,
    severity=Severity.ERROR,
    topic="references",
    message="{it} was acquired outside of this callback and is released in it",
    help="release it after the call that runs the callback; kernels before 6.14 ask for it",
    last="released inside the callback",
    verifier=(
        "kfunc %s#%d reference has not been acquired before",
        "func %s#%d reference has not been acquired before",
    ),
)
