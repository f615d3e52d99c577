"""See rdonly_write.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.READONLY_WRITE,
    severity=Severity.ERROR,
    topic="memory",
    message="{it} from {origin}() is read-only memory",
    help="copy it, or ask for writable memory (bpf_dynptr_slice_rdwr)",
    verifier=("cannot write into rdonly_mem",),
)
