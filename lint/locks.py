"""What bpf_spin_lock() may be given: the lock of a checked map value, of global data or of an owned object.

Sources: process_spin_lock(), spin_lock_types and check_reg_type() in kernel/bpf/verifier.c of 6.12 and 6.18;
CONTRACT 4.F (lock-bad-arg).
"""

from __future__ import annotations

from kfuncgen.lint.fields import record_of
from kfuncgen.lint.kptrs import is_unknown
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import Pointer, Ref

_KINDS = {
    "spin-lock": "bpf_spin_lock",
    "spin-unlock": "bpf_spin_lock",
    "res-spin-lock": "bpf_res_spin_lock",
    "res-spin-unlock": "bpf_res_spin_lock",
    "res-spin-lock-irqsave": "bpf_res_spin_lock",
    "res-spin-unlock-irqrestore": "bpf_res_spin_lock",
}
LOCKING = frozenset(_KINDS)
"""Words of the calls that take a lock's address."""


def check(call: Transfer) -> bool:
    """Check the address of a lock; false after a fault."""
    kind = next(k for word, k in _KINDS.items() if word in call.special)
    value, fact = call.argument(0), call.fact(0)
    words = {"var": call.name_of(0, "the argument"), "what": kind}
    if isinstance(fact, Pointer) and (fact.kind == "opaque" or (fact.ctype is None and fact.kind != "ctx")):
        return True
    if not isinstance(fact, Pointer):
        return is_unknown(fact) or _refuse(call, words, "number")
    owned = fact.kind == "alloc" and bool(fact.reference)
    if (fact.kind != "map-value" and not owned) or not isinstance(value, Ref):
        return _refuse(call, words, "borrowed" if fact.kind == "alloc" else "place")
    record = record_of(call.run, fact)
    if record.error:
        call.report(Fault.SPECIAL_FIELD_DECLARATION, {**words, "why": record.error})
        return False
    if value.offset is None:
        return value.id in call.run.vague or _refuse(call, words, "variable")
    field = record.only(kind)
    if field is None:
        return _refuse(call, words, "none")
    return field.offset == value.offset - fact.base or _refuse(call, words, "absent")


def _refuse(call: Transfer, words: dict[str, str], how: str) -> bool:
    call.report(Fault.LOCK_ARGUMENT, {**words, "how": how})
    return False
