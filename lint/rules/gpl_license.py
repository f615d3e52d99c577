"""A program without a GPL-compatible licence calls a kfunc."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    has = f'this object says "{words["licence"]}"' if words["licence"] else "this object has no license section"
    return f"{words['kfunc']}() needs a GPL-compatible licence, {has}"


RULE = Rule(
    fault=Fault.LICENCE,
    severity=Severity.ERROR,
    message=_message,
    help='char _license[] SEC("license") = "GPL"; or another GPL-compatible one',
    verifier=("cannot call kernel function from non-GPL compatible program",),
)
