"""Which rules a call of a function can break, by its contract: `reasons` from effects and parameters.

Not a second judge: pages use it to name rules beside kfuncs, and a test compares it with what the linter finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kfuncgen.spec.model import Contract, Param, Role

EVERY_KFUNC = (
    "kfunc-not-allowed",
    "kfunc-missing",
    "unguarded-kfunc",
    "missing-ksym",
    "kfunc-signature",
    "weak-kfunc-signature",
    "kfunc-address",
    "gpl-license",
    "kernel-requirement",
    "loader-requirement",
    "call-under-lock",
)
"""Rules that any call of a kfunc can break, whatever its contract says."""

EVERY_HELPER = ("helper-not-allowed", "gpl-license", "kernel-requirement", "loader-requirement", "call-under-lock")
"""The same of helpers."""

ANY_POINTER = ("null-argument", "use-after-release", "uninitialised-argument", "user-deref")
OBJECT = ("not-kernel-pointer", "argument-type-mismatch", "context-argument")
MEMORY = (
    *("memory-argument", "buffer-size", "read-only-argument", "special-field-access"),
    *("dynptr-overwrite", "dynptr-raw-access", "iter-raw-access"),
)
GRAPH = ("graph-lock-not-held", "graph-wrong-lock", "special-field-prog-type", "special-field-decl")
NODE = ("graph-node-offset", "graph-node-type", "null-argument")
MAP_FIELD = ("map-field-argument", "special-field-prog-type", "special-field-decl", "null-argument")
SLICE = ("dynptr-stale-slice", "mem-bounds", "unchecked-null")
HELD = ("unreleased-reference", "throw-with-resources", "use-after-release")
OWNED = (*HELD, "double-release", "release-unacquired")

ROLES: Mapping[Role, tuple[str, ...]] = {
    Role.SCALAR: ("scalar-argument", "uninitialised-argument"),
    Role.CONSTANT: ("non-constant-argument", "scalar-argument"),
    Role.SIZE: ("buffer-size", "scalar-argument"),
    Role.CONSTANT_SIZE: ("non-constant-argument", "buffer-size"),
    Role.RETURN_SIZE: ("non-constant-argument", "mem-bounds"),
    Role.IGNORED: (),
    Role.PROG_AUX: (),
    Role.ALLOC: ("drop-kind", "release-nonzero-offset", "owning-ref-required"),
    Role.REFCOUNTED: ("refcount-argument",),
    Role.DYNPTR: ("dynptr-not-stack", "dynptr-uninit", "dynptr-const", "dynptr-raw-access"),
    Role.ITERATOR: ("iter-not-stack", "iter-uninit", "iter-raw-access"),
    Role.LIST_HEAD: (*GRAPH, "graph-node-offset"),
    Role.LIST_NODE: NODE,
    Role.RB_ROOT: (*GRAPH, "graph-node-offset"),
    Role.RB_NODE: NODE,
    Role.CONST_STRING: ("const-string-argument",),
    Role.MAP: ("map-argument",),
    Role.WORKQUEUE: MAP_FIELD,
    Role.TIMER: MAP_FIELD,
    Role.TASK_WORK: MAP_FIELD,
    Role.IRQ_FLAG: ("irq-unbalanced",),
    Role.RES_SPIN_LOCK: ("res-lock", "lock-bad-arg"),
    Role.CALLBACK: ("callback-argument", "return-range", "null-argument"),
    Role.POINTER: (),
}
"""What an argument for such a parameter can be wrong in."""

SPECIALS: Mapping[str, tuple[str, ...]] = {
    "rcu-lock": ("rcu-unbalanced", "sleepable-in-atomic"),
    "rcu-unlock": ("rcu-unbalanced", "not-rcu-argument", "untrusted-argument"),
    "preempt-disable": ("preempt-unbalanced", "sleepable-in-atomic", "global-call-in-region"),
    "preempt-enable": ("preempt-unbalanced",),
    "irq-save": ("irq-unbalanced", "sleepable-in-atomic"),
    "irq-restore": ("irq-unbalanced",),
    "spin-lock": ("lock-unbalanced", "lock-bad-arg", "call-under-lock", *MAP_FIELD),
    "spin-unlock": ("lock-unbalanced", "lock-bad-arg", "use-after-unlock", "rbtree-cb-misuse"),
    "res-spin-lock": ("res-lock",),
    "res-spin-unlock": ("res-lock",),
    "res-spin-lock-irqsave": ("res-lock", "irq-unbalanced"),
    "res-spin-unlock-irqrestore": ("res-lock", "irq-unbalanced"),
    "throw": ("throw-with-resources", "throw-in-callback", "exception-cb", "return-range"),
    "tail-call": ("throw-with-resources",),
    "sync-callback": ("callback-argument", "return-range", "release-in-callback"),
    "async-callback": ("callback-argument", "return-range"),
    "obj-new": (*OWNED, "type-id-argument", "unchecked-null", "special-field-decl"),
    "obj-drop": (*OWNED, "drop-kind", "release-nonzero-offset", "owning-ref-required", "null-argument"),
    "percpu-obj-new": (*OWNED, "type-id-argument", "percpu-deref", "unchecked-null"),
    "percpu-obj-drop": (*OWNED, "drop-kind"),
    "refcount-acquire": (*OWNED, "refcount-argument", "unchecked-null"),
    "list-push": ("owning-ref-required", "use-after-unlock", *OWNED),
    "list-pop": (*OWNED, "unchecked-null", "owning-ref-required"),
    "list-peek": ("unchecked-null", "use-after-unlock"),
    "rbtree-add": ("owning-ref-required", "use-after-unlock", "rbtree-cb-misuse", "callback-argument", *OWNED),
    "rbtree-remove": (*OWNED, "non-owning-required", "unchecked-null", "null-node", "rbtree-cb-misuse"),
    "rbtree-first": ("unchecked-null", "use-after-unlock", "rbtree-cb-misuse"),
    "rbtree-peek": ("unchecked-null", "use-after-unlock", "non-owning-required", "null-node", "rbtree-cb-misuse"),
    "kptr-xchg": (
        *OWNED,
        *("kptr-field", "kptr-type-mismatch", "unchecked-null", "null-argument"),
        *("release-nonzero-offset", "special-field-decl"),
    ),
    "cast-to-kern-ctx": ("context-argument",),
    "rdonly-cast": ("type-id-argument", "untrusted-argument", "kernel-write", "non-constant-argument"),
    "percpu-ptr": ("percpu-deref", "unchecked-null", "argument-type-mismatch"),
    "this-cpu-ptr": ("percpu-deref", "argument-type-mismatch"),
    "sock-cast": ("unchecked-null", "argument-type-mismatch"),
    "dynptr-from-skb": ("dynptr-overwrite", "context-argument"),
    "dynptr-from-xdp": ("dynptr-overwrite", "context-argument"),
    "dynptr-from-mem": ("dynptr-source", "dynptr-overwrite"),
    "dynptr-from-ringbuf": (*OWNED, "dynptr-overwrite"),
    "dynptr-release-ringbuf": (*OWNED, "dynptr-uninit", "dynptr-const", "submitted-slice"),
    "dynptr-from-file": (*OWNED, "dynptr-overwrite"),
    "dynptr-release-file": (*OWNED, "dynptr-uninit", "dynptr-const"),
    "dynptr-clone": ("dynptr-overwrite",),
    "dynptr-slice": (*SLICE, "rdonly-write"),
    "dynptr-slice-rdwr": (*SLICE, "dynptr-rdwr-not-allowed"),
    "dynptr-data": SLICE,
    "dynptr-write": ("dynptr-stale-slice",),
    "packet-changing": ("dynptr-stale-slice",),
    "map-lookup": ("unchecked-null", "mem-bounds", "map-argument"),
    "ringbuf-reserve": (*OWNED, "unchecked-null", "mem-bounds", "submitted-slice", "non-constant-argument"),
    "ringbuf-release": (*OWNED, "submitted-slice"),
    "session-cookie": ("mem-bounds",),
    "current-task-btf": (),
    "dynptr-from-skb-meta": ("dynptr-overwrite", "context-argument"),
    "untrusted-result": ("untrusted-argument",),
    "trap": (),
    "allowed-under-lock": (),
}
"""What the verifier's special treatment of a name adds."""

