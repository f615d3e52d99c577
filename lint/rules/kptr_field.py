"""Accesses to kptr fields and bpf_kptr_xchg() on what is none: kptr-field."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words, by_how

_HOW = {
    "store": "the kptr '{field}' is written directly: only bpf_kptr_xchg() may change it",
    "size": "only a part of the kptr '{field}' is accessed",
    "misaligned": "the access meets a part of the kptr '{field}'",
    "variable": "the access may meet the kptr '{field}': its place is not known at compile time",
    "helper": "{kfunc}() is handed memory with the kptr '{field}' in it",
    "exchange variable": "which kptr is exchanged is not known at compile time",
    "none": "there is no kptr where bpf_kptr_xchg() is to exchange one",
    "absent": "no kptr begins at the place that bpf_kptr_xchg() is given",
    "unreferenced": "'{field}' is a __kptr_untrusted field: it holds no reference to exchange",
    "place": "bpf_kptr_xchg() exchanges kptrs in map values, global data and owned objects only",
    "rcu": "bpf_kptr_xchg() needs the object that the kptr is in to be owned",
    "number": "bpf_kptr_xchg() is given a number for the address of a kptr",
}
_SAYS = {
    "store": "store to referenced kptr disallowed",
    "size": "kptr access size must be BPF_DW",
    "misaligned": "kptr access misaligned expected=%u off=%d",
    "variable": "kptr access cannot have variable offset",
    "helper": "kptr cannot be accessed indirectly by helper",
    "exchange variable": "R%d doesn't have constant offset. kptr has to be at the constant offset",
    "none": "R%d has no valid kptr",
    "absent": "off=%d doesn't point to kptr",
    "unreferenced": "off=%d kptr isn't referenced kptr",
    "place": "R%d type=%s expected=map_value, ptr_",
    "rcu": "R%d type=rcu_ptr_ expected=map_value, ptr_",
    "number": "R%d type=scalar expected=map_value, ptr_",
}
_HELP = {
    "store": "exchange it with bpf_kptr_xchg(), also for NULL, and release what comes out",
    "helper": "hand over the members beside it one by one",
    "unreferenced": "assign to it, or tag the field __kptr",
}


def _help(words: Words) -> str:
    return _HELP.get(
        words.get("how", ""), "read and exchange kptrs as a whole, at the constant offset of the field"
    )


RULE = Rule(
    fault=Fault.KPTR_FIELD,
    severity=Severity.ERROR,
    topic="objects",
    message=by_how(_HOW),
    help=_help,
    says=by_how(_SAYS),
    verifier=(
        *(m for m in _SAYS.values() if "type=" not in m),
        "kptr in map can only be accessed using BPF_MEM instruction mode",
    ),
)
