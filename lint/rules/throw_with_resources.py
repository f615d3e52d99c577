"""The program may leave by `bpf_throw()` or a tail call while it holds something."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _says(words: Words) -> str:
    call = "tail_call" if words["kfunc"] == "bpf_tail_call" else words["kfunc"]
    return f"{call} would lead to reference leak" if words["acquire"] else f"{call} cannot be used inside"


RULE = Rule(
    fault=Fault.THROW_WITH_RESOURCES,
    severity=Severity.ERROR,
    topic="references",
    message="{kfunc}() is called while {what}",
    help="release or unlock before this call: the program may not come back from it",
    last="{kfunc}() leaves the program here",
    says=_says,
    verifier=(
        "bpf_throw would lead to reference leak",
        "tail_call would lead to reference leak",
        "bpf_throw cannot be used inside",
        "tail_call cannot be used inside",
    ),
)
