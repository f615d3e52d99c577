"""See iter_uninit.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.ITERATOR_UNINIT,
    severity=Severity.ERROR,
    topic="iterators",
    message="{it} is not an initialised iterator where {kfunc}() uses it",
    help="call the constructor first, even one that fails initialises it",
    verifier=("expected an initialized iter_%s as arg",),
)
