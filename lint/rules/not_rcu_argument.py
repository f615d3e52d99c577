"""A kfunc that wants an RCU-protected pointer gets one that nothing protects."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.NOT_RCU_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be protected by RCU, trusted or referenced, {it} is not",
    help="read the field between bpf_rcu_read_lock() and bpf_rcu_read_unlock(), or acquire a reference first",
    verifier=("R%d must be a rcu pointer",),
)
