"""See throw_in_callback.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.THROW_IN_CALLBACK,
    severity=Severity.ERROR,
    topic="programs",
    message="{kfunc}() can be reached from a callback",
    help="return from the callback, and throw in the program",
    verifier=("bpf_throw kfunc (insn %d) cannot be called from callback subprog %d",),
)
