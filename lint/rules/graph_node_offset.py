"""See graph_node_offset.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.GRAPH_OFFSET,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() finds no {what} where {it} points",
    help="pass the address of the member itself, with a constant offset",
    verifier=(
        "bpf_list_node not found at offset=%d",
        "bpf_list_head not found at offset=%d",
        "bpf_rb_node not found at offset=%d",
        "bpf_rb_root not found at offset=%d",
        "has to be at the constant offset",
        "variable ptr_ access var_off",
    ),
)
