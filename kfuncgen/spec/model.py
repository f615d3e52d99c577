"""The spec model: kfuncs and helpers, what their contracts are on a given kernel, options structs.

Built by `kfuncgen.spec.load` from specs/*.yaml; every object knows the place it was written at. A `Function` is
what the YAML says, over all kernels; `Function.at(kernel)` is its `Contract` there: flags, hooks, prototype
and the effects that the verifier derives from them. Effects are derived here and nowhere else
(kernel/bpf/verifier.c: check_kfunc_call, check_kfunc_args, get_kfunc_ptr_arg_type; CONTRACT sections 3.1, 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Literal

from kfuncgen.diagnostic import Place
from kfuncgen.records import Struct, field


class Kernel(Struct, frozen=True, order=True):
    """A kernel release by major and minor number; stable updates do not change contracts."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> Kernel:
        """`6.18`, `v6.18` or a release string such as `6.18.44-fc`; ValueError otherwise."""
        match = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:[.-].*)?", text.strip())
        if not match:
            raise ValueError(f"'{text}' is no kernel version, expected for example 6.18")
        return cls(int(match[1]), int(match[2]))


TRUSTED_BY_DEFAULT_SINCE = Kernel(7, 0)
"""From here on pointers to kfuncs must be trusted and not NULL unless a suffix or KF_RCU says otherwise, and the
flag KF_TRUSTED_ARGS is gone (CONTRACT section 8)."""


class CType(Struct, frozen=True):
    """A C type of a prototype, as far as contracts need it; typedefs are resolved.

    `name` is the tag of a struct, union or enum, or the spelling of an arithmetic type; `size` its bytes
    (0 when unknown, as for structs).
    """

    kind: Literal["void", "int", "bool", "pointer", "struct", "union", "enum", "function"]
    name: str = ""
    size: int = 0
    signed: bool = False
    const: bool = False
    pointee: CType | None = None

    @property
    def is_pointer(self) -> bool:
        return self.kind == "pointer"

    @property
    def struct_name(self) -> str:
        """The tag when this is a pointer to a struct or union, else ""."""
        target = self.pointee
        return target.name if target is not None and target.kind in ("struct", "union") else ""

    def __str__(self) -> str:
        if self.kind == "pointer":
            inner = str(self.pointee)
            return f"{inner}*" if inner.endswith("*") else f"{inner} *"
        prefix = "const " if self.const else ""
        return prefix + (f"{self.kind} {self.name}" if self.kind in ("struct", "union", "enum") else self.name)


class Role(Enum):
    """What a parameter is to the verifier, first match in its order (get_kfunc_ptr_arg_type; CONTRACT 5).

    `POINTER` is settled by the *argument*: a kernel pointer is matched by type, anything else as memory.
    """

    SCALAR = "scalar"
    CONSTANT = "constant"  # x__k
    SIZE = "size"  # x__sz: bytes of the pointer before it
    CONSTANT_SIZE = "constant-size"  # x__szk
    RETURN_SIZE = "return-size"  # rdonly_buf_size, rdwr_buf_size
    IGNORED = "ignored"  # x__ign
    PROG_AUX = "prog-aux"  # x__prog: filled in by the verifier
    ALLOC = "alloc"  # x__alloc: owning local object
    REFCOUNTED = "refcounted"  # x__refcounted_kptr
    DYNPTR = "dynptr"
    ITERATOR = "iterator"
    LIST_HEAD = "list-head"
    LIST_NODE = "list-node"
    RB_ROOT = "rb-root"
    RB_NODE = "rb-node"
    CONST_STRING = "const-string"  # x__str
    MAP = "map"  # x__map
    WORKQUEUE = "workqueue"
    TIMER = "timer"
    TASK_WORK = "task-work"
    IRQ_FLAG = "irq-flag"
    RES_SPIN_LOCK = "res-spin-lock"
    CALLBACK = "callback"
    POINTER = "pointer"


class Param(Struct, frozen=True):
    """One parameter. `size_param` is the index of the size that bounds this pointer, when it has one.

    `nullable`: x__nullable or x__opt; `uninit`: x__uninit (a dynptr that the call initialises).
    """

    name: str
    ctype: CType
    role: Role
    nullable: bool = False
    uninit: bool = False
    size_param: int | None = None
    summary: str = ""
    example: str = ""
    """What generated callers pass: C, in which other parameters are known by their names."""


class Prototype(Struct, frozen=True):
    """A parsed prototype. `text` is the kernel's C, one line, as the spec has it."""

    text: str
    result: CType
    params: tuple[Param, ...]
    variadic: bool = False


