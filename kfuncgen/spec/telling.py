"""Contracts in words, for people: what editors show and the documentation prints.

Sentences have neither capital nor full stop; names of C are in backticks, functions with `()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kfuncgen.spec.model import Contract, Function, Param, Role

SPECIALS: Mapping[str, str] = {
    "rcu-lock": "begins an RCU critical section, which `bpf_rcu_read_unlock()` must end on every path",
    "rcu-unlock": "ends an RCU critical section: pointers that it protected must not be passed on afterwards",
    "preempt-disable": "disables preemption until `bpf_preempt_enable()`, which must follow on every path",
    "preempt-enable": "enables preemption that `bpf_preempt_disable()` disabled",
    "irq-save": "disables interrupts until `bpf_local_irq_restore()`, which must follow on every path",
    "irq-restore": "restores the interrupts that were saved last",
    "spin-lock": "takes a lock, which `bpf_spin_unlock()` must release on every path; "
    "hardly any function may be called meanwhile",
    "spin-unlock": "releases a lock: pointers into lists and trees that are not owned end with it",
    "res-spin-lock": "takes a lock only where it returns 0: test the result; "
    "`bpf_res_spin_unlock()` releases it, the lock taken last first",
    "res-spin-unlock": "releases the lock that was taken last",
    "res-spin-lock-irqsave": "takes a lock and disables interrupts only where it returns 0: test the result; "
    "`bpf_res_spin_unlock_irqrestore()` releases it, the lock taken last first",
    "res-spin-unlock-irqrestore": "releases the lock that was taken last",
    "throw": "leaves the program at once: nothing may be held",
    "tail-call": "does not come back when it succeeds: nothing may be held",
    "sync-callback": "calls the callback before it returns, any number of times",
    "async-callback": "the callback runs later and begins with nothing: no reference or lock of its caller",
    "obj-new": "the result is an object of the program's own, which the program must drop, keep in a kptr, "
    "or put into a list or tree",
    "obj-drop": "drops an object of the program's own",
    "percpu-obj-new": "the result is one object for each CPU, read through `bpf_per_cpu_ptr()` or "
    "`bpf_this_cpu_ptr()`",
    "percpu-obj-drop": "drops a percpu object of the program's own",
    "refcount-acquire": "the result is another reference to the object; it may be NULL only when the program "
    "does not own the argument",
    "list-push": "the list owns the object from then on, even when the call fails; only with the lock held that "
    "stands beside the list",
    "list-pop": "the program owns the result; only with the lock held that stands beside the list",
    "list-peek": "the result stays in the list and may be used until the lock is released",
    "rbtree-add": "the tree owns the object from then on, even when the call fails; only with the lock held that "
    "stands beside the tree",
    "rbtree-remove": "the program owns the result; only with the lock held that stands beside the tree",
    "rbtree-first": "the result stays in the tree and may be used until the lock is released",
    "rbtree-peek": "the result stays in the tree and may be used until the lock is released",
    "kptr-xchg": "the field owns the argument from then on, and the program what was there before",
    "cast-to-kern-ctx": "the result is the kernel's object behind the context, a trusted pointer",
    "rdonly-cast": "the result may only be read, and may point anywhere: it is not accepted as an argument of "
    "kfuncs that want a trusted one",
    "percpu-ptr": "the result is that CPU's copy, NULL when there is no such CPU",
    "this-cpu-ptr": "the result is this CPU's copy",
    "sock-cast": "the result is the same socket as another type",
    "dynptr-from-skb": "slices of the dynptr end when the packet is changed",
    "dynptr-from-xdp": "slices of the dynptr end when the packet is changed",
    "dynptr-from-mem": "takes memory of a map value only",
    "dynptr-from-ringbuf": "the dynptr must be submitted or discarded on every path, even when the call fails",
    "dynptr-release-ringbuf": "ends the dynptr, its clones and their slices",
    "dynptr-from-file": "the dynptr must be discarded on every path, even when the call fails",
    "dynptr-release-file": "ends the dynptr, its clones and their slices",
    "dynptr-clone": "what ends one of the two dynptrs ends the other and all their slices",
    "dynptr-slice": "the slice may only be read, and ends when its dynptr or packet does",
    "dynptr-slice-rdwr": "the slice ends when its dynptr or packet does; programs that may not write packets "
    "cannot have one",
    "dynptr-data": "the slice ends when its dynptr does",
    "dynptr-write": "slices of a dynptr made from an skb end",
    "packet-changing": "the packet may move: pointers into it and slices of its dynptrs end",
    "map-lookup": "the result points into the map",
    "ringbuf-reserve": "the record must be submitted or discarded on every path",
    "ringbuf-release": "gives the record away: it must not be touched afterwards",
    "session-cookie": "the result may be written, 8 bytes",
    "current-task-btf": "the result is a trusted pointer that is never NULL",
    "dynptr-from-skb-meta": "the dynptr is over the metadata before the packet",
    "untrusted-result": "the result may only be read: it is not accepted as an argument of kfuncs that want a "
    "trusted one",
    "trap": "is not for calling: compilers put it where a program must not come to",
    "allowed-under-lock": "may be called while a `bpf_spin_lock` is held",
}
"""What the verifier does for single names (kfuncgen.spec.words.SPECIAL_EFFECTS), as a caller needs to know it."""

FILTERS: Mapping[str, str] = {
    "lsm": "LSM programs only",
    "iter": "iterator programs only",
    "kprobe-session": "programs attached as a session only",
    "css-task-iter": "LSM programs, iterators and sleepable programs only",
    "hidden": "no program may call it: the kernel itself puts the calls into programs",
    "qdisc": "operations of `Qdisc_ops` only",
    "qdisc-enqueue": "`Qdisc_ops.enqueue()` only",
    "qdisc-dequeue": "`Qdisc_ops.dequeue()` only",
    "qdisc-both": "`Qdisc_ops.enqueue()` and `Qdisc_ops.dequeue()` only",
}
"""The kernel's filters within the hooks (kfuncgen.spec.words.FILTERS)."""

