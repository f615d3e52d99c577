"""A result that cannot be NULL is tested, and the dead branch would lose a reference."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DEAD_NULL_TEST,
    severity=Severity.WARNING,
    topic="null",
    message="{test}() never returns NULL; the verifier skips this test, and {it} would leak behind it",
    help="drop the test, or release {it} on its branch",
)
