"""See res_lock.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

_HOW = {
    "unmatched": "{kfunc}() without a lock held: taking the lock may have failed",
    "same": "{kfunc}() takes the lock that is held already",
    "other": "{kfunc}() releases another lock than the one that is held",
    "kind": "{kfunc}() releases a lock that another kind of call took",
    "out of order": "{kfunc}() releases a lock that was not taken last",
}
_SAYS = {
    "unmatched": "bpf_res_spin_unlock without taking a lock",
    "same": "Acquiring the same lock again, AA deadlock detected",
    "other": "bpf_res_spin_unlock of different lock",
    "kind": "bpf_res_spin_unlock of different lock",
    "out of order": "bpf_res_spin_unlock cannot be out of order",
}
_HELP = {
    "unmatched": "unlock only where the result of the lock call was 0",
    "same": "take each lock once",
    "kind": "pair bpf_res_spin_lock_irqsave() with bpf_res_spin_unlock_irqrestore()",
}


RULE = Rule(
    fault=Fault.RES_LOCK,
    severity=Severity.ERROR,
    topic="sections",
    message=by_how(_HOW),
    help=lambda words: by_how(_HELP)(words) or "release the lock that was taken last first",
    says=by_how(_SAYS),
    verifier=tuple(dict.fromkeys(_SAYS.values())),
)
