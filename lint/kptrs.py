"""bpf_kptr_xchg(): where the kptr is, what goes in, what comes out (CONTRACT 4.D).

Sources: process_kptr_func(), map_kptr_match_type(), check_reg_type() with kptr_xchg_dest_types,
check_helper_call() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.fields import record_of
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.records import EMPTY, SpecialField
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import Fact, Pointer, Ref, Scalar
from kfuncgen.records import replace


def check(call: Transfer) -> bool:
    """Check destination and source; false after the first fault."""
    value, fact = call.argument(0), call.fact(0)
    if (isinstance(fact, Pointer) and fact.kind == "opaque") or is_unknown(fact):
        return True
    words = {"var": call.name_of(0, "the destination"), "field": _written_as(call)}
    if not isinstance(fact, Pointer) or not isinstance(value, Ref) or not _may_hold(fact):
        how = "number" if not isinstance(fact, Pointer) else "rcu" if fact.kind == "alloc" else "place"
        if isinstance(fact, Pointer) and fact.kind == "map-value" and fact.ctype is None:
            return True
        call.report(Fault.KPTR_FIELD, {**words, "how": how})
        return False
    if fact.ctype is None:
        return True
    record = record_of(call.run, fact)
    if record.error:
        call.report(Fault.SPECIAL_FIELD_DECLARATION, {**words, "what": "kptr", "why": record.error})
        return False
    if value.offset is None and value.id in call.run.vague:
        return True
    if value.offset is None:
        call.report(Fault.KPTR_FIELD, {**words, "how": "exchange variable"})
        return False
    if not any(f.is_kptr for f in record.fields):
        call.report(Fault.KPTR_FIELD, {**words, "how": "none"})
        return False
    field = record.at(value.offset - fact.base)
    if field is None or not field.is_kptr:
        call.report(Fault.KPTR_FIELD, {**words, "how": "absent"})
        return False
    if field.kind == "kptr_untrusted":
        call.report(Fault.KPTR_FIELD, {**words, "how": "unreferenced"})
        return False
    return _source(call, field)


def destination(call: Transfer) -> SpecialField | None:
    """The kptr that is exchanged, None when it is not known."""
    value, fact = call.argument(0), call.fact(0)
    if not isinstance(fact, Pointer) or not isinstance(value, Ref) or value.offset is None:
        return None
    field = (record_of(call.run, fact) or EMPTY).at(value.offset - fact.base)
    return field if field is not None and field.is_kptr else None


def taken_out(call: Transfer) -> Pointer | None:
    """What bpf_kptr_xchg() hands out, without its reference; None when the field is not known."""
    field = destination(call)
    if field is None:
        return None
    made = Pointer("kernel", field.target, trust="trusted")
    if field.kind == "percpu_kptr":
        return replace(made, kind="percpu")
    return made if field.is_kernel else replace(made, kind="alloc")


def keep_percpu(call: Transfer, reference: int) -> None:
    """A percpu object that moved into a map can be used on within RCU: others may free it only later."""
    if not call.run.in_rcu(call.state):
        return
    for identifier, fact in list(call.state.facts.items()):
        if isinstance(fact, Pointer) and fact.kind == "percpu" and fact.reference == reference:
            call.state.facts[identifier] = replace(fact, reference=0, trust="rcu")


def is_unknown(fact: Fact) -> bool:
    """Whether a value may be anything: what helpers without a contract return is seen as a number."""
    return isinstance(fact, Scalar) and fact.known is None and (fact.death is None or fact.death.how == "stop")


def _may_hold(fact: Pointer) -> bool:
    """kptr_xchg_dest_types: map values, and objects of the program that are owned."""
    if fact.kind == "alloc":
        return bool(fact.reference)
    return fact.kind == "map-value"


def _source(call: Transfer, field: SpecialField) -> bool:
    """The object that goes in must be exactly of the field's type (map_kptr_match_type, strict)."""
    value, fact, target = call.argument(1), call.fact(1), field.target
    if not isinstance(fact, Pointer) or target is None or (fact.ctype is None and fact.kind != "percpu"):
        return True
    percpu = field.kind == "percpu_kptr"
    if (fact.kind == "percpu") == percpu and (fact.ctype is None or fact.ctype.name == target.name):
        return True
    have = f"struct {fact.struct}" if fact.struct else "object of another kind"
    words = {
        "var": call.name_of(1),
        "have": f"percpu {have}" if fact.kind == "percpu" else have,
        "want": f"percpu struct {target.name}" if percpu else f"struct {target.name}",
    }
    call.report(Fault.KPTR_TYPE, words, value.id if isinstance(value, Ref) else 0, fact.site)
    return False


def _written_as(call: Transfer) -> str:
    """The destination as the program names it."""
    place = call.call.args[0] if call.call.args else None
    while isinstance(place, ir.Cast):
        place = place.operand
    inner = place.place if isinstance(place, ir.AddressOf) else None
    while isinstance(inner, ir.Element):
        inner = inner.base
    if isinstance(inner, ir.Global):
        return inner.var.name
    return inner.name if isinstance(inner, ir.Member) else ""
