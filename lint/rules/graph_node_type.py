"""See graph_node_type.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.GRAPH_NODE_TYPE,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() takes {want} here, {it} is another node",
    help="pass the member that __contains() of the head names",
    verifier=(
        "operation on bpf_list_head expects arg#%d bpf_list_node at offset=%d in struct %s",
        "operation on bpf_rb_root expects arg#%d bpf_rb_node at offset=%d in struct %s",
        "arg#%d offset=%d, but expected",
    ),
)
