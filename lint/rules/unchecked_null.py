"""A pointer that may be NULL is dereferenced, or moved, before it was compared with NULL."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import null_check
from kfuncgen.lint.rule import Rule, Words, checkable


def _message(words: Words) -> str:
    named = not words["it"].startswith("the result of")
    origin = f" from {words['origin']}" if words["origin"] and named else ""
    call = "()" if words["origin"].startswith("bpf_") and named else ""
    if words["var"] == "NULL":
        return "NULL is dereferenced"
    return f"{words['it']}{origin}{call} {words['null'] or 'may be NULL'} where it is dereferenced"


def _help(words: Words) -> str:
    if words["null"] == "is NULL":
        return "reach through it only on the paths on which it is not NULL"
    return f"check it first: if (!{checkable(words['var'])}) ..."


RULE = Rule(
    fault=Fault.UNCHECKED_NULL,
    severity=Severity.ERROR,
    topic="null",
    message=_message,
    help=_help,
    fix=null_check,
    fixable="unsafe",
    last="dereferenced here",
    verifier=(
        "R%d invalid mem access 'ptr_or_null_'",
        "R%d invalid mem access 'trusted_ptr_or_null_'",
        "R%d invalid mem access 'rcu_ptr_or_null_'",
        "R%d invalid mem access 'map_value_or_null'",
        "R%d invalid mem access 'rdonly_mem_or_null'",
        "R%d invalid mem access 'mem_or_null'",
        "R%d invalid mem access 'ringbuf_mem_or_null'",
        "R%d invalid mem access 'sock_or_null'",
        "null-check it first",
    ),
)
