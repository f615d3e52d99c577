"""A kfunc is declared without __ksym, or not at all."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

RULE = Rule(
    fault=Fault.NOT_KSYM,
    severity=Severity.ERROR,
    message=by_how(
        {
            "declared": "{symbol}() is declared without __ksym",
            "undeclared": "{symbol}() is called without a declaration",
        }
    ),
    help="declare it so: extern {prototype} __ksym",
    verifier=("failed to find BTF for extern '%s'",),
)
