"""See dynptr_uninit.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DYNPTR_UNINIT,
    severity=Severity.ERROR,
    topic="dynptrs",
    message="{it} is not an initialised dynptr where {kfunc}() uses it",
    help="initialise it first; a constructor that fails initialises it too",
    verifier=("Expected an initialized dynptr as arg",),
)
