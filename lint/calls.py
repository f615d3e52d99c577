"""The transfer function of contract calls: one for all kfuncs and helpers, driven by the spec (CONTRACT 3.1)."""

from __future__ import annotations

from kfuncgen.lint import availability, dynptrs, graph, ir, iterators, kptrs, licence, locks, regions
from kfuncgen.lint.argument import Arguments
from kfuncgen.lint.arguments import ArgumentChecker
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mapargs import size_of_element
from kfuncgen.lint.options import check_options
from kfuncgen.lint.records import records_of
from kfuncgen.lint.results import result
from kfuncgen.lint.stack import Where, lend
from kfuncgen.lint.state import State
from kfuncgen.lint.targets import CALLBACKS_BALANCE_SINCE, TAIL_CALLS_RETURN_SINCE
from kfuncgen.lint.transfer import Outcome, Transfer, end_reference, forget_memory
from kfuncgen.lint.typeids import check_type_id
from kfuncgen.lint.values import Pointer, Ref, Value
from kfuncgen.records import replace
from kfuncgen.spec.helperargs import helper_arguments
from kfuncgen.spec.helperprogs import helper_kinds, may_call_helper
from kfuncgen.spec.model import Contract, Role
from kfuncgen.spec.progtypes import allowed_sections, allows, refused_operation

_GRAPH = frozenset(
    ("list-push", "list-pop", "list-peek", "rbtree-add", "rbtree-remove", "rbtree-first", "rbtree-peek")
)
_ALLOCATES = frozenset(("obj-new", "percpu-obj-new"))
"""Allocations, which need the program's own BTF."""
_NO_MEMORY = frozenset((Role.DYNPTR, Role.ITERATOR, Role.IRQ_FLAG, Role.CALLBACK, Role.CONST_STRING))
_MEMORY = frozenset(("key", "value", "out-value", "in", "out", "inout"))
"""Words of the arguments of helpers that are memory."""


def call_contract(
    evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value]
) -> Outcome:
    """Apply one call: checks in the verifier's order, then its effects; each outcome is a path."""
    transfer = Transfer(evaluator, state, contract, call, args)
    if not _available(transfer) or not regions.may_be_called(transfer):
        return [(state, transfer.any_result())]
    checker = ArgumentChecker(transfer)
    if checker.check():
        check_options(evaluator, state, contract, call, args)
        if transfer.special & _GRAPH and not graph.check(transfer):
            graph.give_up(transfer)
            return [(state, transfer.any_result())]
        if not check_type_id(transfer):
            return [(state, transfer.nothing())]
        if "kptr-xchg" in transfer.special and not kptrs.check(transfer):
            _release(transfer)
            return [(state, transfer.nothing())]
        if transfer.special & locks.LOCKING and all(transfer.argument(0) != held.value for held in state.locks):
            locks.check(transfer)
        if transfer.special & _ALLOCATES and records_of(transfer.run.module).refusal():
            transfer.report(Fault.SPECIAL_FIELD_DECLARATION, {"why": records_of(transfer.run.module).refusal()})
            return [(state, transfer.nothing())]
        _lend(transfer, checker)
    _forget_written(transfer)
    state.loads.clear()
    if transfer.special & {"throw", "tail-call"}:
        regions.leave_for_good(transfer)
        if "tail-call" in transfer.special and transfer.run.kernel < TAIL_CALLS_RETURN_SINCE:
            dynptrs.change_packet(state, transfer.name, transfer.site)
        return [] if "throw" in transfer.special else [(state, transfer.any_result())]
    if transfer.special & {"res-spin-lock", "res-spin-lock-irqsave"}:
        return regions.try_lock(transfer)
    regions.switch(transfer)
    if transfer.effects.iterator:
        return iterators.iterator(transfer)
    dynptrs.dynptrs(transfer)
    if "async-callback" in transfer.special:
        _hand_over(transfer)
    _release(transfer)
    if transfer.special & {"list-push", "rbtree-add"}:
        _insert(transfer)
    return [(state, result(transfer))]


def _hand_over(call: Transfer) -> None:
    """A callback for later: timers run it without sleeping, workqueues and task work may sleep."""
    place = next((f for i in range(len(call.args)) if isinstance(f := call.fact(i), Pointer) and f.map), None)
    for index in range(len(call.args)):
        fact = call.fact(index)
        if isinstance(fact, Pointer) and fact.kind == "function" and fact.origin in call.run.module.functions:
            call.run.later.add((fact.origin, "timer" not in call.name, place.map if place is not None else ""))


def admit(call: Transfer) -> bool:
    """Whether a call is allowed here and its arguments are good: all checks, no effects."""
    return _available(call) and regions.may_be_called(call) and ArgumentChecker(call).check()


