"""A reference is still held where the program ends."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    if words["kind"] == "iterator":
        return f"iterator {words['it']} is not destroyed on this path"
    if words["kind"] == "dynptr":
        return f"dynptr {words['it']} from {words['acquire']}() is neither submitted nor discarded on this path"
    known = words["it"].startswith("the result of") or not words["acquire"]
    origin = "" if known else f" from {words['acquire']}()"
    return f"{words['it']}{origin} is not released on this path"


def _help(words: Words) -> str:
    if words["release"]:
        return f"call {words['release']}() on it before the program returns here"
    return "release it before the program returns here"


RULE = Rule(
    fault=Fault.LEAK,
    severity=Severity.ERROR,
    message=_message,
    help=_help,
    last="{it} is still held here",
    verifier=("Unreleased reference id=%d alloc_insn=%d",),
)
