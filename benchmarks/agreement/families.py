"""Groups of rules, finer than the letters of the rule catalogue that the reference was made with.

The kernel's messages do not tell all rules apart (a dead pointer is a scalar, whatever killed it), so the first
finding is compared by group and not by name.
"""

from __future__ import annotations

_GROUPS: dict[str, tuple[str, str]] = {
    "leak": ("ref-leak iter-leak dynptr-leak kptr-old-leak", "unreleased-reference"),
    "release": (
        "release-unacquired double-release use-after-release release-nonzero-offset release-in-callback", "",
    ),
    "exception": ("throw-with-resources throw-in-callback exception-cb", ""),
    "null": ("null-deref null-arg release-null-branch", "unchecked-null null-argument release-null"),
    "argument": (
        "untrusted-arg not-rcu-arg arg-type-mismatch arg-not-kernel-ptr arg-ctx arg-scalar arg-const arg-mem-size "
        "arg-mem arg-const-str arg-map map-field-arg arg-callback untrusted-helper-arg global-arg",
        "untrusted-argument not-rcu-argument argument-type-mismatch not-kernel-pointer context-argument "
        "scalar-argument non-constant-argument buffer-size memory-argument const-string-argument map-argument "
        "map-field-argument callback-argument read-only-argument global-argument",
    ),
    "memory": ("kernel-write rdonly-write mem-bounds percpu-deref", ""),
    "kptr": ("kptr-type-mismatch kptr-field kptr-xchg-src", ""),
    "local-object": (
        "type-id-arg drop-kind refcount-arg special-field-access special-field-prog-type",
        "type-id-argument refcount-argument",
    ),
    "graph": (
        "graph-decl graph-lock-not-held graph-wrong-lock owning-ref-required non-owning-required use-after-unlock "
        "graph-node-offset graph-node-type rbtree-cb-misuse",
        "special-field-decl",
    ),
    "lock": ("lock-unbalanced lock-mismatch lock-nested call-under-lock lock-bad-arg res-lock", ""),
    "region": ("rcu-unbalanced rcu-escape preempt-unbalanced irq-unbalanced global-call-in-region", ""),
    "sleep": ("sleepable-in-atomic sleepable-prog", ""),
    "iterator": (
        "iter-not-stack iter-uninit iter-double-init iter-clobber iter-elem iter-rcu iter-prog-type",
        "iter-raw-access",
    ),
    "dynptr": (
        "dynptr-not-stack dynptr-uninit dynptr-overwrite dynptr-release dynptr-type dynptr-const dynptr-source "
        "dynptr-stale-slice dynptr-slice-null dynptr-raw-access dynptr-rdwr-not-allowed",
        "",
    ),
    "availability": (
        "kfunc-not-allowed kfunc-missing kfunc-signature gpl-license destructive dev-bound missing-symbol",
        "unguarded-kfunc missing-ksym",
    ),
    "exit": ("", "return-range"),
}  # fmt: skip
"""Group -> the reference's names, further names of the linter (many rules are called alike in both)."""

_ALSO = {
    "dynptr-stale-slice": frozenset(("release",)),
    "use-after-unlock": frozenset(("release",)),
    "dynptr-slice-null": frozenset(("null",)),
    "iter-elem": frozenset(("null", "memory")),
    "global-arg": frozenset(("null",)),
    "kptr-xchg-src": frozenset(("null", "release")),
    "rcu-escape": frozenset(("argument",)),
    "lock-bad-arg": frozenset(("local-object",)),
}
"""Names of the reference that are right under another group too: the kernel's message is the same there."""


def reference_groups(rule: str) -> frozenset[str]:
    """The groups in which a finding is right for a rule of the reference; empty for an unknown one."""
    found = {group for group, (theirs, _) in _GROUPS.items() if rule in theirs.split()}
    return frozenset(found) | _ALSO.get(rule, frozenset())


def linter_group(rule: str) -> str:
    """The group of a rule of the linter, "" for one that is in none."""
    return next((group for group, (theirs, ours) in _GROUPS.items() if rule in f"{theirs} {ours}".split()), "")
