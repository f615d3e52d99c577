"""Targeted kernels: where the verifier's own rules change, and which kernels need no exploration of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kfuncgen.lint import ir
from kfuncgen.lint.values import plain_name
from kfuncgen.spec.helperprogs import may_call_helper, may_have_helper
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.progargs import ARGUMENTS_CHANGED
from kfuncgen.spec.progtypes import SectionInfo, hook_at, section_info

CALLBACKS_BALANCE_SINCE = Kernel(6, 14)
"""Before, a callback could not release its caller's references, and had to release its own (CONTRACT 3.2)."""

CONSTANT_KEYS_SINCE = Kernel(6, 15)
"""From here on looking up a constant key within an array map's bounds is not maybe-NULL (CONTRACT 2.5)."""

RCU_CHECKED_AT_NEW = Kernel(6, 18)
"""From here on a constructor that needs RCU is refused itself; before it was the first `next` (CONTRACT 4.H)."""

OWNED_NODES_SINCE = Kernel(6, 16)
"""From here on bpf_rbtree_remove() takes a node by an owning reference too (CONTRACT section 8: 6.18 does)."""

RETURNED_REFERENCES_SINCE = Kernel(6, 16)
"""From here on struct_ops programs may return a referenced kernel pointer, which ends their reference."""

GLOBALS_SUMMED_UP_SINCE = Kernel(6, 15)
"""From here on the verifier knows which global functions may sleep; before, none could be called with preemption
or interrupts off, and any in RCU critical sections (CONTRACT section 8)."""

CAST_TO_VOID_SINCE = Kernel(6, 17)
"""From here on bpf_rdonly_cast() takes the type id 0, void (CONTRACT section 8: 6.18 does)."""

TAIL_CALLS_RETURN_SINCE = Kernel(6, 18)
"""From here on a tail call that failed leaves the packet as it was, and one that succeeded in a called function
comes back to its caller with another packet; before, slices ended with the call (seen on 6.18.44)."""

TIMERS_NEVER_SLEEP_SINCE = Kernel(6, 18)
"""From here on callbacks of timers cannot sleep; before, those of sleepable programs could (6.12.117 accepts what
6.18.44 refuses)."""

KFUNC_ADDRESSES_SINCE = Kernel(6, 4)
"""From here on programs may take the address of a kfunc, as bpf_ksym_exists() does (6.1.192 refuses it)."""

_BY_SPECIAL = {
    "async-callback": TIMERS_NEVER_SLEEP_SINCE,
    "sync-callback": CALLBACKS_BALANCE_SINCE,
    "rbtree-add": CALLBACKS_BALANCE_SINCE,
    "rdonly-cast": CAST_TO_VOID_SINCE,
    "map-lookup": CONSTANT_KEYS_SINCE,
    "rbtree-remove": OWNED_NODES_SINCE,
    "rbtree-peek": OWNED_NODES_SINCE,
    "tail-call": TAIL_CALLS_RETURN_SINCE,
}
"""Changes that only calls of functions with these special effects can tell."""


def _gates(module: ir.Module, contracts: Iterable[Contract], sections: Iterable[SectionInfo]) -> list[Kernel]:
    """The changes of the verifier that this module can tell, oldest first."""
    found: set[Kernel] = set()
    for contract in contracts:
        found.update(gate for word, gate in _BY_SPECIAL.items() if word in contract.effects.special)
        if contract.effects.rcu_protected:
            found.add(RCU_CHECKED_AT_NEW)
    if any(function.noinline for function in module.functions.values()):
        found.add(GLOBALS_SUMMED_UP_SINCE)
    if any(declaration.weak for declaration in module.declarations.values()):
        found.add(KFUNC_ADDRESSES_SINCE)
    attached = {info.attach for info in sections}
    if "struct_ops" in attached:
        found.add(RETURNED_REFERENCES_SINCE)
    if attached & {"struct_ops", "tp_btf"}:
        found.update(ARGUMENTS_CHANGED)
    return sorted(found)


def alike(module: ir.Module, specs: SpecSet, kernels: Sequence[Kernel]) -> list[list[Kernel]]:
    """Kernels on which nothing that this module touches differs, together; in the order given.

    One exploration serves a whole group: same contracts of all functions it refers to, same hooks of its
    program types, same side of every change of the verifier that it can tell.
    """
    if len(kernels) < 2:
        return [list(kernels)] if kernels else []
    names = sorted({name for function in module.functions.values() for name in function.calls})
    functions = [f for n in names if (f := specs.get(plain_name(n)) or specs.get(n)) is not None]
    sections = sorted({f.section for f in module.functions.values() if f.section})
    infos = [info for section in sections if (info := section_info(section)) is not None]
    options = [struct for function in functions for _, struct in function.options]
    at = {kernel: [f.at(kernel) for f in functions] for kernel in kernels}
    helpers = [name for name in names if may_have_helper(name)]
    gates = _gates(module, (contract for found in at.values() for contract in found), infos)
    groups: dict[object, list[Kernel]] = {}
    for kernel in kernels:
        key = (
            tuple(f.exists_at(kernel) for f in functions),
            tuple(_content(contract) for contract in at[kernel]),
            tuple(hook_at(info, kernel) for info in infos),
            tuple(struct.sizes_at(kernel) for struct in options),
            tuple(may_call_helper(name, info, kernel) for name in helpers for info in infos),
            tuple(kernel >= gate for gate in gates),
        )
        groups.setdefault(key, []).append(kernel)
    return list(groups.values())


def _content(contract: Contract) -> tuple[object, ...]:
    return (contract.flags, contract.hooks, contract.prototype.text, contract.effects)
