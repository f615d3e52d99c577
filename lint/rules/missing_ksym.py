"""A kfunc is declared without __ksym, or not at all."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, by_how


def _declare(broken: Broken) -> Fix | None:
    """`__ksym` at the end of the declaration."""
    source, span = broken.source, broken.finding.span
    end = source.code.find(b";", source.offset(span.line, span.column))
    if broken.words["how"] != "declared" or end < 0:
        return None
    return fix("declare it __ksym", (source.edit(end, end, " __ksym"),), safe=True)


RULE = Rule(
    fault=Fault.NOT_KSYM,
    severity=Severity.ERROR,
    topic="kernels",
    message=by_how(
        {
            "declared": "{symbol}() is declared without __ksym",
            "undeclared": "{symbol}() is called without a declaration",
        }
    ),
    fix=_declare,
    fixable="safe",
    help="declare it so: extern {prototype} __ksym",
    verifier=("failed to find BTF for extern '%s'",),
)
