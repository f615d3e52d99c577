"""A program without a GPL-compatible licence calls a kfunc."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.LICENCE,
    severity=Severity.ERROR,
    message='{kfunc}() needs a GPL-compatible licence, this object says "{licence}"',
    help='char _license[] SEC("license") = "GPL"; or another GPL-compatible one',
    verifier=("cannot call kernel function from non-GPL compatible program",),
)
