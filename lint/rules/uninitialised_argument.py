"""A local variable that was never given a value is passed to a kernel function."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.UNSET_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="'{var}' has no value where it is passed to {kfunc}()",
    help="set it before the call",
    verifier=("R%d !read_ok",),
)
