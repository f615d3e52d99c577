"""The kfunc cannot be called from this type of program."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _help(words: Words) -> str:
    if not words["sections"]:
        return "no program type that is known here may call it"
    return f"the kernel allows it in: {words['sections']}"


RULE = Rule(
    fault=Fault.NOT_ALLOWED,
    severity=Severity.ERROR,
    topic="programs",
    message='{kfunc}() may not be called from SEC("{section}")',
    help=_help,
    verifier=("calling kernel function %s is not allowed",),
)
