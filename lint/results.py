"""What a contract call returns: references, maybe-NULL pointers, slices, records (CONTRACT 3.1 step 10, 5, 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from kfuncgen.lint import graph, ir, kptrs
from kfuncgen.lint.dynptrs import PACKET_KINDS
from kfuncgen.lint.mapdefs import (
    ARRAY_MAPS,
    MAPS_OF_MAPS,
    SOCKET_MAPS,
    inner_definition,
    map_attribute,
    map_definition,
    map_number,
)
from kfuncgen.lint.state import Reference
from kfuncgen.lint.targets import CONSTANT_KEYS_SINCE, RCU_CHECKED_AT_NEW
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, Trust, Value
from kfuncgen.records import replace
from kfuncgen.spec.model import TRUSTED_BY_DEFAULT_SINCE, Role

PLACED_KEY = ", unless the compiler happens to place the constant key so that the verifier (6.15 or newer) sees it"
"""Added to the story of a lookup with a key of which the verifier may know or not know that it is a constant."""


def result(call: Transfer) -> Value:
    """The value of a call that came back, with the reference it may carry."""
    for word, make in _SPECIAL.items():
        if word in call.special:
            return make(call)
    ctype = call.contract.prototype.result
    if call.name in _SIZED_RESULTS:
        return _bytes_written(call)
    if not ctype.is_pointer:
        # bpf_get_current_task() gives an address, and the verifier a number.
        return call.any_result(number=ctype.size == 8 and not ctype.signed)
    if call.effects.acquires:
        return acquired(call, Pointer("kernel", call.struct_type(ctype), trust="trusted"))
    if ctype.struct_name:
        trust: Trust = "plain"
        if not call.contract.is_kfunc or call.run.kernel >= TRUSTED_BY_DEFAULT_SINCE:
            trust = "trusted"
        if call.effects.rcu_protected and call.run.kernel >= RCU_CHECKED_AT_NEW:
            trust = "rcu"
        return _kernel(call, call.struct_type(ctype), trust)
    if ctype.pointee is not None and ctype.pointee.kind in ("int", "bool"):
        return _borrowed(call, _memory(call, ctype.pointee.size))
    return call.any_result()


def _memory(call: Transfer, size: int) -> Pointer:
    """Memory of as many bytes as the parameter rdonly_buf_size or rdwr_buf_size says, else one read-only element;
    it goes with the object that was passed (r0_size, r0_rdonly and ref_obj_id in check_kfunc_call())."""
    bound = next((i for i, p in enumerate(call.contract.params) if p.role is Role.RETURN_SIZE), None)
    facts = [call.fact(index) for index in range(len(call.args))]
    reference = next((f.reference for f in facts if isinstance(f, Pointer) and f.reference), 0)
    if bound is None:
        readonly = "session-cookie" not in call.special
        return Pointer("memory", size=size or None, readonly=readonly, reference=reference)
    readonly = call.contract.params[bound].name == "rdonly_buf_size"
    return Pointer("memory", size=call.constant(bound), readonly=readonly, reference=reference)


_SIZED_RESULTS = {
    "bpf_get_stack": 2,
    "bpf_get_task_stack": 2,
    "bpf_probe_read_str": 1,
    "bpf_probe_read_kernel_str": 1,
    "bpf_probe_read_user_str": 1,
}
"""Helpers that return an error or how many bytes they wrote, and the parameter that bounds it
(do_refine_retval_range())."""


def _bytes_written(call: Transfer) -> Value:
    """An error, or a number that is not larger than the size argument."""
    size = call.fact(_SIZED_RESULTS[call.name])
    most = size.high if isinstance(size, Scalar) else ANY.high
    known = call.state.is_given(call.argument(_SIZED_RESULTS[call.name]))
    return call.run.new(call.state, Scalar(-4095, max(most, 0), given=known))


def acquired(call: Transfer, made: Pointer, null: bool | None = None) -> Value:
    """A new reference; the value that carries it."""
    state = call.state
    reference = call.run.fresh()
    may_be_null = call.effects.may_be_null if null is None else null
    value = call.run.new(
        state, replace(made, null=may_be_null, reference=reference, origin=call.name, site=call.site)
    )
    assert isinstance(value, Ref)
    release = "" if call.contract.release else call.run.releasing(made)
    state.references[reference] = Reference(
        call.site, call.name, value.id, callback=call.evaluator.callback, release=release
    )
    text = "acquired here, may be NULL" if may_be_null else "acquired here"
    state.step("acquire", call.call.span, text, value.id)
    return value


def _borrowed(call: Transfer, made: Pointer, null: bool | None = None, note: str = "") -> Value:
    """A pointer without a reference of its own; `note` is added to the event of the story."""
    may_be_null = call.effects.may_be_null if null is None else null
    made = replace(made, null=may_be_null, origin=call.name, site=call.site)
    if made.kind != "kernel":
        made = replace(made, trust="trusted")
    value = call.run.new(call.state, made)
    if may_be_null and isinstance(value, Ref):
        call.state.step("acquire", call.call.span, f"obtained here, may be NULL{note}", value.id)
    return value


def _kernel(call: Transfer, ctype: Type | None, trust: Trust) -> Value:
    return _borrowed(call, Pointer("kernel", ctype, trust=trust))


def _current_task(call: Transfer) -> Value:
    return _kernel(call, call.struct_type(call.contract.prototype.result), "trusted")


def _kernel_context(call: Transfer) -> Value:
    return _kernel(call, None, "trusted")


def _untrusted(call: Transfer) -> Value:
    return _kernel(call, None, "untrusted")


def _local_object(call: Transfer) -> Value:
    return acquired(call, Pointer("alloc", _type_argument(call)))


def _popped(call: Transfer) -> Value:
    """A node taken out of a list or tree: owned, a pointer to the member within its object."""
    return acquired(call, graph.contained(call))


def _percpu_object(call: Transfer) -> Value:
    return acquired(call, Pointer("percpu", _type_argument(call)))


def _type_argument(call: Transfer) -> Type | None:
    """The type that bpf_core_type_id_local() names in the first argument of bpf_obj_new()."""
    argument = call.call.args[0] if call.call.args else None
    while isinstance(argument, ir.Cast):
        argument = argument.operand
    return argument.of if isinstance(argument, ir.Unknown) else None


def _peeked(call: Transfer) -> Value:
    return _borrowed(call, replace(graph.contained(call), non_owning=True), null=True)


def _refcount(call: Transfer) -> Value:
    """bpf_refcount_acquire(): maybe NULL when its input is a non-owning reference (CONTRACT 4.E)."""
    fact = call.fact(0)
    owning = isinstance(fact, Pointer) and not fact.non_owning
    ctype = fact.ctype if isinstance(fact, Pointer) else None
    return acquired(call, Pointer("alloc", ctype), null=not owning)


def _exchanged(call: Transfer) -> Value:
    """bpf_kptr_xchg() returns what was in the field: an owning reference or NULL (CONTRACT 4.D)."""
    made = kptrs.taken_out(call)
    return acquired(call, made if made is not None else Pointer("kernel", None, trust="trusted"), null=True)


def _slice(call: Transfer) -> Value:
    """A slice: bounded memory that dies with its dynptr, or when the packet changes (CONTRACT 4.I)."""
    size: int | None = None
    for index, param in enumerate(call.contract.params):
        if param.role is Role.CONSTANT_SIZE or (
            "dynptr-data" in call.special and index == 2 and not param.ctype.is_pointer
        ):
            size = call.constant(index)
    slot = call.slot(0)
    packet = slot is not None and slot.kind in PACKET_KINDS
    made = Pointer(
        "memory", size=size, readonly="dynptr-slice" in call.special, packet=packet,
        parent=slot.identity if slot is not None else 0,
    )  # fmt: skip
    return _borrowed(call, made, null=True)


def _map_value(call: Transfer) -> Value:
    made = Pointer("map-value", None)
    definition = map_definition(call.fact(0))
    null: bool | None = None
    if "map-lookup" in call.special and definition is not None:
        if map_number(definition, "type") in SOCKET_MAPS and call.name == "bpf_map_lookup_elem":
            socket = call.run.module.struct.setdefault("bpf_sock", Type("struct", name="bpf_sock"))
            return acquired(call, Pointer("kernel", socket, trust="trusted"), null=True)
        if map_number(definition, "type") in MAPS_OF_MAPS:
            # Which of the maps it is, only this call tells (map_uid).
            inner = inner_definition(definition)
            return _borrowed(call, Pointer("map", inner, map=f"{_map_name(call)} #{call.site}"), null=True)
        target = map_attribute(definition, "value")
        size = target.size or None if target is not None else None
        made = replace(made, ctype=target, size=size, map=_map_name(call))
        key = _constant_key(call, definition)
        if key == "known":
            null = False
        elif key == "placed":
            return _borrowed(call, made, note=PLACED_KEY)
    return _borrowed(call, made, null)


def _cpu_object(call: Transfer) -> Value:
    """bpf_this_cpu_ptr() and bpf_per_cpu_ptr(): one CPU's copy; of objects of the program it is never NULL, and
    protected by RCU (returns_cpu_specific_alloc_ptr)."""
    fact = call.fact(0)
    if isinstance(fact, Pointer) and fact.kind == "percpu" and fact.ctype is not None:
        if fact.trust == "plain" and not fact.reference:  # a field of the kernel that is tagged so
            return _borrowed(call, Pointer("kernel", fact.ctype))
        made = Pointer("alloc", fact.ctype, trust="rcu", origin=call.name, site=call.site)
        return call.run.new(call.state, made)
    return _map_value(call)


def _map_name(call: Transfer) -> str:
    fact = call.fact(0)
    return fact.map if isinstance(fact, Pointer) else ""


def _constant_key(call: Transfer, definition: Type) -> Literal["", "known", "placed"]:
    """A constant key within an array map's bounds gives a value that is not NULL (6.15 on; CONTRACT 2.5).

    "placed": the verifier sees the constant only if the compiler gives it a stack slot of its own.
    """
    kind, entries = map_number(definition, "type"), map_number(definition, "max_entries")
    key = call.memory(1)
    if call.run.kernel < CONSTANT_KEYS_SINCE or kind not in ARRAY_MAPS or not entries or key is None:
        return ""
    pointer = call.fact(1)
    assert isinstance(pointer, Pointer)
    var = call.run.module.globals.get(pointer.origin) if pointer.readonly else None
    if var is not None:
        return "known" if var.value is not None and 0 <= var.value < entries else ""
    value = call.state.read(key[0], key[1], 4)
    fact = call.state.fact(value) if value is not None else None
    if not isinstance(fact, Scalar) or fact.known is None or not 0 <= fact.known < entries:
        return ""
    # Of stack slots the verifier knows zeroes, and whole eight bytes; compilers put a lone int anywhere.
    whole = pointer.size is not None and pointer.size >= 8 and key[1] % 8 == 0
    return "known" if fact.known == 0 or whole else "placed"


def _ring_record(call: Transfer) -> Value:
    return acquired(call, Pointer("memory", None, trust="trusted", size=call.constant(1)), null=True)


def _socket(call: Transfer) -> Value:
    """Socket casts share the reference of their input and die with it (CONTRACT section 7)."""
    fact = call.fact(0)
    reference = fact.reference if isinstance(fact, Pointer) else 0
    made = Pointer(
        "kernel", call.struct_type(call.contract.prototype.result), trust="trusted", reference=reference
    )
    return _borrowed(call, made, null=True)


_SPECIAL: dict[str, Callable[[Transfer], Value]] = {
    "kptr-xchg": _exchanged,
    "current-task-btf": _current_task,
    "cast-to-kern-ctx": _kernel_context,
    "rdonly-cast": _untrusted,
    "untrusted-result": _untrusted,
    "dynptr-slice": _slice,
    "dynptr-slice-rdwr": _slice,
    "dynptr-data": _slice,
    "map-lookup": _map_value,
    "percpu-ptr": _cpu_object,
    "this-cpu-ptr": _cpu_object,
    "ringbuf-reserve": _ring_record,
    "sock-cast": _socket,
    "obj-new": _local_object,
    "percpu-obj-new": _percpu_object,
    "refcount-acquire": _refcount,
    "list-pop": _popped,
    "rbtree-remove": _popped,
    "list-peek": _peeked,
    "rbtree-first": _peeked,
    "rbtree-peek": _peeked,
}
"""Results that the verifier special-cases by name."""
