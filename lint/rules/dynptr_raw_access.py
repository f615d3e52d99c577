"""See dynptr_raw_access.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    if words["kfunc"]:
        return f"{words['it']} is a dynptr, {words['kfunc']}() cannot read it as memory"
    return f"{words['it']} is a dynptr, it cannot be read or copied"


RULE = Rule(
    fault=Fault.DYNPTR_RAW_ACCESS,
    severity=Severity.ERROR,
    topic="dynptrs",
    message=_message,
    help="use bpf_dynptr_clone() for a second one, bpf_dynptr_read() or a slice for the data",
    verifier=("invalid read from stack off", "invalid read from stack R%d off"),
)
