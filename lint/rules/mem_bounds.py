"""See mem_bounds.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "": "{size} bytes at offset {offset} are beyond the {available} bytes of {it}",
    "variable": "{it} is an object: which of its members is accessed must be known at compile time",
}
_HELP = {
    "": "ask for a larger slice, or access less",
    "variable": "copy the array with bpf_probe_read_kernel() or bpf_core_read(), and index the copy",
}

RULE = Rule(
    fault=Fault.MEMORY_BOUNDS,
    severity=Severity.ERROR,
    message=by_how(_HOW),
    help=by_how(_HELP),
    says=by_how({"variable": "R%d is ptr_%s invalid variable offset: off=%d"}),
    verifier=(
        "invalid access to memory, mem_size=",
        "access beyond struct",
        "R%d is ptr_%s invalid variable offset: off=%d",
    ),
)
