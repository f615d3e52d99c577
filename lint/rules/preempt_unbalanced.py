"""Regions and locks balance on every path: preempt-unbalanced."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "unmatched": "preemption is enabled without being disabled",
    "exit": "preemption is still disabled where the program ends",
}


_SAYS = {
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
}


RULE = Rule(
    fault=Fault.PREEMPT_UNBALANCED,
    severity=Severity.ERROR,
    message=by_how(_HOW),
    help="pair bpf_preempt_disable() and bpf_preempt_enable() on every path",
    says=by_how(_SAYS),
    verifier=(
        "unmatched attempt to enable preemption",
        "bpf_preempt_enable is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
    ),
)
