"""A parameter that takes memory gets a pointer that cannot stand for any."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "kernel": "argument {number} of {kfunc}() must be memory of the program, {it} is {got}",
    "write": "{kfunc}() writes to argument {number}, {it} is {got}",
    "kind": "argument {number} of {kfunc}() must be memory, {it} is {got}",
}

_SAYS = {
    "kernel": "R%d type=%s expected=fp",
    "write": "%s() may write into memory pointed by R%d",
    "kind": "R%d type=%s expected=fp",
}

RULE = Rule(
    fault=Fault.MEMORY_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="copy it into a local variable first, with bpf_probe_read_kernel()",
    says=by_how(_SAYS),
    verifier=(
        "R%d type=%s expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_",
        "%s() may write into memory pointed by R%d",
        "kernel function %s args#%d pointer type %s %s is not supported",
    ),
)
