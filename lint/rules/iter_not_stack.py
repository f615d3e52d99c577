"""See iter_not_stack.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.ITERATOR_NOT_STACK,
    severity=Severity.ERROR,
    topic="iterators",
    message="the iterator of {kfunc}() must be a local variable, {it} is none",
    help="use a local variable",
    verifier=("expected pointer to an iterator on stack",),
)
