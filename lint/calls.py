"""The transfer function of contract calls: one for all kfuncs and helpers, driven by the spec (CONTRACT 3.1)."""

from __future__ import annotations

from dataclasses import replace

from kfuncgen.lint import ir
from kfuncgen.lint.arguments import ArgumentChecker
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.options import check_options
from kfuncgen.lint.state import Reference, Slot, State
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import ANY, Pointer, Ref, Scalar, Trust, Value, dead, scalar_of
from kfuncgen.spec.model import Contract, CType, Kernel, Role
from kfuncgen.spec.progtypes import allowed_sections, allows

Outcome = list[tuple[State, Value]]

_ARRAY_MAPS = (2, 6)
"""BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY."""
_CONSTANT_KEYS_SINCE = Kernel(6, 15)


def call_contract(
    evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value]
) -> Outcome:
    """Apply one call: checks in the verifier's order, then its effects; each outcome is a path."""
    return _Transfer(evaluator, state, contract, call, args).apply()


class _Transfer:
    def __init__(
        self, evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value]
    ) -> None:
        self.evaluator = evaluator
        self.run = evaluator.run
        self.state = state
        self.contract = contract
        self.effects = contract.effects
        self.special = contract.effects.special
        self.call = call
        self.args = args
        self.site = self.run.site(call, evaluator.function.name)

    def apply(self) -> Outcome:
        state = self.state
        if not self._available():
            return [(state, self._unknown_result())]
        ok = ArgumentChecker(self.evaluator, state, self.contract, self.call, self.args).check()
        if ok:
            check_options(self.evaluator, state, self.contract, self.call, self.args)
        self._write_memory()
        if self.special & {"throw", "tail-call"}:
            return self._leave()
        self._regions()
        if self.effects.iterator:
            return self._iterator(ok)
        if any(p.role is Role.DYNPTR for p in self.contract.params):
            self._dynptrs(ok)
        self._release()
        return self._result()

    # -- may it be called at all --------------------------------------------------------------------------

    def _available(self) -> bool:
        if not self.contract.is_kfunc:
            return True
        info = self.run.program.info
        name = self.contract.name
        module = self.run.module
        if not self.contract.function.exists_at(self.run.kernel):
            return True
        if module.licence is not None and not _gpl_compatible(module.licence):
            self.run.report(
                self.state, Fault.LICENCE, self.call.span, self.evaluator.function.name,
                words={"kfunc": name, "licence": module.licence},
            )  # fmt: skip
            return False
        if info is None or self.run.program.kind == "async":
            return True
        if info.program_type == "BPF_PROG_TYPE_EXT" or allows(self.contract, info, self.run.kernel):
            return True
        where = allowed_sections(self.contract, self.run.kernel)
        self.run.report(
            self.state, Fault.NOT_ALLOWED, self.call.span, self.evaluator.function.name,
            words={"kfunc": name, "section": info.section, "sections": ", ".join(where[:6])},
        )  # fmt: skip
        return False

    # -- effects -----------------------------------------------------------------------------------------

    def _write_memory(self) -> None:
        """Memory handed over for writing holds unknown values afterwards."""
        handled = {i for i, _ in self.contract.function.options}
        for index, param in enumerate(self.contract.params):
            if index >= len(self.args) or index in handled or not param.ctype.is_pointer:
                continue
            if param.role in (Role.DYNPTR, Role.ITERATOR, Role.IRQ_FLAG, Role.CALLBACK, Role.CONST_STRING):
                continue
            if param.ctype.pointee is not None and param.ctype.pointee.const:
                continue
            forget_memory(self.state, self.args[index], self._written(index))
        for region in [r for r in self.state.regions if r < 0]:
            # The kernel may run other programs that write the same globals.
            del self.state.regions[region]

    def _written(self, index: int) -> int | None:
        """How many bytes a pointer argument lends, None when not known."""
        param = self.contract.params[index]
        if param.size_param is not None and param.size_param < len(self.args):
            fact = self.state.fact(self.args[param.size_param])
            return fact.known if isinstance(fact, Scalar) else None
        pointee = param.ctype.pointee
        if pointee is not None and pointee.size:
            return pointee.size
        prototype = self.call.prototype
        if prototype is not None and index < len(prototype.params):
            target = prototype.params[index].target
            return target.size or None if target is not None else None
        return None

    def _regions(self) -> None:
        state = self.state
        if "rcu-lock" in self.special:
            state.rcu += 1
            state.step("region", self.call.span, "RCU read lock taken")
        elif "rcu-unlock" in self.special and state.rcu:
            state.rcu -= 1
            if state.rcu == 0:
                for identifier, fact in list(state.facts.items()):
                    if isinstance(fact, Pointer) and fact.trust == "rcu" and not fact.reference:
                        state.facts[identifier] = replace(fact, trust="untrusted", null=False)
        elif "preempt-disable" in self.special:
            state.preempt += 1
        elif "preempt-enable" in self.special and state.preempt:
            state.preempt -= 1
        elif "irq-save" in self.special:
            state.irq = (*state.irq, self.site)
        elif "irq-restore" in self.special and state.irq:
            state.irq = state.irq[:-1]
        elif "spin-lock" in self.special:
            state.locks = (*state.locks, self.site)
        elif "spin-unlock" in self.special and state.locks:
            state.locks = state.locks[:-1]
            for identifier, fact in list(state.facts.items()):
                if isinstance(fact, Pointer) and fact.non_owning:
                    state.facts[identifier] = dead("stale", fact, self.contract.name, self.site)

    def _leave(self) -> Outcome:
        """bpf_throw() and bpf_tail_call(): nothing may be held when they are reached (CONTRACT 3.2)."""
        state = self.state
        held = [r for r in state.references.values()]
        what = ""
        site = 0
        subject = 0
        if held:
            site, subject = held[0].site, held[0].holder
            what = f"'{self.run.names.get(subject, 'a reference')}' from {held[0].kfunc}() is held"
        elif state.locks:
            what = "a bpf_spin_lock is held"
        elif state.rcu:
            what = "an RCU read lock is held"
        elif state.preempt:
            what = "preemption is disabled"
        elif state.irq:
            what = "interrupts are disabled"
        if what:
            self.run.report(
                state, Fault.THROW_WITH_RESOURCES, self.call.span, self.evaluator.function.name,
                subject, site, words={"kfunc": self.contract.name, "what": what},
            )  # fmt: skip
            state.references.clear()
        if "throw" in self.special:
            return []
        return [(state, self._unknown_result())]

    def _release(self) -> bool:
        """Consume the referenced argument: every alias becomes a scalar (CONTRACT 3.1 step 8)."""
        index = self.effects.releases
        if index is None and "kptr-xchg" in self.special:
            index = 1
        if index is None or index >= len(self.args):
            return False
        value = self.args[index]
        fact = self.state.fact(value)
        if not isinstance(fact, Pointer) or not fact.reference or not isinstance(value, Ref):
            return False
        name = self.run.name_of(value)
        holder = self.state.references[fact.reference].holder if fact.reference in self.state.references else 0
        self.state.step("release", self.call.span, f"'{name}' released here", holder or value.id)
        end_reference(self.run, self.state, fact.reference, self.contract.name, self.site)
        return True

    # -- iterators ---------------------------------------------------------------------------------------

    def _iterator(self, ok: bool) -> Outcome:
        state, value = self.state, self.args[0] if self.args else 0
        fact = state.fact(value)
        if not isinstance(fact, Pointer) or fact.region is None or not isinstance(value, Ref) or value.offset is None:
            return [(state, self._unknown_result())]
        key = (fact.region, value.offset)
        slot = state.slots.get(key)
        kind = self.effects.iterator
        if kind == "new":
            reference = self.run.fresh()
            state.references[reference] = Reference(self.site, self.contract.name, 0, "iterator")
            state.slots[key] = Slot("iterator", self.contract.name.rsplit("_", 1)[0], reference)
            self.run.names[reference] = fact.origin or "iterator"
            state.step("acquire", self.call.span, f"iterator '{fact.origin}' created here", reference)
            return [(state, self._plain_result())]
        if kind == "destroy":
            if slot is not None:
                state.references.pop(slot.reference, None)
                state.slots.pop(key, None)
                for identifier, other in list(state.facts.items()):
                    if isinstance(other, Pointer) and other.parent == slot.reference:
                        state.facts[identifier] = dead("stale", other, self.contract.name, self.site)
            return [(state, self._plain_result())]
        if slot is None:
            return [(state, self._unknown_result())]
        drained = state.copy()
        drained.slots[key] = replace(slot, drained=True)
        drained.step("assume", self.call.span, f"iterator '{fact.origin}' has no more elements")
        outcomes: Outcome = []
        if not slot.drained:
            made = self._element(slot)
            outcomes.append((state, self.run.new(state, made)))
        outcomes.append((drained, 0))
        return outcomes

    def _element(self, slot: Slot) -> Pointer | Scalar:
        result = self.contract.prototype.result
        struct = result.struct_name
        if struct:
            protected = any(
                c is not None and c.effects.rcu_protected
                for c in (self.run.contract(f"{slot.kind}_new"),)
            )
            trust: Trust = "rcu" if protected else "trusted"
            return Pointer("kernel", self._type(result), trust=trust, origin=self.contract.name, site=self.site)
        size = result.pointee.size if result.pointee is not None else 0
        return Pointer(
            "memory", trust="trusted", size=size or None, readonly=True, parent=slot.reference,
            origin=self.contract.name, site=self.site,
        )  # fmt: skip

    # -- dynptrs -----------------------------------------------------------------------------------------

    def _dynptrs(self, ok: bool) -> None:
        state = self.state
        for index, param in enumerate(self.contract.params):
            if param.role is not Role.DYNPTR or index >= len(self.args):
                continue
            value = self.args[index]
            fact = state.fact(value)
            if not isinstance(fact, Pointer) or fact.region is None or not isinstance(value, Ref):
                continue
            if value.offset is None:
                continue
            key = (fact.region, value.offset)
            if param.uninit:
                state.fill(fact.region, value.offset, 16, "unknown", fact.size or 16)
                reference = 0
                if "dynptr-from-ringbuf" in self.special:
                    reference = self.run.fresh()
                    state.references[reference] = Reference(self.site, self.contract.name, 0, "dynptr")
                    self.run.names[reference] = fact.origin or "dynptr"
                    state.step("acquire", self.call.span, f"dynptr '{fact.origin}' reserved here", reference)
                elif "dynptr-clone" in self.special:
                    source = self._slot_of(0)
                    reference = source.reference if source is not None else 0
                kind = next((s for s in sorted(self.special) if s.startswith("dynptr-from-")), "")
                state.slots[key] = Slot("dynptr", kind, reference, identity=self.run.fresh())
            elif "dynptr-release-ringbuf" in self.special:
                slot = state.slots.get(key)
                if slot is None or not slot.reference:
                    continue
                state.references.pop(slot.reference, None)
                state.step("release", self.call.span, f"dynptr '{fact.origin}' released here", slot.reference)
                for other in [k for k, s in state.slots.items() if s.reference == slot.reference]:
                    self._stale(state.slots.pop(other).identity)

    def _slot_of(self, index: int) -> Slot | None:
        if index >= len(self.args):
            return None
        value = self.args[index]
        fact = self.state.fact(value)
        if isinstance(fact, Pointer) and fact.region is not None and isinstance(value, Ref) and value.offset is not None:
            return self.state.slots.get((fact.region, value.offset))
        return None

    def _stale(self, identity: int) -> None:
        for identifier, fact in list(self.state.facts.items()):
            if isinstance(fact, Pointer) and fact.parent == identity and identity:
                self.state.facts[identifier] = dead("stale", fact, self.contract.name, self.site)

    # -- result ------------------------------------------------------------------------------------------

    def _type(self, ctype: CType) -> Type | None:
        """The program's own type for a struct pointer of a prototype."""
        name = ctype.struct_name
        prototype = self.call.prototype
        if prototype is not None and prototype.target is not None and prototype.target.is_pointer:
            target = prototype.target.target
            if target is not None and target.kind in ("struct", "union"):
                return target
        return self.run.module.struct.get(name) if name else None

    def _unknown_result(self) -> Value:
        ctype = self.call.ctype
        return self.run.new(self.state, scalar_of(ctype) if ctype.is_integer else ANY)

    def _plain_result(self) -> Value:
        return self._unknown_result()

    def _result(self) -> Outcome:
        state = self.state
        result = self.contract.prototype.result
        name = self.contract.name
        if "kptr-xchg" in self.special:
            return [(state, self._exchanged())]
        if "current-task-btf" in self.special:
            return [(state, self._pointer("kernel", self._type(result), "trusted"))]
        if not result.is_pointer:
            return [(state, self._unknown_result())]
        if "cast-to-kern-ctx" in self.special:
            return [(state, self._pointer("kernel", None, "trusted"))]
        if "rdonly-cast" in self.special:
            return [(state, self._pointer("kernel", None, "untrusted"))]
        if self.special & {"dynptr-slice", "dynptr-slice-rdwr", "dynptr-data"}:
            return [(state, self._slice())]
        if self.special & {"map-lookup", "percpu-ptr", "this-cpu-ptr"}:
            return [(state, self._map_value(result))]
        if "ringbuf-reserve" in self.special:
            return [(state, self._ring_record())]
        if "sock-cast" in self.special:
            return [(state, self._socket(result))]
        if self.special & {"obj-new", "percpu-obj-new"}:
            kind = "alloc" if "obj-new" in self.special else "percpu"
            return [(state, self._acquired(Pointer(kind, None, trust="plain")))]
        if "refcount-acquire" in self.special:
            return [(state, self._refcount())]
        if self.special & {"list-pop", "rbtree-remove"}:
            return [(state, self._acquired(Pointer("alloc", None, trust="plain")))]
        if self.special & {"list-peek", "rbtree-first", "rbtree-peek"}:
            return [
                (state, self.run.new(state, Pointer("alloc", None, null=True, non_owning=True, origin=name, site=self.site)))
            ]
        if self.effects.acquires:
            return [(state, self._acquired(Pointer("kernel", self._type(result), trust="trusted")))]
        if result.struct_name:
            trust: Trust = "trusted" if not self.contract.is_kfunc else "plain"
            return [(state, self._pointer("kernel", self._type(result), trust))]
        if result.pointee is not None and result.pointee.kind in ("int", "bool"):
            made = Pointer(
                "memory", null=self.effects.may_be_null, trust="trusted", size=result.pointee.size or None,
                readonly="session-cookie" not in self.special, origin=name, site=self.site,
            )  # fmt: skip
            return [(state, self.run.new(state, made))]
        return [(state, self._unknown_result())]

    def _pointer(self, kind: str, ctype: Type | None, trust: Trust) -> Value:
        made = Pointer(
            "kernel", ctype, null=self.effects.may_be_null, trust=trust, origin=self.contract.name, site=self.site
        )
        del kind
        return self.run.new(self.state, made)

    def _acquired(self, made: Pointer, null: bool | None = None) -> Value:
        """A new reference; the value that carries it."""
        state = self.state
        reference = self.run.fresh()
        may_be_null = self.effects.may_be_null if null is None else null
        value = self.run.new(
            state, replace(made, null=may_be_null, reference=reference, origin=self.contract.name, site=self.site)
        )
        assert isinstance(value, Ref)
        state.references[reference] = Reference(self.site, self.contract.name, value.id)
        text = "acquired here, may be NULL" if may_be_null else "acquired here"
        state.step("acquire", self.call.span, text, value.id)
        return value

    def _exchanged(self) -> Value:
        """bpf_kptr_xchg() returns what was in the field: an owning reference or NULL (CONTRACT 4.D)."""
        field = self.args[0] if self.args else 0
        fact = self.state.fact(field)
        ctype = None
        target = self.call.args[0] if self.call.args else None
        while isinstance(target, ir.Cast):
            target = target.operand
        if isinstance(target, ir.AddressOf) and target.place.ctype.is_pointer:
            ctype = target.place.ctype.target
        from kfuncgen.lint.walk import KERNEL_KPTRS

        kernel = ctype is not None and ctype.name in KERNEL_KPTRS
        del fact
        return self._acquired(Pointer("kernel" if kernel else "alloc", ctype, trust="trusted"), null=True)

    def _slice(self) -> Value:
        size: int | None = None
        for index, param in enumerate(self.contract.params):
            if param.role is Role.CONSTANT_SIZE or (
                "dynptr-data" in self.special and index == 2 and not param.ctype.is_pointer
            ):
                fact = self.state.fact(self.args[index]) if index < len(self.args) else None
                size = fact.known if isinstance(fact, Scalar) else None
        slot = self._slot_of(0)
        made = Pointer(
            "memory", null=True, trust="trusted", size=size, readonly="dynptr-slice" in self.special,
            parent=slot.identity if slot is not None else 0, origin=self.contract.name, site=self.site, packet=True,
        )  # fmt: skip
        return self.run.new(self.state, made)

    def _map_value(self, result: CType) -> Value:
        null = self.effects.may_be_null
        definition = self._map()
        made = Pointer("map-value", None, null=null, trust="trusted", origin=self.contract.name, site=self.site)
        if "map-lookup" in self.special and definition is not None:
            target = _map_attribute(definition, "value")
            made = replace(made, ctype=target, size=target.size or None if target is not None else None)
            if self._constant_key(definition):
                made = replace(made, null=False)
        return self.run.new(self.state, made)

    def _map(self) -> Type | None:
        """The definition of the map that is the first argument, when it is one of this source."""
        fact = self.state.fact(self.args[0]) if self.args else ANY
        if not isinstance(fact, Pointer) or fact.kind != "map":
            return None
        found = self.run.module.globals.get(fact.origin)
        return found.ctype if found is not None and found.section == ".maps" else None

    def _constant_key(self, definition: Type) -> bool:
        """A constant key within an array map's bounds gives a value that is not NULL (6.15 on; CONTRACT 2.5)."""
        kind, entries = _map_number(definition, "type"), _map_number(definition, "max_entries")
        if self.run.kernel < _CONSTANT_KEYS_SINCE or kind not in _ARRAY_MAPS or len(self.args) < 2 or not entries:
            return False
        key = self.args[1]
        fact = self.state.fact(key)
        if not isinstance(fact, Pointer) or fact.region is None or not isinstance(key, Ref) or key.offset is None:
            return False
        value = self.state.read(fact.region, key.offset, 4)
        known = self.state.fact(value).known if value is not None and not self._is_pointer(value) else None
        return known is not None and 0 <= known < entries

    def _is_pointer(self, value: Value) -> bool:
        return isinstance(self.state.fact(value), Pointer)

    def _ring_record(self) -> Value:
        size = None
        if len(self.args) > 1:
            fact = self.state.fact(self.args[1])
            size = fact.known if isinstance(fact, Scalar) else None
        return self._acquired(Pointer("memory", None, trust="trusted", size=size), null=True)

    def _socket(self, result: CType) -> Value:
        """Socket casts share the reference of their input and die with it (CONTRACT section 7)."""
        fact = self.state.fact(self.args[0]) if self.args else ANY
        reference = fact.reference if isinstance(fact, Pointer) else 0
        made = Pointer(
            "kernel", self._type(result), null=True, trust="trusted", reference=reference,
            origin=self.contract.name, site=self.site,
        )  # fmt: skip
        return self.run.new(self.state, made)

    def _refcount(self) -> Value:
        fact = self.state.fact(self.args[0]) if self.args else ANY
        owning = isinstance(fact, Pointer) and bool(fact.reference)
        ctype = fact.ctype if isinstance(fact, Pointer) else None
        return self._acquired(Pointer("alloc", ctype, trust="plain"), null=not owning)


