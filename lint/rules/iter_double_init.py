"""See iter_double_init.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.ITERATOR_DOUBLE_INIT,
    severity=Severity.ERROR,
    topic="iterators",
    message="iterator {it} is initialised again before it is destroyed",
    help="destroy it first",
    verifier=("expected uninitialized iter_%s as arg",),
)
