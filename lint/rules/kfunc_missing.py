"""A kfunc that a targeted kernel does not have, by a strong extern."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

RULE = Rule(
    fault=Fault.MISSING,
    severity=Severity.ERROR,
    message=by_how(
        {
            "absent": "the kernel has no {symbol}(){life}",
            "flavour": "the kernel has no {symbol}(), and the loader does not know flavours of kfuncs",
        }
    ),
    help="declare it __weak, and call it only where bpf_ksym_exists({symbol}){instead}",
    verifier=("extern (func ksym) '%s': not found in kernel or module BTFs",),
)
