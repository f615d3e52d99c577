"""A function that frees local objects gets another kind of object."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.DROP_KIND,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() frees {want}, {it} is {got}",
    help="bpf_obj_drop() frees what bpf_obj_new() made, bpf_percpu_obj_drop() what bpf_percpu_obj_new() made",
    verifier=(
        "arg#%d expected for bpf_obj_drop_impl()",
        "arg#%d expected for bpf_percpu_obj_drop_impl()",
    ),
)
