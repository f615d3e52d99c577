"""NULL, or a pointer that may be NULL, is passed where the kernel demands an object."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import null_check
from kfuncgen.lint.rule import Rule, Words, checkable


def _message(words: Words) -> str:
    if words["var"] == "NULL":
        return f"argument {words['number']} of {words['kfunc']}() must not be NULL"
    return f"{words['it']} {words['null'] or 'may be NULL'} where it is passed to {words['kfunc']}()"


def _help(words: Words) -> str:
    if words["var"] == "NULL":
        return "pass an object; the kernel takes no NULL for this parameter"
    if words["null"] == "is NULL":
        return "call it only on the paths on which there is an object"
    return f"check it first: if ({checkable(words['var'])}) ..."


RULE = Rule(
    fault=Fault.NULL_ARGUMENT,
    severity=Severity.ERROR,
    topic="null",
    message=_message,
    help=_help,
    fix=null_check,
    fixable="unsafe",
    last="passed to {kfunc}() here",
    verifier=(
        "Possibly NULL pointer passed to trusted arg%d",
        "Possibly NULL pointer passed to helper arg%d",
        "dereference of modified ptr_or_null_ ptr",
        "R%d type=%s_or_null expected=",
        "R%d type=ptr_or_null_ expected=",
    ),
)