EFFECTS: tuple[tuple[Callable[[Contract], bool], tuple[str, ...]], ...] = (
    (lambda c: c.effects.acquires, (*OWNED, "dead-null-test")),
    (
        lambda c: c.effects.releases is not None,
        (*OWNED, "release-nonzero-offset", "release-null", "release-in-callback", "null-argument"),
    ),
    (lambda c: c.effects.may_be_null, ("unchecked-null", "null-argument")),
    (
        lambda c: c.prototype.result.is_pointer and not c.effects.may_be_null,
        ("dead-null-test", "kernel-write", "mem-bounds"),
    ),
    (lambda c: bool(c.prototype.result.struct_name), ("kernel-write", "mem-bounds")),
    (lambda c: c.effects.sleepable, ("sleepable-prog", "sleepable-in-atomic")),
    (lambda c: c.effects.rcu_protected, ("iter-rcu",)),
    (lambda c: c.effects.iterator == "new", (*HELD, "iter-double-init", "iter-rcu")),
    (lambda c: c.effects.iterator == "next", ("unchecked-null", "rdonly-write", "iter-rcu", "mem-bounds")),
    (
        lambda c: bool(c.function.options),
        (
            *("wrong-opts-size", "opts-out-of-range", "unset-opts-field"),
            *("reserved-opts-field", "ignored-opts-error"),
        ),
    ),
)
"""What the effects of a call add."""


def rules_of(contract: Contract) -> tuple[str, ...]:
    """The rules that the contract of a function gives a caller to break, without those that hold for every one."""
    return tuple(dict.fromkeys((*specific(contract), *of_arguments(contract))))


def specific(contract: Contract) -> tuple[str, ...]:
    """Those that follow from what this function does, or from a parameter of an uncommon kind."""
    found = [name for holds, names in EFFECTS if holds(contract) for name in names]
    found += [name for word in sorted(contract.effects.special) for name in SPECIALS[word]]
    found += [name for param in contract.params if param.role not in COMMON for name in ROLES[param.role]]
    return tuple(dict.fromkeys(found))


def of_arguments(contract: Contract) -> tuple[str, ...]:
    """Those that hold for many functions: about pointers, memory and numbers, and what is not in `specific`."""
    found = [name for param in contract.params if param.role in COMMON for name in _of_param(param, contract)]
    own = specific(contract)
    return tuple(name for name in dict.fromkeys(found) if name not in own)


COMMON = (Role.POINTER, Role.SCALAR, Role.SIZE)


def _of_param(param: Param, contract: Contract) -> Iterator[str]:
    yield from ROLES[param.role]
    if param.role is not Role.POINTER:
        return
    if contract.effects.trusted_args or not contract.is_kfunc:
        yield "untrusted-argument"
    elif contract.effects.rcu_args:
        yield "not-rcu-argument"
    yield from ANY_POINTER
    if param.ctype.struct_name or not contract.is_kfunc:
        yield from OBJECT
    if param.size_param is not None or not param.ctype.struct_name or not contract.is_kfunc:
        yield from MEMORY
