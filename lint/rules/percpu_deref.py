"""Percpu objects accessed without choosing a CPU: percpu-deref."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.PERCPU_DEREFERENCE,
    severity=Severity.ERROR,
    topic="memory",
    message="{it} is a percpu object: it must not be accessed directly",
    help="put it into a __percpu_kptr field, and access what bpf_this_cpu_ptr() returns for it",
    verifier=("R%d is ptr_%s access percpu memory: off=%d",),
)
