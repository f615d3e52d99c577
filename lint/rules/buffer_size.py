"""The size passed with a buffer is larger than the buffer, or has no bound."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "": "{kfunc}() uses {size} bytes of {it}, which has {available}",
    "unbounded": "the size in argument {number} of {kfunc}() has no upper bound",
    "negative": "the size in argument {number} of {kfunc}() may be negative",
    "zero": "the size in argument {number} of {kfunc}() may be 0",
}

_SAYS = {
    "unbounded": "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'",
    "negative": "R%d min value is negative, either use unsigned or 'var &= const'",
    "zero": "R%d invalid zero-sized read",
}

RULE = Rule(
    fault=Fault.BUFFER_SIZE,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass the buffer's own size, sizeof(buffer), or a number that was compared with it",
    says=by_how(_SAYS),
    verifier=(
        "memory, len pair leads to invalid memory access",
        "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'",
        "R%d min value is negative, either use unsigned or 'var &= const'",
        "R%d invalid zero-sized read",
        "access beyond the end of member %s",
    ),
)
