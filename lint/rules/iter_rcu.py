"""See iter_rcu.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.ITERATOR_RCU,
    severity=Severity.ERROR,
    message="{kfunc}() on {it} needs an RCU critical section",
    help="hold bpf_rcu_read_lock() from the constructor to the destructor",
    verifier=(
        "requires RCU critical section protection",
        "expected an RCU CS when using",
    ),
)
