"""Linked lists and rbtrees of local objects: heads under their lock, nodes where they belong (CONTRACT 4.E).

Sources: __process_kf_arg_ptr_to_graph_root(), __process_kf_arg_ptr_to_graph_node(),
check_reg_allocation_locked() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint.fields import record_of
from kfuncgen.lint.kptrs import is_unknown
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.records import section_of
from kfuncgen.lint.run import Run, stop
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import OWNED_NODES_SINCE
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import Pointer, Ref, Value
from kfuncgen.records import replace
from kfuncgen.spec.model import Role

_ROOTS = {Role.LIST_HEAD: "bpf_list_head", Role.RB_ROOT: "bpf_rb_root"}
_NODES = {Role.LIST_NODE: "bpf_list_node", Role.RB_NODE: "bpf_rb_node"}

_UNKNOWN = ("", "")


def check(call: Transfer) -> bool:
    """Check the head and node arguments of a list or rbtree kfunc; false after the first fault."""
    content = _UNKNOWN
    for index, param in enumerate(call.contract.params):
        if param.role in _ROOTS:
            found = _root(call, index, _ROOTS[param.role])
            if found is None:
                return False
            content = found
        elif param.role in _NODES and not _node(call, index, _NODES[param.role], content):
            return False
    return True


def give_up(call: Transfer) -> None:
    """After a refused call nothing more is said of the objects that it was handed."""
    for index, param in enumerate(call.contract.params):
        fact, value = call.fact(index), call.argument(index)
        if param.role in _NODES and isinstance(fact, Pointer) and isinstance(value, Ref):
            call.state.references.pop(fact.reference, None)
            stop(call.state, value)


def _root(call: Transfer, index: int, kind: str) -> tuple[str, str] | None:
    """Check a head or root; the struct and member that it contains ("" when unknown), None after a fault."""
    value, fact = call.argument(index), call.fact(index)
    words = {"var": call.name_of(index, "the argument"), "what": kind}
    if is_unknown(fact) or (isinstance(fact, Pointer) and (fact.kind == "opaque" or fact.ctype is None)):
        return _UNKNOWN
    if not isinstance(fact, Pointer) or not isinstance(value, Ref) or fact.kind not in ("map-value", "alloc"):
        call.report(Fault.GRAPH_OFFSET, {**words, "how": "place"})
        return None
    words["var"] = call.name_of(index, fact.origin or "the object")
    if fact.kind == "alloc" and not fact.reference:
        call.report(Fault.OWNING_REQUIRED, words, value.id, fact.site)
        return None
    if value.offset is None:
        if value.id in call.run.vague:
            return _UNKNOWN
        call.report(Fault.GRAPH_OFFSET, {**words, "how": "variable"})
        return None
    record = record_of(call.run, fact)
    if record.error:
        call.report(Fault.SPECIAL_FIELD_DECLARATION, {**words, "why": record.error})
        return None
    field = record.at(value.offset - fact.base)
    if field is None or field.kind != kind:
        call.report(Fault.GRAPH_OFFSET, {**words, "how": "absent"})
        return None
    if not call.state.locks:
        call.report(Fault.GRAPH_LOCK_NOT_HELD, words)
        return None
    mine = allocation(call.run, call.state, value)
    if all(allocation(call.run, call.state, lock.value) != mine for lock in call.state.locks):
        call.report(Fault.GRAPH_WRONG_LOCK, words)
        return None
    return field.contains


def allocation(run: Run, state: State, value: Value) -> object:
    """What object a pointer is into: globals of one section share one map, lookups are each their own."""
    fact = state.fact(value)
    if isinstance(fact, Pointer) and fact.kind == "map-value" and fact.region is not None:
        var = run.module.globals.get(fact.origin)
        if var is not None:
            return section_of(var)
    return value.id if isinstance(value, Ref) else value


def contains(call: Transfer, index: int) -> tuple[str, str]:
    """The struct and member that a head or root says it contains, ("", "") when nothing is known."""
    value, fact = call.argument(index), call.fact(index)
    if not isinstance(fact, Pointer) or not isinstance(value, Ref) or value.offset is None:
        return _UNKNOWN
    field = record_of(call.run, fact).at(value.offset - fact.base)
    return field.contains if field is not None else _UNKNOWN


def contained(call: Transfer) -> Pointer:
    """A pointer to a node of the list or tree that is the first argument, as the object that it is in."""
    struct, member = contains(call, 0)
    ctype = call.run.module.struct.get(struct)
    offset = next((f.offset for f in ctype.fields if f.name == member), None) if ctype is not None else None
    return Pointer("alloc", ctype if offset is not None else None, base=-(offset or 0))


def _node(call: Transfer, index: int, kind: str, content: tuple[str, str]) -> bool:
    value, fact = call.argument(index), call.fact(index)
    words = {"var": call.name_of(index, "the argument"), "what": kind, "number": str(index + 1)}
    adding = bool(call.special & {"list-push", "rbtree-add"})
    wanted = Fault.OWNING_REQUIRED if adding else Fault.NON_OWNING_REQUIRED
    if is_unknown(fact) or (isinstance(fact, Pointer) and fact.kind == "opaque"):
        return True
    if not isinstance(fact, Pointer) or fact.kind not in ("alloc", "kernel"):
        return _refuse(call, wanted, words, value)
    if fact.kind == "kernel" and fact.ctype is None:
        return True
    if adding and not (fact.kind == "alloc" and fact.reference):
        return _refuse(call, wanted, words, value)
    owned = fact.kind == "alloc" and bool(fact.reference) and call.run.kernel >= OWNED_NODES_SINCE
    if not adding and not owned and not fact.non_owning:
        return _refuse(call, wanted, words, value)
    if not isinstance(value, Ref) or fact.ctype is None or not fact.ctype.fields:
        return True
    if value.offset is None:
        return value.id in call.run.vague or _refuse(call, Fault.GRAPH_OFFSET, {**words, "how": "variable"}, value)
    offset = value.offset - fact.base
    field = record_of(call.run, replace(fact, kind="alloc")).at(offset)
    if field is None or field.kind != kind:
        return _refuse(call, Fault.GRAPH_OFFSET, {**words, "how": "absent"}, value)
    struct, member = content
    place = next((f.offset for f in fact.ctype.fields if f.name == member), None)
    if struct and (fact.ctype.name != struct or place != offset):
        return _refuse(call, Fault.GRAPH_NODE_TYPE, {**words, "want": f"{member} of struct {struct}"}, value)
    return True


def _refuse(call: Transfer, fault: Fault, words: dict[str, str], value: Value) -> bool:
    fact = call.state.fact(value)
    subject = value.id if isinstance(value, Ref) else 0
    call.report(fault, words, subject, fact.site if isinstance(fact, Pointer) else 0)
    return False
