"""Arguments that maps decide: maps themselves, fields of their values, strings in read-only data.

Sources: KF_ARG_PTR_TO_MAP, process_wq_func(), process_timer_func(), process_task_work_func(),
check_reg_const_str() (kernel/bpf/verifier.c 6.12 and 6.18); CONTRACT 4.C (arg-map, map-field-arg, arg-const-str).
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.argument import Arguments, kind_word
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mapdefs import SOCKET_MAPS, element_size, map_definition, map_number
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Pointer, Ref, Value
from kfuncgen.spec.model import Role

_FIELDS = {Role.TIMER: "bpf_timer", Role.WORKQUEUE: "bpf_wq", Role.TASK_WORK: "bpf_task_work"}
MAX_NESTING = 8
"""MAX_RESOLVE_DEPTH-like bound on structs within structs while a field is looked for."""


def map_of(a: Arguments) -> Type | None:
    """The definition of the map among the arguments of a helper (bpf_call_arg_meta.map_ptr)."""
    for index, param in enumerate(a.contract.params):
        if param.role is Role.MAP and index < len(a.args):
            return map_definition(a.state.fact(a.args[index]))
    return None


def size_of_element(a: Arguments, word: str) -> int | None:
    """Bytes of the map's key or value, None when the definition does not tell."""
    definition = map_of(a)
    if definition is None:
        return None
    return element_size(definition, "key" if word == "key" else "value") or None


def holds_sockets(a: Arguments) -> bool:
    """Whether the map's values are sockets, taken as such by bpf_map_update_elem()."""
    definition = map_of(a)
    return definition is not None and map_number(definition, "type") in SOCKET_MAPS


def check_map(a: Arguments, index: int, value: Value, fact: Pointer) -> bool:
    """A map argument: the map itself, and the one that an item among the arguments before lives in."""
    if fact.kind != "map":
        # Kernel objects: iterators hand out struct bpf_map, which kfuncs take and helpers do not.
        if fact.kind == "kernel" and (a.contract.is_kfunc or fact.ctype is None):
            return not a.contract.is_kfunc or a.type_matches(index, value, fact, "bpf_map")
        return a.fault(Fault.MAP_ARGUMENT, index, value, how="kind", got=kind_word(fact, value))
    for before, param in enumerate(a.contract.params[:index]):
        if param.role not in _FIELDS:
            continue
        item = a.state.fact(a.args[before])
        if not isinstance(item, Pointer) or item.kind != "map-value" or not item.map or not fact.map:
            continue
        if item.map != fact.map:
            what = f"struct {_FIELDS[param.role]}"
            return a.fault(Fault.MAP_ARGUMENT, index, value, how="other", have=item.map, what=what)
    return True


def check_field(a: Arguments, index: int, value: Value, fact: Pointer, name: str) -> bool:
    """A timer, work queue or task work item: exactly that field of a map value."""
    if fact.kind != "map-value":
        got = kind_word(fact, value)
        return a.fault(Fault.MAP_FIELD_ARGUMENT, index, value, how="kind", got=got, what=f"struct {name}")
    if fact.ctype is None or not isinstance(value, Ref):
        return True
    words = {"what": f"struct {name}", "have": str(fact.ctype)}
    if value.offset is None:
        return a.fault(Fault.MAP_FIELD_ARGUMENT, index, value, how="variable", **words)
    offsets = field_offsets(fact.ctype, name)
    if value.offset in offsets:
        return True
    return a.fault(Fault.MAP_FIELD_ARGUMENT, index, value, how="offset" if offsets else "none", **words)


def field_offsets(ctype: Type, name: str, depth: int = 0) -> tuple[int, ...]:
    """Where in a type structs called `name` begin."""
    if ctype.name == name:
        return (0,)
    if depth >= MAX_NESTING:
        return ()
    found: list[int] = []
    for member in ctype.fields:
        if member.ctype.kind in ("struct", "union"):
            found += [member.offset + at for at in field_offsets(member.ctype, name, depth + 1)]
    return tuple(found)


def check_string(a: Arguments, index: int, value: Value, fact: Pointer) -> bool:
    """A string that the verifier can read: in read-only data, at a known place, with its final NUL."""
    if fact.kind != "map-value":
        return a.fault(Fault.CONST_STRING, index, value, how="kind", got=kind_word(fact, value))
    if not fact.readonly:
        return a.fault(Fault.CONST_STRING, index, value, how="writable")
    if isinstance(value, Ref) and value.offset is None:
        return a.fault(Fault.CONST_STRING, index, value, how="variable")
    var = a.run.module.globals.get(fact.origin)
    text = var.text if var is not None else None
    if var is None or text is None or var.ctype.kind != "array" or not _last(a, var):
        return True
    if len(text.encode()) < var.ctype.size:
        return True
    return a.fault(Fault.CONST_STRING, index, value, how="unterminated")


def _last(a: Arguments, var: ir.GlobalVariable) -> bool:
    """Whether no other variable follows in the same read-only section: its bytes could end the string."""
    line = var.span.line if var.span is not None else 0
    others = (v for v in a.run.module.globals.values() if v.frozen and v.section == var.section and v is not var)
    return all(v.span is not None and v.span.line < line for v in others)
