"""See dynptr_const.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "initialised": "{it} is the caller's dynptr, {kfunc}() cannot initialise it",
    "released": "{it} is the caller's dynptr, {kfunc}() cannot release it",
    "moved": "{it} does not point to the start of the caller's dynptr",
    "accessed": "{it} is the caller's dynptr, it cannot be accessed as memory",
}
_SAYS = {
    "initialised": "Dynptr has to be an uninitialized dynptr",
    "released": "cannot release unowned const bpf_dynptr",
    "moved": "dereference of modified dynptr_ptr ptr",
    "accessed": "R%d invalid mem access 'dynptr_ptr'",
}


RULE = Rule(
    fault=Fault.DYNPTR_CONST,
    severity=Severity.ERROR,
    topic="dynptrs",
    message=by_how(_HOW),
    help="pass it on as it is, read it with bpf_dynptr_read() or a slice",
    says=by_how(_SAYS),
    verifier=(
        "cannot release unowned const bpf_dynptr",
        "Dynptr has to be an uninitialized dynptr",
        "dereference of modified dynptr_ptr ptr",
        "negative offset dynptr_ptr ptr",
        "R%d invalid mem access 'dynptr_ptr'",
        "R%d type=dynptr_ptr expected=",
        "cannot pass pointer to const bpf_dynptr, the helper mutates it",
    ),
)
