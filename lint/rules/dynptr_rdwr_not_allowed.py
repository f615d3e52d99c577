"""See dynptr_rdwr_not_allowed.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DYNPTR_WRITE_NOT_ALLOWED,
    severity=Severity.ERROR,
    topic="dynptrs",
    message='{kfunc}() is not allowed in SEC("{section}"): this program type may not write packets',
    help="read with bpf_dynptr_slice() and write with bpf_dynptr_write()",
    verifier=("the prog does not allow writes to packet data",),
)
