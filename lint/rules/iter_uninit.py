"""See iter_uninit.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.ITERATOR_UNINIT,
    severity=Severity.ERROR,
    message="{kfunc}() needs an initialised iterator, '{var}' is none",
    help="call the constructor first, even one that fails initialises it",
    verifier=("expected an initialized iter_%s as arg",),
)
