"""A weak kfunc is called where it may be missing."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, by_how


def _guard(broken: Broken) -> Fix | None:
    """A test for the kfunc around a call whose result nobody uses."""
    test = f"bpf_ksym_exists({broken.words['symbol']})"
    return fix(f"call it only if {test}", broken.only_if(test), safe=False)


RULE = Rule(
    fault=Fault.UNGUARDED,
    severity=Severity.ERROR,
    topic="kernels",
    message=by_how(
        {
            "absent": "{symbol}() is called unconditionally, and the kernel has no such kfunc{life}",
            "mismatch": "{symbol}() is called unconditionally, and is not found as it is declared: {difference}",
            "flavour": "{symbol}() is called unconditionally, and the loader does not know flavours of kfuncs",
        }
    ),
    fix=_guard,
    fixable="unsafe",
    help="call it only where bpf_ksym_exists({symbol}) is true{instead}",
    verifier=(
        "kfunc '%s' is referenced but wasn't resolved",
        "invalid kernel function call not eliminated in verifier pass",
    ),
)
