"""A timer, work queue or task work item is not that field of a map value."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "kind": "argument {number} of {kfunc}() must be the {what} of a map value, {it} is {got}",
    "offset": "argument {number} of {kfunc}() must be the {what} of a map value, {it} points elsewhere in it",
    "none": "argument {number} of {kfunc}() must be the {what} of a map value, {have} has none",
    "variable": "argument {number} of {kfunc}() must be at a known place, {it} was moved by a variable",
}

_SAYS = {
    "kind": "arg#%d doesn't point to a map value",
    "offset": "off %d doesn't point to '%s",
    "none": "has no valid bpf_timer",
    "variable": "doesn't have constant offset",
}

RULE = Rule(
    fault=Fault.MAP_FIELD_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass the address of the field in a value that was looked up and checked",
    says=by_how(_SAYS),
    verifier=(
        "arg#%d doesn't point to a map value",
        "off %d doesn't point to 'struct bpf_timer'",
        "off %d doesn't point to 'struct bpf_wq'",
        "off %d doesn't point to 'struct bpf_task_work'",
        "has no valid bpf_timer",
        "R%d doesn't have constant offset. bpf_timer has to be at the constant offset",
    ),
)
