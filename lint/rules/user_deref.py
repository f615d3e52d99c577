"""User memory accessed directly: user-deref."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.USER_DEREFERENCE,
    severity=Severity.ERROR,
    topic="memory",
    message="'{var}' points into user memory: it must not be accessed directly",
    help="copy what is needed with bpf_probe_read_user() or bpf_copy_from_user()",
    verifier=("R%d is ptr_%s access user memory: off=%d",),
)
