"""A kfunc that a targeted kernel does not have, by a strong extern."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, by_how


def _weaken(broken: Broken) -> Fix | None:
    """`__weak` in the declaration, and a test for the kfunc around a call whose result nobody uses."""
    symbol = broken.words["symbol"]
    declaration = broken.run.module.declarations.get(symbol)
    test = f"bpf_ksym_exists({symbol})"
    guard = broken.only_if(test)
    if declaration is None or not guard or not declaration.span.file:
        return None
    source = broken.sources.source(declaration.span.file)
    start = source.offset(declaration.span.line, declaration.span.column)
    at = source.code.find(b"__ksym", start, source.code.find(b";", start))
    if at < 0:
        return None
    weak = source.edit(at, at, "__weak ")
    return fix(f"declare it __weak, and call it only if {test}", (weak, *guard), safe=False)


RULE = Rule(
    fault=Fault.MISSING,
    severity=Severity.ERROR,
    topic="kernels",
    message=by_how(
        {
            "absent": "the kernel has no {symbol}(){life}",
            "flavour": "the kernel has no {symbol}(), and the loader does not know flavours of kfuncs",
        }
    ),
    fix=_weaken,
    fixable="unsafe",
    help="declare it __weak, and call it only where bpf_ksym_exists({symbol}){instead}",
    verifier=("extern (func ksym) '%s': not found in kernel or module BTFs",),
)
