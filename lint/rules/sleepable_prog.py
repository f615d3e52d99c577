"""See sleepable_prog.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SLEEPABLE_PROGRAM,
    severity=Severity.ERROR,
    topic="sections",
    message='{kfunc}() may sleep, SEC("{section}") may not',
    help="use a sleepable section (.s, syscall), or a callback of a workqueue",
    verifier=(
        "program must be sleepable to call sleepable kfunc %s",
        "helper call might sleep in a non-sleepable prog",
    ),
)