def _map_attribute(definition: Type, name: str) -> Type | None:
    """What `__type(name, T)` in a map definition says: the field is a pointer to T."""
    for field in definition.fields:
        if field.name == name and field.ctype.is_pointer:
            return field.ctype.target
    return None


def _map_number(definition: Type, name: str) -> int:
    """What `__uint(name, N)` in a map definition says: the field is a pointer to an array of N."""
    target = _map_attribute(definition, name)
    return target.count if target is not None and target.kind == "array" else 0


def end_reference(run: object, state: State, reference: int, by: str, site: int) -> None:
    """A reference ends: all pointers that carry it are scalars from here on."""
    state.references.pop(reference, None)
    for identifier, fact in list(state.facts.items()):
        if isinstance(fact, Pointer) and fact.reference == reference:
            state.facts[identifier] = dead("released", fact, by, site)


def forget_memory(state: State, value: Value, size: int | None = None) -> None:
    """Modelled memory that somebody else may write: its content is unknown afterwards."""
    fact = state.fact(value)
    if not isinstance(fact, Pointer) or fact.region is None or fact.kind not in ("stack", "map-value"):
        return
    if fact.region not in state.regions and fact.region < 0:
        return
    slots = {k: s for k, s in state.slots.items() if k[0] == fact.region}
    offset = value.offset if isinstance(value, Ref) else None
    state.fill(fact.region, offset or 0, size if offset is not None else None, "unknown", fact.size or 0)
    state.slots.update(slots)


def _gpl_compatible(licence: str) -> bool:
    """license_is_gpl_compatible() (include/linux/license.h)."""
    return licence in (
        "GPL",
        "GPL v2",
        "GPL and additional rights",
        "Dual BSD/GPL",
        "Dual MIT/GPL",
        "Dual MPL/GPL",
    )
