"""See mem_bounds.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "": "{size} bytes at offset {offset} are beyond the {available} bytes of {it}",
    "before": "{size} bytes at offset {offset} are before the start of {it}",
    "range": "{size} bytes at offset {offset} may be outside of the {available} bytes of {it}",
    "variable": "{it} is an object: which of its members is accessed must be known at compile time",
}
_HELP = {
    "": "ask for a larger slice, or access less",
    "before": "access what comes after the start",
    "range": "limit the index first",
    "variable": "copy the array with bpf_probe_read_kernel() or bpf_core_read(), and index the copy",
}
_SAYS = {
    "before": "R%d min value is outside of the allowed memory range",
    "range": "R%d max value is outside of the allowed memory range",
    "variable": "R%d is ptr_%s invalid variable offset: off=%d",
}


RULE = Rule(
    fault=Fault.MEMORY_BOUNDS,
    severity=Severity.ERROR,
    topic="memory",
    message=by_how(_HOW),
    help=by_how(_HELP),
    says=by_how(_SAYS),
    verifier=(
        "invalid access to memory, mem_size=",
        "access beyond struct",
        "invalid variable offset: off=",
        "invalid rdwr buffer access",
        "invalid rdonly buffer access",
        "pointer be out of bounds",
        "min value is outside of the allowed memory range",
        "max value is outside of the allowed memory range",
        "unbounded memory access, make sure to bounds check any such access",
        "min value is negative, either use unsigned index or do a if (index >=0) check",
    ),
)
