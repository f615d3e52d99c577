"""bpf_spin_lock() and its kin given something that is no lock: lock-bad-arg."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "place": "{it} is no lock of a map value, of global data or of an owned object",
    "borrowed": "{it} points into an object that is not owned: its lock cannot be taken",
    "number": "{it} is a number, not the address of a {what}",
    "variable": "{it} has no constant offset: which {what} it is must be known at compile time",
    "none": "there is no {what} where {it} points",
    "absent": "{it} does not point to the {what} but to another place of the same memory",
}
_SAYS = {
    "place": "R%d type=%s expected=map_value, ptr_",
    "borrowed": "R%d type=%s expected=map_value, ptr_",
    "number": "R%d type=scalar expected=map_value, ptr_",
    "variable": "R%d doesn't have constant offset. %s has to be at the constant offset",
    "none": "map '%s' has no valid %s",
    "absent": "off %d doesn't point to 'struct %s' that is at %d",
}

RULE = Rule(
    fault=Fault.LOCK_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass the address of the struct {what} itself",
    says=by_how(_SAYS),
    verifier=(
        "off %d doesn't point to 'struct %s' that is at %d",
        "map '%s' has no valid %s",
        "local '%s' has no valid %s",
        "R%d doesn't have constant offset. %s has to be at the constant offset",
        "R%d type=%s expected=map_value, ptr_",
    ),
)
