"""A program without a GPL-compatible licence uses what is there for GPL-compatible programs only."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words, by_how


def _message(words: Words) -> str:
    has = f'this object says "{words["licence"]}"' if words["licence"] else "this object has no license section"
    who = f"a {words['kind']} program" if words["how"] == "program" else f"{words['kfunc']}()"
    return f"{who} needs a GPL-compatible licence, {has}"


_SAYS = {
    "helper": "cannot call GPL-restricted function from non-GPL compatible program",
    "program": "programs must have a GPL compatible license",
}

RULE = Rule(
    fault=Fault.LICENCE,
    severity=Severity.ERROR,
    message=_message,
    help='char _license[] SEC("license") = "GPL"; or another GPL-compatible one',
    says=by_how(_SAYS),
    verifier=(
        "cannot call kernel function from non-GPL compatible program",
        "cannot call GPL-restricted function from non-GPL compatible program",
        "programs must have a GPL compatible license",
    ),
)