class Effects(Struct, frozen=True):
    """What a call does to the verifier's state, derived from flags, suffixes and special names."""

    acquires: bool = False
    releases: int | None = None
    """Index of the parameter whose reference the call consumes."""
    may_be_null: bool = False
    trusted_args: bool = False
    """Pointers must be trusted or referenced and not NULL (KF_TRUSTED_ARGS, implied by KF_RELEASE)."""
    rcu_args: bool = False
    """As trusted_args, and RCU-protected pointers are accepted too (KF_RCU)."""
    sleepable: bool = False
    destructive: bool = False
    rcu_protected: bool = False
    iterator: Literal["", "new", "next", "destroy"] = ""
    special: frozenset[str] = frozenset()
    """Words of SPECIAL_EFFECTS."""


class OptionField(Struct, frozen=True):
    """One field of an options struct. `offset` and `size` in bytes, from its C definition.

    `minimum`/`maximum`: valid range of a `direction` in field; `values`: valid named values; `required`: the
    program must set it itself (zero is not a sensible default); `reserved`: must be zero; `since_size`: the
    smallest size argument for which the kernel reads it.
    """

    name: str
    ctype: str
    offset: int
    size: int
    count: int = 1
    direction: Literal["in", "out", "inout"] = "in"
    required: bool = False
    reserved: bool = False
    minimum: int | None = None
    maximum: int | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    since_size: int = 0
    example: str = ""
    """What generated callers set it to, a C initialiser; "" for the first of `values`, else zero."""
    summary: str = ""
    place: Place = Place("")


class OptionSize(Struct, frozen=True):
    """A size that the kfunc accepts, and from which kernel on (until: first kernel that refuses it)."""

    size: int
    since: Kernel | None = None
    until: Kernel | None = None


class OptionsStruct(Struct, frozen=True):
    """An options struct: exact sizes, fields, and the errors it reports through `error_field`."""

    name: str
    definition: str
    size: int
    size_constant: str
    sizes: tuple[OptionSize, ...]
    fields: tuple[OptionField, ...]
    error_field: str
    errors: tuple[ErrorCause, ...]
    summary: str
    place: Place

    def sizes_at(self, kernel: Kernel) -> tuple[int, ...]:
        """The sizes accepted by `kernel`, largest first."""
        return tuple(
            sorted(
                (
                    s.size
                    for s in self.sizes
                    if (s.since is None or s.since <= kernel) and (s.until is None or kernel < s.until)
                ),
                reverse=True,
            )
        )

    def option(self, name: str) -> OptionField | None:
        """The field called `name`, or None."""
        return next((f for f in self.fields if f.name == name), None)


class ErrorCause(Struct, frozen=True):
    """One cause of one error: `EINVAL` and the condition under which it is reported."""

    error: str
    cause: str


class Change(Struct, frozen=True):
    """What became different in kernel `since`; None = unchanged."""

    since: Kernel
    flags: tuple[str, ...] | None = None
    hooks: tuple[str, ...] | None = None
    prototype: Prototype | None = None
    place: Place = Place("")
    special: frozenset[str] | None = None
    present: bool | None = None
    """False: the function is gone from this kernel on, to come back; True: it is back."""


class Measured(Struct, frozen=True):
    """What a kept probe says of a function on the kernel it was taken from; it goes before what the spec says.

    `present`: whether that kernel has it; the rest is None where the spec is to be believed. `hook_flags`: flags
    of the hooks whose flags are not `flags`.
    """

    kernel: Kernel
    present: bool
    flags: tuple[str, ...] | None = None
    hooks: tuple[str, ...] | None = None
    prototype: Prototype | None = None
    hook_flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Contract(Struct, frozen=True):
    """A function's contract on one kernel."""

    function: Function
    kernel: Kernel
    flags: tuple[str, ...]
    hooks: tuple[str, ...]
    prototype: Prototype
    effects: Effects

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def is_kfunc(self) -> bool:
        return self.function.kind == "kfunc"

    @property
    def params(self) -> tuple[Param, ...]:
        return self.prototype.params

    @property
    def release(self) -> tuple[str, ...]:
        """Names of the functions that release what this one acquires, the usual one first."""
        return self.function.release


