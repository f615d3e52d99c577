"""A parameter that takes a function of the program gets none, or a callback's context is not on the stack."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "function": "argument {number} of {kfunc}() must be a function, {it} is {got}",
    "context": "argument {number} of {kfunc}() must be a local variable or NULL, {it} is {got}",
}

_SAYS = {
    "function": "arg%d expected pointer to func",
    "context": "R%d type=%s expected=fp",
}

RULE = Rule(
    fault=Fault.CALLBACK_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message=by_how(_HOW),
    help="pass the name of a function, and a local variable for its context",
    says=by_how(_SAYS),
    verifier=("arg%d expected pointer to func", "R%d type=%s expected=func", "R%d type=%s expected=fp"),
)
