"""See exception_cb.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "several": "the program has more than one exception callback",
    "missing": "the exception callback '{callback}' is not a function of this source",
    "static": "the exception callback '{callback}' is static",
    "result": "the exception callback '{callback}' does not return an integer",
    "arguments": "the exception callback '{callback}' does not take one integer",
    "called": "the exception callback '{callback}' is called directly",
}
_SAYS = {
    "several": "multiple exception callback tags for main subprog",
    "missing": "exception callback '%s' could not be found in BTF",
    "static": "exception callback '%s' must have global linkage",
    "result": "Global function %s() doesn't return scalar",
    "arguments": "exception cb only supports single integer argument",
    "called": "cannot call exception cb directly",
}


RULE = Rule(
    fault=Fault.EXCEPTION_CALLBACK,
    severity=Severity.ERROR,
    topic="programs",
    message=by_how(_HOW),
    help="name one global function that takes one integer, returns one, and is called by nobody else",
    says=by_how(_SAYS),
    verifier=(
        "multiple exception callback tags for main subprog",
        "exception callback '%s' could not be found in BTF",
        "exception callback '%s' must have global linkage",
        "exception cb only supports single integer argument",
        "cannot call exception cb directly",
        "cannot find exception callback",
    ),
)
