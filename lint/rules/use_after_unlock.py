"""See use_after_unlock.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.USE_AFTER_UNLOCK,
    severity=Severity.ERROR,
    topic="objects",
    message="{it} is used after the unlock: it was not owned, only protected by the lock",
    help="read what is needed before the unlock, or take a reference of its own with bpf_refcount_acquire()",
    says="R%d invalid mem access 'scalar'",
)
