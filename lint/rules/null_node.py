"""See null_node.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words, checkable


def _help(words: Words) -> str:
    return f"check it first: if ({checkable(words['var'])}) ..."


RULE = Rule(
    fault=Fault.NULL_NODE,
    severity=Severity.WARNING,
    topic="null",
    message="{it} may be NULL where it is passed to {kfunc}(), which follows it",
    help=_help,
    last="passed to {kfunc}() here",
)
