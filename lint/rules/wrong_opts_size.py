"""The size passed for an options struct is not one that the kernel function accepts."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    slip = " (sizeof of a pointer, not of the struct)" if words["pointer"] else ""
    effect = "returns NULL" + (
        f" with {words['error_field']} = -EINVAL" if words["error_field"] else " and reports no error"
    )
    sizes = f"takes {words['valid']} bytes of {words['struct']}, not {words['size']}{slip}"
    return f"{words['kfunc']}() {sizes}; it always {effect}"


RULE = Rule(
    fault=Fault.OPTS_SIZE,
    severity=Severity.WARNING,
    message=_message,
    help="pass {constant}, or sizeof of the struct",
)