class Function(Struct, frozen=True, eq=False):
    """A kfunc or helper as its spec tells it, over all kernels."""

    name: str
    kind: Literal["kfunc", "helper"]
    family: str
    prototype: Prototype
    flags: tuple[str, ...]
    hooks: tuple[str, ...]
    since: Kernel
    place: Place
    hook_flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Flags within the sets of hooks whose flags are not `flags`."""
    until: Kernel | None = None
    changes: tuple[Change, ...] = ()
    special: frozenset[str] = frozenset()
    filter: str = ""
    """The kernel's filter on programs, a word of FILTERS; "" when there is none."""
    config: tuple[str, ...] = ()
    module: str = ""
    release: tuple[str, ...] = ()
    formerly: str = ""
    """The function that did the same on kernels before this one came, under another name."""
    summary: str = ""
    notes: str = ""
    errors: tuple[ErrorCause, ...] = ()
    options: tuple[tuple[int, OptionsStruct], ...] = ()
    """(parameter index, struct) for parameters that are options structs with run-time contracts."""
    measured: tuple[Measured, ...] = ()
    """What probes of single kernels say, each kernel once."""

    def turns(self) -> tuple[tuple[Kernel, bool], ...]:
        """The kernels with which the function came (true), went, and perhaps came back, oldest first."""
        gaps = [(c.since, c.present) for c in self.changes if c.present is not None]
        return ((self.since, True), *gaps, *([(self.until, False)] if self.until is not None else []))

    def exists_at(self, kernel: Kernel) -> bool:
        """Whether `kernel` has the function at all."""
        found = self._measured_at(kernel)
        if found is not None:
            return found.present
        present = True
        for change in self.changes:
            if change.present is not None and change.since <= kernel:
                present = change.present
        return present and self.since <= kernel and (self.until is None or kernel < self.until)

    def at(self, kernel: Kernel, hook: str = "") -> Contract:
        """The contract on `kernel`; for kernels outside since..until that of the nearest one that has it.

        `hook` is that of the calling program, for the few functions that have other flags in another hook's set.
        """
        flags, hooks, prototype, special = self.flags, self.hooks, self.prototype, self.special
        for change in self.changes:
            if change.since <= kernel:
                flags = change.flags if change.flags is not None else flags
                hooks = change.hooks if change.hooks is not None else hooks
                prototype = change.prototype if change.prototype is not None else prototype
                special = change.special if change.special is not None else special
        flags = self.hook_flags.get(hook, flags)
        found = self._measured_at(kernel)
        if found is not None and found.present:
            flags = found.hook_flags.get(hook, found.flags) if found.flags is not None else flags
            hooks = found.hooks if found.hooks is not None else hooks
            prototype = found.prototype if found.prototype is not None else prototype
        trusted = self.kind == "kfunc" and kernel >= TRUSTED_BY_DEFAULT_SINCE
        if trusted:
            flags = tuple(flag for flag in flags if flag != "KF_TRUSTED_ARGS")
        return Contract(self, kernel, flags, hooks, prototype, derive_effects(flags, prototype, special, trusted))

    def _measured_at(self, kernel: Kernel) -> Measured | None:
        return next((entry for entry in self.measured if entry.kernel == kernel), None)


def derive_effects(
    flags: tuple[str, ...], prototype: Prototype, special: frozenset[str], trusted: bool = False
) -> Effects:
    """Effects as the verifier derives them (6.12 and 6.18 check_kfunc_call; CONTRACT section 5).

    KF_RELEASE consumes the *one referenced argument*; which parameter that is follows from the pointer
    parameters: the first that is neither ignored nor memory. `trusted`: as if KF_TRUSTED_ARGS were given.
    """
    has = set(flags).__contains__
    releases = None
    if has("KF_RELEASE"):
        releases = next(
            (
                i
                for i, p in enumerate(prototype.params)
                if p.ctype.is_pointer and p.role not in (Role.IGNORED, Role.PROG_AUX, Role.MAP)
            ),
            None,
        )
    iterator: Literal["", "new", "next", "destroy"] = ""
    if has("KF_ITER_NEW"):
        iterator = "new"
    elif has("KF_ITER_NEXT"):
        iterator = "next"
    elif has("KF_ITER_DESTROY"):
        iterator = "destroy"
    return Effects(
        acquires=has("KF_ACQUIRE"),
        releases=releases,
        may_be_null=has("KF_RET_NULL") and prototype.result.is_pointer,
        trusted_args=trusted or has("KF_TRUSTED_ARGS") or has("KF_RELEASE"),
        rcu_args=has("KF_RCU"),
        sleepable=has("KF_SLEEPABLE"),
        destructive=has("KF_DESTRUCTIVE"),
        rcu_protected=has("KF_RCU_PROTECTED"),
        iterator=iterator,
        special=special,
    )


class Family(Struct, frozen=True, eq=False):
    """One spec file: what belongs together."""

    name: str
    summary: str
    place: Place
    functions: tuple[Function, ...]
    options: tuple[OptionsStruct, ...]


class SpecSet(Struct, frozen=True, eq=False):
    """All loaded specs. `functions` maps names of kfuncs and helpers alike (their names never clash)."""

    families: Sequence[Family]
    functions: Mapping[str, Function]
    options: Mapping[str, OptionsStruct]
    newest: Kernel
    checked: tuple[Kernel, ...] = ()
    """Kernels against whose own tables the built-in facts were compared, oldest first."""

    def last(self) -> Kernel:
        """The newest kernel of which anything is said; those after `newest` were not compared."""
        told = [f.since for f in self.functions.values()]
        told += [change.since for f in self.functions.values() for change in f.changes]
        return max([self.newest, *told])

    def get(self, name: str) -> Function | None:
        """The function called `name`, or None."""
        return self.functions.get(name)
