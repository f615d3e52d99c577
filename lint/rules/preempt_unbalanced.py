"""Regions and locks balance on every path: preempt-unbalanced."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words

_HOW = {
    "unmatched": "preemption is enabled without being disabled",
    "exit": "preemption is still disabled where the program ends",
}


def _message(words: Words) -> str:
    return _HOW.get(words["how"], "")


_SAYS = {
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
}


def _says(words: Words) -> str:
    return _SAYS.get(words["how"], "")


RULE = Rule(
    fault=Fault.PREEMPT_UNBALANCED,
    severity=Severity.ERROR,
    message=_message,
    help="pair bpf_preempt_disable() and bpf_preempt_enable() on every path",
    says=_says,
    verifier=(
        "unmatched attempt to enable preemption",
        "bpf_preempt_enable is missing",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region",
    ),
)
