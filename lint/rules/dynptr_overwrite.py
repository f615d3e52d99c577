"""See dynptr_overwrite.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words

_HELP = {"helper": "give the call memory of its own"}


def _message(words: Words) -> str:
    if words["how"] == "helper":
        return f"{words['it']} is a dynptr, {words['kfunc']}() cannot fill it as memory"
    return f"dynptr {words['it']} is overwritten while it must still be submitted or discarded"


RULE = Rule(
    fault=Fault.DYNPTR_OVERWRITE,
    severity=Severity.ERROR,
    topic="dynptrs",
    message=_message,
    help=lambda words: _HELP.get(words["how"], "submit or discard it first, or use another variable"),
    says=lambda words: "potential write to dynptr at" if words["how"] == "helper" else "",
    verifier=("cannot overwrite referenced dynptr", "potential write to dynptr at"),
)
