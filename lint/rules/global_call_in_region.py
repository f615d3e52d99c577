"""See global_call_in_region.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "any": "{kfunc}() is a global function, which cannot be called while {where}",
    "sleeps": "{kfunc}() is a global function that may sleep, and {where}",
    "program": '{kfunc}() is a global function that may sleep, SEC("{section}") may not',
}
_SAYS = {
    "any": "global function calls are not allowed with preemption disabled",
    "sleeps": "global functions that may sleep are not allowed in non-sleepable context",
    "program": "global functions that may sleep are not allowed in non-sleepable context",
}


RULE = Rule(
    fault=Fault.GLOBAL_IN_REGION,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help="make it static, or leave the region before the call",
    says=by_how(_SAYS),
    verifier=(
        "global functions that may sleep are not allowed in non-sleepable context",
        "global function calls are not allowed with preemption disabled",
        "global function calls are not allowed with IRQs disabled",
    ),
)
