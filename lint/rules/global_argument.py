"""A global function is called with an argument that its prototype does not take."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "number": "argument {number} of {kfunc}() must be a number, {it} is {got}",
    "context": "argument {number} of {kfunc}() must be the program's context, {it} is {got}",
    "object": "argument {number} of {kfunc}() must be a kernel object ({want}), {it} is {got}",
    "untagged": "argument {number} of {kfunc}() is memory without __arg_trusted, {it} is {got}",
    "memory": "argument {number} of {kfunc}() must be memory, {it} is {got}",
    "writable": "argument {number} of {kfunc}() must be writable memory, {it} is {got}",
}

RULE = Rule(
    fault=Fault.GLOBAL_ARGUMENT,
    severity=Severity.ERROR,
    topic="programs",
    message=by_how(_HOW),
    help="make the function static, or give the parameter the type or tag of what is passed",
    verifier=("Caller passes invalid args into func#%d",),
)
