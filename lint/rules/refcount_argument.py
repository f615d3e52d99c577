"""An object without a bpf_refcount is passed to bpf_refcount_acquire()."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "kind": "{kfunc}() takes a local object, {it} is {got}",
    "none": "{kfunc}() takes an object with a struct bpf_refcount, {have} has none",
}

_SAYS = {
    "kind": "arg#%d is neither owning or non-owning ref",
    "none": "arg#%d doesn't point to a type with bpf_refcount field",
}

RULE = Rule(
    fault=Fault.REFCOUNT_ARGUMENT,
    severity=Severity.ERROR,
    topic="objects",
    message=by_how(_HOW),
    help="add a struct bpf_refcount to the type, and pass an object of it",
    says=by_how(_SAYS),
    verifier=(
        "arg#%d is neither owning or non-owning ref",
        "arg#%d doesn't point to a type with bpf_refcount field",
        "Couldn't find btf_record",
    ),
)
