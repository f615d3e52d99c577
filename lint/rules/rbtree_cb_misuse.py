"""See rbtree_cb_misuse.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.RBTREE_CALLBACK,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() is called in the less() callback of bpf_rbtree_add()",
    help="only compare the two nodes there",
    verifier=(
        "can't spin_{lock,unlock} in rbtree cb",
        "%s not allowed in rbtree cb",
        "Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback",
    ),
)
