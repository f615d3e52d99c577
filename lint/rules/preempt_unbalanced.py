"""Regions and locks balance on every path: preempt-unbalanced."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "unmatched": "preemption is enabled without being disabled",
    "exit": "preemption is still disabled where the program ends",
}


_SAYS = {
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
}


def _leave(broken: Broken) -> Fix | None:
    """Leave the region before the `return`, where all paths to it are in it, once."""
    exits = broken.exits()
    if broken.words["how"] != "exit" or not exits or any(exit.preempt != 1 for exit in exits):
        return None
    return fix("insert bpf_preempt_enable()", broken.before_return("bpf_preempt_enable();"), safe=True)


RULE = Rule(
    fault=Fault.PREEMPT_UNBALANCED,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help="pair bpf_preempt_disable() and bpf_preempt_enable() on every path",
    fix=_leave,
    fixable="safe",
    says=by_how(_SAYS),
    verifier=(
        "unmatched attempt to enable preemption",
        "bpf_preempt_enable is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
    ),
)
