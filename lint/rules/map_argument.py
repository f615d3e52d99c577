"""A parameter that takes a map gets something else, or another map than the one it belongs to."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "kind": "argument {number} of {kfunc}() must be a map, {it} is {got}",
    "other": "argument {number} of {kfunc}() is {it}, but the {what} is in a value of '{have}'",
}

_SAYS = {
    "kind": "pointer in R%d isn't map pointer",
    "other": "doesn't match map pointer in R%d map_uid=%d",
}

RULE = Rule(
    fault=Fault.MAP_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass the address of the map itself",
    says=by_how(_SAYS),
    verifier=(
        "pointer in R%d isn't map pointer",
        "doesn't match map pointer in R%d map_uid=%d",
        "expected=map_ptr",
    ),
)
