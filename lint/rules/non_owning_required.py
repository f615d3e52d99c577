"""See non_owning_required.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.NON_OWNING_REQUIRED,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() needs a node that is in the tree, {it} may not be",
    help="look the node up under the lock that is held, and remove it before the unlock",
    verifier=(
        "rbtree_remove node input must be non-owning ref",
        "%s can only take non-owning or refcounted bpf_rb_node pointer",
    ),
)