def _available(call: Transfer) -> bool:
    """Whether licence and program type allow the kfunc (CONTRACT 3.1 steps 2 and 3)."""
    if not call.contract.is_kfunc:
        return _may_call_helper(call) and licence.may_call(call)
    if not availability.check_call(call):
        return True
    if not licence.may_call(call):
        return False
    info = call.run.program.info
    if info is None or info.program_type == "BPF_PROG_TYPE_EXT" or allows(call.contract, info, call.run.kernel):
        implements = call.run.module.struct_ops.get(call.run.program.function.name)
        instead = refused_operation(call.contract, *implements) if implements is not None else ""
        if info is None or not instead:
            return True
        call.report(Fault.NOT_ALLOWED, {"section": info.section, "sections": instead})
        return False
    where = allowed_sections(call.contract, call.run.kernel)
    call.report(Fault.NOT_ALLOWED, {"section": info.section, "sections": ", ".join(where[:6])})
    return False


def _may_call_helper(call: Transfer) -> bool:
    """Whether programs of this kind have the helper at all (check_helper_call())."""
    info, kernel = call.run.program.info, call.run.kernel
    if info is None or may_call_helper(call.name, info, kernel) is not False:
        return True
    kinds = helper_kinds(call.name, kernel)
    call.report(Fault.HELPER_NOT_ALLOWED, {"section": info.section, "sections": ", ".join(kinds[:6])})
    return False


def _forget_written(call: Transfer) -> None:
    """Memory handed over for writing holds unknown values afterwards."""
    handled = {i for i, _ in call.contract.function.options}
    for index, param in enumerate(call.contract.params):
        if index in handled or not param.ctype.is_pointer or param.role in _NO_MEMORY:
            continue
        if index < len(call.args) and not (param.ctype.pointee is not None and param.ctype.pointee.const):
            forget_memory(call.state, call.args[index], _lent(call, index))
    for region in [r for r in call.state.regions if r < 0]:
        # Other programs may write the same globals meanwhile.
        del call.state.regions[region]


def _lend(call: Transfer, arguments: Arguments) -> None:
    """Memory arguments must not be iterators, dynptrs or saved flags: those are no memory."""
    where = Where(call.run, call.call.span, call.evaluator.function.name, call.name, call.site)
    info = call.run.program.info
    wants = () if call.contract.is_kfunc else helper_arguments(call.name, info.program_type if info else "") or ()
    for index, param in enumerate(call.contract.params[: len(call.args)]):
        if not param.ctype.is_pointer or param.role in _NO_MEMORY or param.role in (Role.IGNORED, Role.PROG_AUX):
            continue
        size, written = _lent(call, index), False
        if index < len(wants):
            if wants[index].word not in _MEMORY:
                continue
            written = wants[index].word in ("out", "out-value")
            size = wants[index].size or size or size_of_element(arguments, wants[index].word)
        lend(where, call.state, call.args[index], size, written)


def _lent(call: Transfer, index: int) -> int | None:
    """How many bytes a pointer argument lends, None when not known."""
    param = call.contract.params[index]
    if param.size_param is not None:
        return call.constant(param.size_param)
    if param.ctype.pointee is not None and param.ctype.pointee.size:
        return param.ctype.pointee.size
    prototype = call.call.prototype
    if prototype is not None and index < len(prototype.params):
        target = prototype.params[index].target
        return (target.size or None) if target is not None else None
    return None


def _insert(call: Transfer) -> None:
    """List and rbtree insertion: the node's owning reference becomes a non-owning one in every alias, although
    the call may fail at run time (CONTRACT 3.1 step 9)."""
    node = call.fact(1)
    if not isinstance(node, Pointer) or not node.reference:
        return
    value = call.argument(1)
    assert isinstance(value, Ref)
    call.state.step("release", call.call.span, f"'{call.name_of(1)}' handed over here", value.id)
    call.state.references.pop(node.reference, None)
    for identifier, fact in list(call.state.facts.items()):
        if isinstance(fact, Pointer) and fact.reference == node.reference:
            call.state.facts[identifier] = replace(fact, reference=0, non_owning=True)


def _release(call: Transfer) -> None:
    """Consume the referenced argument: every alias becomes a scalar (CONTRACT 3.1 step 8)."""
    index = call.effects.releases
    if index is None and "kptr-xchg" in call.special:
        index = 1
    if index is None:
        return
    value, fact = call.argument(index), call.fact(index)
    if not isinstance(fact, Pointer) or not fact.reference or not isinstance(value, Ref):
        return
    reference = call.state.references.get(fact.reference)
    if (
        reference is not None
        and reference.callback < call.evaluator.callback
        and call.run.kernel < CALLBACKS_BALANCE_SINCE
    ):
        words = {"var": call.name_of(index)}
        call.report(Fault.RELEASE_IN_CALLBACK, words, reference.holder, reference.site)
    subject = reference.holder if reference is not None and reference.holder else value.id
    call.state.step("release", call.call.span, f"'{call.name_of(index)}' released here", subject)
    if "kptr-xchg" in call.special:
        kptrs.keep_percpu(call, fact.reference)
    end_reference(call.state, fact.reference, call.name, call.site)
