"""See iter_rcu.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    if words.get("how") == "call":
        return f"{words['kfunc']}() needs an RCU critical section"
    return f"{words['kfunc']}() on {words['it']} needs an RCU critical section"


def _help(words: Words) -> str:
    if words.get("how") == "call":
        return "hold bpf_rcu_read_lock() from the call to the last use of the result"
    return "hold bpf_rcu_read_lock() from the constructor to the destructor"


RULE = Rule(
    fault=Fault.ITERATOR_RCU,
    severity=Severity.ERROR,
    topic="iterators",
    message=_message,
    help=_help,
    verifier=(
        "requires RCU critical section protection",
        "expected an RCU CS when using",
    ),
)
