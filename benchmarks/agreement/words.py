"""What functions do to references, locks and iterators, as far as mutations must know: taken from the specs."""

from __future__ import annotations

from dataclasses import dataclass

from kfuncgen.spec.model import SpecSet

_UNLOCKS = frozenset(
    ("spin-unlock", "res-spin-unlock", "res-spin-unlock-irqrestore", "rcu-unlock", "preempt-enable", "irq-restore")
)
_LOCKS = frozenset(
    ("spin-lock", "res-spin-lock", "res-spin-lock-irqsave", "rcu-lock", "preempt-disable", "irq-save")
)
_TRANSFERS = frozenset(("list-push", "rbtree-add"))
"""Calls that take their second argument's reference over."""

_MACROS = {
    "bpf_obj_drop": "bpf_obj_drop_impl",
    "bpf_percpu_obj_drop": "bpf_percpu_obj_drop_impl",
    "bpf_list_push_front": "bpf_list_push_front_impl",
    "bpf_list_push_back": "bpf_list_push_back_impl",
    "bpf_rbtree_add": "bpf_rbtree_add_impl",
    "bpf_obj_new": "bpf_obj_new_impl",
    "bpf_percpu_obj_new": "bpf_percpu_obj_new_impl",
    "bpf_refcount_acquire": "bpf_refcount_acquire_impl",
}
"""What bpf_experimental.h calls them: a mutation sees the text that a person wrote."""


@dataclass(frozen=True, slots=True)
class Words:
    """Names of functions by what they do; `known` are all that have a contract."""

    known: frozenset[str]
    releases: frozenset[str]
    transfers: frozenset[str]
    acquires: frozenset[str]
    unlocks: frozenset[str]
    locks: frozenset[str]
    constructors: frozenset[str]
    destructors: frozenset[str]

    @property
    def ends(self) -> frozenset[str]:
        """Calls behind which something may no longer be used."""
        return self.releases | self.transfers | self.unlocks | self.destructors


def words(specs: SpecSet) -> Words:
    """The names of `specs` at its newest kernel, macros of bpf_experimental.h among them."""
    contracts = {name: function.at(specs.newest) for name, function in specs.functions.items()}
    for macro, name in _MACROS.items():
        if name in contracts:
            contracts[macro] = contracts[name]
    effects = {name: contract.effects for name, contract in contracts.items()}
    return Words(
        known=frozenset(effects),
        releases=frozenset(n for n, e in effects.items() if e.releases is not None),
        transfers=frozenset(n for n, e in effects.items() if e.special & _TRANSFERS),
        acquires=frozenset(n for n, e in effects.items() if e.acquires),
        unlocks=frozenset(n for n, e in effects.items() if e.special & _UNLOCKS),
        locks=frozenset(n for n, e in effects.items() if e.special & _LOCKS),
        constructors=frozenset(n for n, e in effects.items() if e.iterator == "new"),
        destructors=frozenset(n for n, e in effects.items() if e.iterator == "destroy"),
    )
