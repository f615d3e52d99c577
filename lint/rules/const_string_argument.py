"""A parameter that takes a constant string gets something that the verifier cannot read."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "kind": "argument {number} of {kfunc}() must be a string in read-only data, {it} is {got}",
    "writable": "argument {number} of {kfunc}() must be a string in read-only data, {it} can be written to",
    "variable": "argument {number} of {kfunc}() must be a string at a known place, {it} was moved by a variable",
    "unterminated": "argument {number} of {kfunc}() must end with a zero, {it} does not",
}

_SAYS = {
    "kind": "arg#%d doesn't point to a const string",
    "writable": "R%d does not point to a readonly map'",
    "variable": "R%d is not a constant address'",
    "unterminated": "string is not zero-terminated",
}

RULE = Rule(
    fault=Fault.CONST_STRING,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass a string literal, or a const array of file scope",
    says=by_how(_SAYS),
    verifier=(
        "arg#%d doesn't point to a const string",
        "R%d does not point to a readonly map'",
        "R%d is not a constant address'",
        "string is not zero-terminated",
        "R%d type=%s expected=map_value",
    ),
)
