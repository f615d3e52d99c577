"""See mem_bounds.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.MEMORY_BOUNDS,
    severity=Severity.ERROR,
    message="{size} bytes at offset {offset} are beyond the {available} bytes of {it}",
    help="ask for a larger slice, or access less",
    verifier=(
        "invalid access to memory, mem_size=",
        "access beyond struct",
    ),
)
