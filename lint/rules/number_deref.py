"""A number is used as a pointer: number-deref."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.NUMBER_DEREFERENCE,
    severity=Severity.ERROR,
    topic="memory",
    message="'{var}' is a number to the verifier: it cannot be dereferenced",
    help="read what is behind it with bpf_probe_read_kernel() or bpf_core_cast(), keep pointers in kptr fields",
    says="R%d invalid mem access 'scalar'",
)
