"""Lifecycles as total tables: (state, operation) -> fault or nothing. What is wrong is decided here, once.

The engine asks; rules word; neither decides. Sources: CONTRACT 4.A, 4.B, 4.H, 4.I (verifier.c of 6.12 and 6.18).
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """Every breach that the engine can find. A rule claims one fault and words it."""

    LEAK = "unreleased-reference"
    RELEASE_UNACQUIRED = "release-unacquired"
    DOUBLE_RELEASE = "double-release"
    USE_AFTER_RELEASE = "use-after-release"
    RELEASE_OFFSET = "release-nonzero-offset"
    RELEASE_IN_CALLBACK = "release-in-callback"
    THROW_WITH_RESOURCES = "throw-with-resources"
    UNCHECKED_NULL = "unchecked-null"
    NULL_ARGUMENT = "null-argument"
    RELEASE_NULL = "release-null"
    UNTRUSTED_ARGUMENT = "untrusted-argument"
    NOT_RCU_ARGUMENT = "not-rcu-argument"
    TYPE_MISMATCH = "argument-type-mismatch"
    NOT_KERNEL_POINTER = "not-kernel-pointer"
    CONTEXT_ARGUMENT = "context-argument"
    SCALAR_ARGUMENT = "scalar-argument"
    NON_CONSTANT_ARGUMENT = "non-constant-argument"
    BUFFER_SIZE = "buffer-size"
    NOT_ALLOWED = "kfunc-not-allowed"
    LICENCE = "gpl-license"
    SIGNATURE = "kfunc-signature"
    WEAK_SIGNATURE = "weak-kfunc-signature"
    MISSING = "kfunc-missing"
    UNGUARDED = "unguarded-kfunc"
    NOT_KSYM = "missing-ksym"
    KERNEL_NEEDS = "kernel-requirement"
    LOADER_NEEDS = "loader-requirement"
    OPTS_SIZE = "wrong-opts-size"
    OPTS_RANGE = "opts-out-of-range"
    OPTS_UNSET = "unset-opts-field"
    OPTS_RESERVED = "reserved-opts-field"
    OPTS_ERROR_IGNORED = "ignored-opts-error"
    DEAD_NULL_TEST = "dead-null-test"
    RCU_UNBALANCED = "rcu-unbalanced"
    PREEMPT_UNBALANCED = "preempt-unbalanced"
    IRQ_UNBALANCED = "irq-unbalanced"
    LOCK_UNBALANCED = "lock-unbalanced"
    RES_LOCK = "res-lock"
    CALL_UNDER_LOCK = "call-under-lock"
    SLEEPABLE_PROGRAM = "sleepable-prog"
    GLOBAL_IN_REGION = "global-call-in-region"
    RETURN_RANGE = "return-range"
    EXCEPTION_CALLBACK = "exception-cb"
    SLEEPABLE_IN_ATOMIC = "sleepable-in-atomic"
    ITERATOR_UNINIT = "iter-uninit"
    ITERATOR_DOUBLE_INIT = "iter-double-init"
    ITERATOR_RCU = "iter-rcu"
    ITERATOR_NOT_STACK = "iter-not-stack"
    ITERATOR_RAW_ACCESS = "iter-raw-access"
    DYNPTR_UNINIT = "dynptr-uninit"
    DYNPTR_OVERWRITE = "dynptr-overwrite"
    DYNPTR_NOT_STACK = "dynptr-not-stack"
    DYNPTR_RAW_ACCESS = "dynptr-raw-access"
    DYNPTR_CONST = "dynptr-const"
    DYNPTR_SOURCE = "dynptr-source"
    DYNPTR_WRITE_NOT_ALLOWED = "dynptr-rdwr-not-allowed"
    STALE_SLICE = "dynptr-stale-slice"
    SUBMITTED_SLICE = "submitted-slice"
    READONLY_WRITE = "rdonly-write"
    KERNEL_WRITE = "kernel-write"
    MEMORY_BOUNDS = "mem-bounds"
    GRAPH_LOCK_NOT_HELD = "graph-lock-not-held"
    GRAPH_WRONG_LOCK = "graph-wrong-lock"
    GRAPH_OFFSET = "graph-node-offset"
    GRAPH_NODE_TYPE = "graph-node-type"
    OWNING_REQUIRED = "owning-ref-required"
    NON_OWNING_REQUIRED = "non-owning-required"
    USE_AFTER_UNLOCK = "use-after-unlock"
    RBTREE_CALLBACK = "rbtree-cb-misuse"
    THROW_IN_CALLBACK = "throw-in-callback"
    SPECIAL_FIELD_PROGRAM = "special-field-prog-type"
    KPTR_TYPE = "kptr-type-mismatch"
    KPTR_FIELD = "kptr-field"
    SPECIAL_FIELD_ACCESS = "special-field-access"
    SPECIAL_FIELD_DECLARATION = "special-field-decl"
    LOCK_ARGUMENT = "lock-bad-arg"
    PERCPU_DEREFERENCE = "percpu-deref"
    HELPER_NOT_ALLOWED = "helper-not-allowed"
    KFUNC_ADDRESS = "kfunc-address"
    UNUSED_SUPPRESSION = "unused-suppression"
    USER_DEREFERENCE = "user-deref"
    NUMBER_DEREFERENCE = "number-deref"
    POINTER_BITS = "pointer-bits"
    CONST_STRING = "const-string-argument"
    MAP_ARGUMENT = "map-argument"
    MAP_FIELD_ARGUMENT = "map-field-argument"
    CALLBACK_ARGUMENT = "callback-argument"
    MEMORY_ARGUMENT = "memory-argument"
    READONLY_ARGUMENT = "read-only-argument"
    TYPE_ID = "type-id-argument"
    GLOBAL_ARGUMENT = "global-argument"
    GLOBAL_SIGNATURE = "global-signature"
    UNSET_ARGUMENT = "uninitialised-argument"
    NULL_NODE = "null-node"
    DROP_KIND = "drop-kind"
    REFCOUNT_ARGUMENT = "refcount-argument"


UNAVAILABLE = frozenset((Fault.MISSING, Fault.UNGUARDED, Fault.NOT_KSYM, Fault.SIGNATURE))
"""Faults of the object or of its calls whatever happened before them."""


class Life(Enum):
    """The life of a pointer value."""

    BORROWED = "borrowed"  # valid, without a reference of its own
    HELD = "held"  # valid, carries a reference
    UNCHECKED = "unchecked"  # may be NULL
    NULL = "null"  # known to be NULL
    RELEASED = "released"  # its reference was released: the verifier sees a scalar
    STALE = "stale"  # a slice whose dynptr or packet is gone
    SUBMITTED = "submitted"  # a slice of a record that went to its reader: a pointer still, but no longer ours
    UNLOCKED = "unlocked"  # a non-owning pointer after the unlock
    UNDECLARED = "undeclared"  # read from a field that the program means as a kptr and the kernel does not
    UNKNOWN = "unknown"  # a scalar of which nothing is known
    STOPPED = "stopped"  # a fault was reported for it; say nothing more


class Use(Enum):
    """What a program does with a pointer."""

    DEREFERENCE = "dereference"
    PASS = "pass"  # to a parameter that needs a valid pointer
    RELEASE = "release"  # to the parameter whose reference is consumed


_D, _P, _R = Use.DEREFERENCE, Use.PASS, Use.RELEASE

LIFE: dict[tuple[Life, Use], Fault | None] = {
    (Life.BORROWED, _D): None,
    (Life.BORROWED, _P): None,
    (Life.BORROWED, _R): Fault.RELEASE_UNACQUIRED,
    (Life.HELD, _D): None,
    (Life.HELD, _P): None,
    (Life.HELD, _R): None,
    (Life.UNCHECKED, _D): Fault.UNCHECKED_NULL,
    (Life.UNCHECKED, _P): Fault.NULL_ARGUMENT,
    (Life.UNCHECKED, _R): Fault.NULL_ARGUMENT,
    (Life.NULL, _D): Fault.UNCHECKED_NULL,
    (Life.NULL, _P): Fault.NULL_ARGUMENT,
    (Life.NULL, _R): Fault.RELEASE_NULL,
    (Life.RELEASED, _D): Fault.USE_AFTER_RELEASE,
    (Life.RELEASED, _P): Fault.USE_AFTER_RELEASE,
    (Life.RELEASED, _R): Fault.DOUBLE_RELEASE,
    (Life.STALE, _D): Fault.STALE_SLICE,
    (Life.STALE, _P): Fault.STALE_SLICE,
    (Life.STALE, _R): Fault.STALE_SLICE,
    (Life.SUBMITTED, _D): Fault.SUBMITTED_SLICE,
    (Life.SUBMITTED, _P): Fault.SUBMITTED_SLICE,
    (Life.SUBMITTED, _R): Fault.RELEASE_UNACQUIRED,
    (Life.UNLOCKED, _D): Fault.USE_AFTER_UNLOCK,
    (Life.UNLOCKED, _P): Fault.USE_AFTER_UNLOCK,
    (Life.UNLOCKED, _R): Fault.USE_AFTER_UNLOCK,
    (Life.UNDECLARED, _D): Fault.SPECIAL_FIELD_DECLARATION,
    (Life.UNDECLARED, _P): Fault.SPECIAL_FIELD_DECLARATION,
    (Life.UNDECLARED, _R): Fault.SPECIAL_FIELD_DECLARATION,
    (Life.UNKNOWN, _D): None,
    (Life.UNKNOWN, _P): Fault.NOT_KERNEL_POINTER,
    (Life.UNKNOWN, _R): Fault.NOT_KERNEL_POINTER,
    (Life.STOPPED, _D): None,
    (Life.STOPPED, _P): None,
    (Life.STOPPED, _R): None,
}


def judge(life: Life, use: Use) -> Fault | None:
    """The fault of using a pointer in that state of its life that way, or None."""
    return LIFE[life, use]


class Iterator(Enum):
    """The life of an iterator variable. A drained iterator is active: it must still be destroyed."""

    NONE = "none"
    ACTIVE = "active"
    BROKEN = "broken"  # its RCU critical section ended: of no use any more


ITERATOR: dict[tuple[Iterator, str], Fault | None] = {
    (Iterator.NONE, "new"): None,
    (Iterator.NONE, "next"): Fault.ITERATOR_UNINIT,
    (Iterator.NONE, "destroy"): Fault.ITERATOR_UNINIT,
    (Iterator.ACTIVE, "new"): Fault.ITERATOR_DOUBLE_INIT,
    (Iterator.ACTIVE, "next"): None,
    (Iterator.ACTIVE, "destroy"): None,
    (Iterator.BROKEN, "new"): Fault.ITERATOR_DOUBLE_INIT,
    (Iterator.BROKEN, "next"): Fault.ITERATOR_RCU,
    (Iterator.BROKEN, "destroy"): Fault.ITERATOR_RCU,
}


class Dynptr(Enum):
    """The life of a dynptr variable."""

    NONE = "none"
    BORROWED = "borrowed"  # packet or local memory: needs no release
    HELD = "held"  # ring buffer: must be submitted or discarded
    RELEASED = "released"


class DynptrUse(Enum):
    """What a call does with a dynptr argument."""

    INITIALISE = "initialise"
    READ = "read"
    RELEASE = "release"


DYNPTR: dict[tuple[Dynptr, DynptrUse], Fault | None] = {
    (Dynptr.NONE, DynptrUse.INITIALISE): None,
    (Dynptr.NONE, DynptrUse.READ): Fault.DYNPTR_UNINIT,
    (Dynptr.NONE, DynptrUse.RELEASE): Fault.RELEASE_UNACQUIRED,
    (Dynptr.BORROWED, DynptrUse.INITIALISE): None,
    (Dynptr.BORROWED, DynptrUse.READ): None,
    (Dynptr.BORROWED, DynptrUse.RELEASE): Fault.RELEASE_UNACQUIRED,
    (Dynptr.HELD, DynptrUse.INITIALISE): Fault.DYNPTR_OVERWRITE,
    (Dynptr.HELD, DynptrUse.READ): None,
    (Dynptr.HELD, DynptrUse.RELEASE): None,
    (Dynptr.RELEASED, DynptrUse.INITIALISE): None,
    (Dynptr.RELEASED, DynptrUse.READ): Fault.DYNPTR_UNINIT,
    (Dynptr.RELEASED, DynptrUse.RELEASE): Fault.DOUBLE_RELEASE,
}
