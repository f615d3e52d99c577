"""A release function gets a pointer into the object instead of the object."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.RELEASE_OFFSET,
    severity=Severity.ERROR,
    topic="references",
    message="{it} is handed to {kfunc}() with an offset, not as the object that was acquired",
    help="pass the pointer that the acquire returned",
    last="not the start of the object",
    verifier=("R%d must have zero offset when passed to release func",),
)
