"""A pointer of unknown lifetime is passed where the kernel wants one it can trust."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.UNTRUSTED_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be trusted or referenced, {it} is neither",
    help="acquire a reference first, or take the pointer from a trusted source",
    verifier=(
        "R%d must be referenced or trusted",
        "R%d type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_",
    ),
)
