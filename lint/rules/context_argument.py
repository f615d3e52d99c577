"""A kfunc that takes the program's context gets something else."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.CONTEXT_ARGUMENT,
    severity=Severity.ERROR,
    topic="arguments",
    message="argument {number} of {kfunc}() must be the program's context, {it} is {got}",
    help="pass the first parameter of the program, unchanged",
    verifier=(
        "arg#%d expected pointer to ctx, but got",
        "dereference of modified ctx ptr",
    ),
)
