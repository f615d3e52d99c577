"""See dynptr_source.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DYNPTR_SOURCE,
    severity=Severity.ERROR,
    topic="dynptrs",
    message="bpf_dynptr_from_mem() takes map values and global data only, {it} is neither",
    help="use a map value or a global variable",
    verifier=("Unsupported reg type %s for bpf_dynptr_from_mem data",),
)
