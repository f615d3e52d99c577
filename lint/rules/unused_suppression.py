"""A comment that silences nothing: unused-suppression."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.UNUSED_SUPPRESSION,
    severity=Severity.WARNING,
    topic="comments",
    message="{what}",
    # Findings and fixes of this rule are suppress.py's.
    fixable="safe",
)
