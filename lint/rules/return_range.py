"""See return_range.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words

_WHO = {
    "sync": "a callback of {kfunc}() must return",
    "async": "a callback that runs later must return",
    "main": 'SEC("{section}") must return',
    "exception": 'the exception callback of SEC("{section}") must return',
    "cookie": 'what {kfunc}() is given is what SEC("{section}") returns, it must be',
}


def _message(words: Words) -> str:
    who = _WHO.get(words["how"], "").format_map(words)
    what = f", not {words['value']}" if words["value"] else ", this may be any number"
    return f"{who} {words['allowed']}{what}"


def _says(words: Words) -> str:
    return {"sync": "At callback return the register", "async": "At async callback return the register"}.get(
        words["how"], "At program exit the register"
    )


RULE = Rule(
    fault=Fault.RETURN_RANGE,
    severity=Severity.ERROR,
    topic="programs",
    message=_message,
    help="return {allowed} on every path",
    says=_says,
    verifier=(
        "At program exit the register",
        "At callback return the register",
        "At async callback return the register",
    ),
)
