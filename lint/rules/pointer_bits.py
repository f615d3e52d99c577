"""A pointer is calculated with as if it were a number: pointer-bits."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.POINTER_BITS,
    severity=Severity.ERROR,
    topic="memory",
    message="'{var}' is a pointer: '{op}' is for numbers",
    help="compare pointers with == and !=; for its address as a number store it in a map and read it back",
    verifier=(
        "R%d bitwise operator %s on pointer prohibited",
        "R%d pointer arithmetic with %s operator prohibited",
    ),
)
