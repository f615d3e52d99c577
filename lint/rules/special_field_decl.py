"""Locks, lists, trees and kptrs that the kernel does not see because of how they are declared."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SPECIAL_FIELD_DECLARATION,
    severity=Severity.ERROR,
    topic="objects",
    message="the kernel takes none of the special fields here: {why}",
    help="change the declaration: one that the kernel does not take costs all special fields beside it",
    verifier=(
        "map '%s' has no valid bpf_spin_lock",
        "local '%s' has no valid bpf_spin_lock",
        "map '%s' has to have BTF in order to use",
        "bpf_obj_new/bpf_percpu_obj_new requires prog BTF",
    ),
)
