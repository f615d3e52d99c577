"""See owning_ref_required.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.OWNING_REQUIRED,
    severity=Severity.ERROR,
    topic="objects",
    message="{kfunc}() takes over {it}, which is not owned here",
    help="pass the result of bpf_obj_new(), bpf_refcount_acquire() or a removal, once",
    verifier=(
        "arg#%d expected pointer to map value or allocated object",
        "arg#%d expected pointer to allocated object",
    ),
)
