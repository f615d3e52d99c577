"""See iter_raw_access.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    if words["kfunc"]:
        return f"{words['it']} is an iterator, {words['kfunc']}() cannot read it as memory"
    return f"{words['it']} is an iterator, it cannot be read or copied"


RULE = Rule(
    fault=Fault.ITERATOR_RAW_ACCESS,
    severity=Severity.ERROR,
    topic="iterators",
    message=_message,
    help="use iterators through their functions only",
)
