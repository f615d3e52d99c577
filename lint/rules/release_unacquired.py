"""A release function gets an object of which the program holds no reference."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.RELEASE_UNACQUIRED,
    severity=Severity.ERROR,
    topic="references",
    message="{it} is released by {kfunc}(), but no reference to it is held",
    help="release only what an acquiring kfunc returned; drop this call, or acquire a reference first",
    last="{it} carries no reference here",
    verifier=(
        "release kernel function %s expects refcounted PTR_TO_BTF_ID",
        "R%d must be referenced when passed to release function",
        "arg %d is an unacquired reference",
        "allocated object must be referenced",
    ),
)
