"""Regions and locks balance on every path: irq-unbalanced."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "place": "saved interrupt state must be a local variable",
    "saved twice": "interrupt state is saved into a flag that is in use",
    "unmatched": "interrupt state is restored from a flag that was not saved",
    "out of order": "interrupt state is restored out of order",
    "native": "interrupt state that bpf_res_spin_lock_irqsave() saved is restored by bpf_local_irq_restore()",
    "lock": "interrupt state that bpf_local_irq_save() saved is restored by bpf_res_spin_unlock_irqrestore()",
    "alignment": "saved interrupt state must be a variable of its own, aligned to 8 bytes",
    "read": "the variable of saved interrupt state is read",
    "exit": "interrupts are still disabled where the program ends",
}


_SAYS = {
    "saved twice": "expected uninitialized irq flag as arg#%d",
    "out of order": "cannot restore irq state out of order",
    "native": "irq flag acquired by lock kfuncs cannot be restored with native kfuncs",
    "lock": "irq flag acquired by native kfuncs cannot be restored with lock kfuncs",
    "read": "invalid read from stack",
    "place": "arg#%d doesn't point to an irq flag on stack",
    "exit": "BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region",
}


RULE = Rule(
    fault=Fault.IRQ_UNBALANCED,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help="restore each saved flag once, the last saved first",
    says=by_how(_SAYS),
    verifier=(
        "expected an initialized irq flag as arg#%d",
        "expected uninitialized irq flag as arg#%d",
        "cannot restore irq state out of order",
        "BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region",
        "arg#%d doesn't point to an irq flag on stack",
        "irq flag acquired by %s kfuncs cannot be restored with %s kfuncs",
    ),
)
