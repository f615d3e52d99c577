"""Linked lists and rbtrees of local objects: heads under their lock, nodes where they belong (CONTRACT 4.E).

Sources: __process_kf_arg_ptr_to_graph_root(), __process_kf_arg_ptr_to_graph_node(),
check_reg_allocation_locked() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run, stop
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import OWNED_NODES_SINCE
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.types import field_path
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.model import Role

_ROOTS = {Role.LIST_HEAD: "bpf_list_head", Role.RB_ROOT: "bpf_rb_root"}
_NODES = {Role.LIST_NODE: "bpf_list_node", Role.RB_NODE: "bpf_rb_node"}


def check(call: Transfer) -> bool:
    """Check the head and node arguments of a list or rbtree kfunc; false after the first fault."""
    content = ""
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


def _root(call: Transfer, index: int, kind: str) -> str | None:
    """Check a head or root; what it says it contains ("T:field", "" when unknown), None after a fault."""
    value, fact = call.argument(index), call.fact(index)
    if not isinstance(fact, Pointer) or fact.kind not in ("map-value", "alloc") or not isinstance(value, Ref):
        return ""
    words = {"var": call.name_of(index, fact.origin or "the object"), "what": kind}
    if fact.kind == "alloc" and not fact.reference:
        call.report(Fault.OWNING_REQUIRED, words, value.id, fact.site)
        return None
    if value.offset is None:
        call.report(Fault.GRAPH_OFFSET, {**words, "how": "variable"})
        return None
    ctype = fact.ctype
    if ctype is None or not ctype.fields:
        return ""
    chain = field_path(ctype, value.offset - fact.base)
    if not any(at == 0 and t.name == kind for at, t in chain):
        call.report(Fault.GRAPH_OFFSET, {**words, "how": "absent"})
        return None
    if not call.state.locks:
        call.report(Fault.GRAPH_LOCK_NOT_HELD, words)
        return None
    mine = allocation(call.run, call.state, value)
    if all(allocation(call.run, call.state, lock) != mine for lock in call.state.locks):
        call.report(Fault.GRAPH_WRONG_LOCK, words)
        return None
    return contains(call, index)


def allocation(run: Run, state: State, value: Value) -> object:
    """What object a pointer is into: globals of one section share one map, lookups are each their own."""
    fact = state.fact(value)
    if isinstance(fact, Pointer) and fact.kind == "map-value" and fact.region is not None:
        var = run.module.globals.get(fact.origin)
        if var is not None:
            return var.section or (".data" if var.initialised else ".bss")
    return value.id if isinstance(value, Ref) else value


def contains(call: Transfer, index: int) -> str:
    """What the `contains:T:field` tag of a head or root says, "" when nothing is known."""
    value, fact = call.argument(index), call.fact(index)
    if not isinstance(fact, Pointer) or not isinstance(value, Ref) or value.offset is None or fact.ctype is None:
        return ""
    ctype, offset = fact.ctype, value.offset - fact.base
    tags: tuple[str, ...] = ()
    if fact.kind == "map-value" and fact.region is not None and ctype.name in _ROOTS.values():
        var = call.run.module.globals.get(fact.origin)
        tags = var.decl_tags if var is not None else ()
    else:
        for at, struct in field_path(ctype, offset):
            for member in struct.fields:
                if member.offset == at and member.ctype.name in _ROOTS.values():
                    tags = member.decl_tags
    return next((t.removeprefix("contains:") for t in tags if t.startswith("contains:")), "")


def _node(call: Transfer, index: int, kind: str, content: str) -> bool:
    value, fact = call.argument(index), call.fact(index)
    words = {"var": call.name_of(index), "what": kind, "number": str(index + 1)}
    adding = bool(call.special & {"list-push", "rbtree-add"})
    if isinstance(fact, Scalar):
        gone = fact.death is not None and fact.death.how == "unlocked"
        return not gone or _refuse(
            call, Fault.OWNING_REQUIRED if adding else Fault.NON_OWNING_REQUIRED, words, value
        )
    if fact.kind not in ("alloc", "kernel"):
        return True
    if adding and not fact.reference:
        return _refuse(call, Fault.OWNING_REQUIRED, words, value)
    owned = bool(fact.reference) and call.run.kernel >= OWNED_NODES_SINCE
    if not adding and not owned and not fact.non_owning:
        return _refuse(call, Fault.NON_OWNING_REQUIRED, words, value)
    if not isinstance(value, Ref) or fact.ctype is None or not fact.ctype.fields:
        return True
    if value.offset is None:
        return _refuse(call, Fault.GRAPH_OFFSET, {**words, "how": "variable"}, value)
    offset = value.offset - fact.base
    if not any(at == 0 and t.name == kind for at, t in field_path(fact.ctype, offset)):
        return _refuse(call, Fault.GRAPH_OFFSET, {**words, "how": "absent"}, value)
    struct, _, field = content.partition(":")
    wanted = next((f.offset for f in fact.ctype.fields if f.name == field), None)
    if struct and (fact.ctype.name != struct or wanted != offset):
        return _refuse(call, Fault.GRAPH_NODE_TYPE, {**words, "want": f"{field} of struct {struct}"}, value)
    return True


def _refuse(call: Transfer, fault: Fault, words: dict[str, str], value: Value) -> bool:
    fact = call.state.fact(value)
    subject = value.id if isinstance(value, Ref) else 0
    call.report(fault, words, subject, fact.site if isinstance(fact, Pointer) else 0)
    return False