ROLES: Mapping[Role, str] = {
    Role.SCALAR: "a number",
    Role.CONSTANT: "a constant, known when the program is verified",
    Role.SIZE: "bytes of the argument before it; it must have a bound",
    Role.CONSTANT_SIZE: "bytes of the argument before it, a constant",
    Role.RETURN_SIZE: "bytes of the result, a constant",
    Role.IGNORED: "the verifier does not look at it",
    Role.PROG_AUX: "filled in by the verifier: pass NULL",
    Role.ALLOC: "an object of the program's own, which it owns",
    Role.REFCOUNTED: "an object of the program's own with a `bpf_refcount`",
    Role.DYNPTR: "a dynptr, a local variable",
    Role.ITERATOR: "an iterator, a local variable",
    Role.LIST_HEAD: "the head of a list",
    Role.LIST_NODE: "the node within an object",
    Role.RB_ROOT: "the root of a tree",
    Role.RB_NODE: "the node within an object",
    Role.CONST_STRING: "a string literal, or a constant global",
    Role.MAP: "a map",
    Role.WORKQUEUE: "that field of a map value",
    Role.TIMER: "that field of a map value",
    Role.TASK_WORK: "that field of a map value",
    Role.IRQ_FLAG: "the saved state, a local variable",
    Role.RES_SPIN_LOCK: "a lock in a map value or a global",
    Role.CALLBACK: "a function of the program",
    Role.POINTER: "",
}
"""What a parameter takes, as its suffix or type says. Pointers: `argument_in_words`."""


def lifetime(function: Function) -> str:
    """`since 6.8`, `since 6.2, gone in 6.4, back in 7.1`."""
    (since, _), *later = function.turns()
    turns = [f"back in {kernel}" if there else f"gone in {kernel}" for kernel, there in later]
    return ", ".join([f"since {since}", *turns])


def in_words(contract: Contract) -> Iterator[str]:
    """The effects of a call, a sentence each."""
    effects = contract.effects
    if effects.acquires:
        enders = " or ".join(f"`{name}()`" for name in contract.release)
        yield "acquires a reference" + (f", which {enders} releases" if enders else "")
    if effects.releases is not None:
        yield f"releases the reference `{contract.params[effects.releases].name}`"
    if effects.may_be_null:
        yield "may return NULL: test the result before it is used"
    if effects.iterator == "new":
        yield "begins an iterator, which must be destroyed on every path, even when the call fails"
    elif effects.iterator == "next":
        yield "next element of an iterator, NULL at its end"
    elif effects.iterator == "destroy":
        yield "ends an iterator"
    if effects.trusted_args:
        yield "takes trusted pointers only, none of them NULL"
    elif effects.rcu_args:
        yield "takes trusted or RCU-protected pointers, none of them NULL"
    if effects.rcu_protected:
        yield "only within an RCU critical section"
    if effects.sleepable:
        yield "may sleep: sleepable programs only"
    if effects.destructive:
        yield "destructive: needs CAP_SYS_BOOT"
    # What is allowed besides comes last.
    special = sorted(effects.special, key=lambda word: (word == "allowed-under-lock", word))
    yield from (SPECIALS[word] for word in special)


def argument_in_words(param: Param, contract: Contract) -> str:
    """What an argument for `param` must be; "" when its type says all."""
    text = ROLES[param.role]
    if param.role is Role.POINTER and param.size_param is not None:
        text = f"memory of at least `{contract.params[param.size_param].name}` bytes"
    if param.role is Role.DYNPTR and param.uninit:
        text = "a dynptr that the call initialises, a local variable"
    return ", ".join(part for part in (text, "may be NULL" if param.nullable else "") if part)
