"""Loads and stores that meet locks, timers, lists, trees, nodes or reference counts: special-field-access."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "value": "the access meets the {what} '{field}', which only its own functions may touch",
    "object": "the access meets the {what} '{field}' of an object, which only its own functions may touch",
    "helper": "{kfunc}() is handed memory with the {what} '{field}' in it",
}
_SAYS = {
    "value": "%s cannot be accessed directly by load/store",
    "object": "direct access to %s is disallowed",
    "helper": "%s cannot be accessed directly by load/store",
}

RULE = Rule(
    fault=Fault.SPECIAL_FIELD_ACCESS,
    severity=Severity.ERROR,
    topic="objects",
    message=by_how(_HOW),
    help="copy or clear the members beside it one by one",
    says=by_how(_SAYS),
    verifier=tuple(dict.fromkeys(_SAYS.values())),
)
