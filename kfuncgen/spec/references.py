"""What must hold between functions: who releases what, complete iterators, flags that fit the prototype.

In: all functions by name. Out: the same with `release` filled in, or the first SpecError.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import replace
from kfuncgen.spec.model import Effects, Function, Prototype, derive_effects
from kfuncgen.spec.reading import Word

_CONSUMING = frozenset(
    {
        "obj-drop",
        "percpu-obj-drop",
        "list-push",
        "rbtree-add",
        "kptr-xchg",
        "ringbuf-release",
        "dynptr-release-ringbuf",
        "dynptr-release-file",
    }
)
"""Special effects that end a reference without KF_RELEASE on the function."""

_ACQUIRING = frozenset({"dynptr-from-ringbuf", "dynptr-from-file", "ringbuf-reserve"})
"""Special effects that begin one without KF_ACQUIRE."""


def resolve_releases(functions: dict[str, Function], given: Mapping[str, tuple[Word, ...]]) -> dict[str, Function]:
    """`functions` with their releases: those `given`, else the only function that releases the acquired type."""
    resolved = {}
    for name, function in functions.items():
        effects = _effects(function)
        words = given.get(name, ())
        if not _acquires(effects):
            if words:
                raise SpecError(
                    f"'{name}' acquires nothing (no KF_ACQUIRE), so it has no 'release'", words[0].place
                )
            resolved[name] = function
            continue
        if words:
            for word in words:
                _check_release(function, word, functions)
            release = tuple(word.text for word in words)
        else:
            release = release_candidates(function, functions)
            if len(release) != 1:
                found = "none" if not release else ", ".join(release)
                raise SpecError(
                    f"'{name}' acquires a reference and lacks the key 'release' (functions of that type: {found})",
                    function.place,
                )
        resolved[name] = replace(function, release=release)
    _refuse_cycles(resolved)
    return resolved


def check_references(functions: Mapping[str, Function]) -> None:
    """The rules that tie flags to prototypes, at every kernel of a function, and the steps of an iterator."""
    for function in functions.values():
        flags, prototype = function.flags, function.prototype
        _check_flags(function, flags, prototype)
        for change in function.changes:
            flags = change.flags if change.flags is not None else flags
            prototype = change.prototype if change.prototype is not None else prototype
            _check_flags(function, flags, prototype)
        _check_iterator(function, functions)


def _effects(function: Function) -> Effects:
    """Effects in the newest form of the function."""
    flags, prototype, special = function.flags, function.prototype, function.special
    for change in function.changes:
        flags = change.flags if change.flags is not None else flags
        prototype = change.prototype if change.prototype is not None else prototype
        special = change.special if change.special is not None else special
    return derive_effects(flags, prototype, special)


def _acquires(effects: Effects) -> bool:
    return effects.acquires or bool(effects.special & _ACQUIRING)


def _consumes(effects: Effects) -> bool:
    return effects.releases is not None or bool(effects.special & _CONSUMING)


def _check_release(function: Function, word: Word, functions: Mapping[str, Function]) -> None:
    """`word` names a function that ends references of the type that `function` acquires."""
    target = functions.get(word.text)
    if target is None:
        near = difflib.get_close_matches(word.text, functions, 1, 0.8)
        hint = f", did you mean '{near[0]}'?" if near else ""
        raise SpecError(f"release '{word.text}' of '{function.name}' is not in any spec{hint}", word.place)
    effects = _effects(target)
    if not _consumes(effects):
        raise SpecError(
            f"release '{word.text}' of '{function.name}' does not release anything (no KF_RELEASE)", word.place
        )
    acquired = function.prototype.result.struct_name
    if effects.releases is None or effects.special & _CONSUMING:
        return
    released = target.prototype.params[effects.releases].ctype.struct_name
    # void * on either side is an object of the program's own type, or a socket under one of its names.
    if acquired and released and acquired != released and not _same_object(acquired, released):
        raise SpecError(
            f"'{function.name}' acquires struct {acquired}, but '{word.text}' releases struct {released}",
            word.place,
        )


def _same_object(acquired: str, released: str) -> bool:
    """A list or rbtree node stands for the object that contains it."""
    return acquired in ("bpf_list_node", "bpf_rb_node") and released == ""


def release_candidates(function: Function, functions: Mapping[str, Function]) -> tuple[str, ...]:
    """Names of the pure release functions for the type that `function` acquires, sorted; none when it does not."""
    if not _acquires(_effects(function)):
        return ()
    acquired = function.prototype.result.struct_name
    found = []
    for other in functions.values():
        effects = _effects(other)
        if not acquired or effects.releases is None or effects.acquires:
            continue
        if other.prototype.params[effects.releases].ctype.struct_name == acquired:
            found.append(other.name)
    return tuple(sorted(found))


def _refuse_cycles(functions: Mapping[str, Function]) -> None:
    """From every acquire some chain of releases must end: a function that only hands on never frees anything."""
    ending = {name for name, f in functions.items() if not f.release}
    grown = True
    while grown:
        more = {
            name for name, f in functions.items() if name not in ending and any(r in ending for r in f.release)
        }
        grown = bool(more)
        ending |= more
    for name, function in functions.items():
        if name not in ending:
            chain = " -> ".join([name, *function.release[:1]])
            raise SpecError(f"releases of '{name}' form a cycle ({chain} ...), none of them ends", function.place)


def check_renames(functions: Mapping[str, Function], places: Mapping[str, Place]) -> None:
    """What a function was called before is a function of the specs, and no chain of names comes back to itself."""
    for name, place in places.items():
        seen = [name]
        while former := functions[seen[-1]].formerly:
            if former not in functions:
                raise SpecError(f"'{seen[-1]}' was formerly '{former}', which is not in any spec", place)
            if former in seen:
                raise SpecError(f"'{former}' was formerly itself ({' <- '.join([*seen, former])})", place)
            seen.append(former)


def _check_flags(function: Function, flags: tuple[str, ...], prototype: Prototype) -> None:
    """Flags that ask for something the prototype does not have."""
    name, result = function.name, prototype.result
    if "KF_ACQUIRE" in flags and not result.is_pointer:
        raise SpecError(f"'{name}' has KF_ACQUIRE, but its result '{result}' is no pointer", function.place)
    if "KF_RET_NULL" in flags and result.kind == "void":
        raise SpecError(f"'{name}' has KF_RET_NULL, but it returns nothing", function.place)
    if "KF_RELEASE" in flags and derive_effects(flags, prototype, frozenset()).releases is None:
        raise SpecError(f"'{name}' has KF_RELEASE, but no parameter that could be released", function.place)
    steps = [flag for flag in flags if flag.startswith("KF_ITER_")]
    if len(steps) > 1:
        raise SpecError(
            f"'{name}' has {steps[0]} and {steps[1]}, a function is one step of an iterator", function.place
        )


def _check_iterator(function: Function, functions: Mapping[str, Function]) -> None:
    """bpf_iter_<type>_{new,next,destroy} come together and take `struct bpf_iter_<type> *` first."""
    effects = _effects(function)
    if not effects.iterator:
        return
    name = function.name
    if not name.endswith(f"_{effects.iterator}"):
        raise SpecError(
            f"'{name}' is an iterator's {effects.iterator}, expected a name ending in _{effects.iterator}",
            function.place,
        )
    stem = name.removesuffix(f"_{effects.iterator}")
    params = function.prototype.params
    if not params or params[0].ctype.struct_name != stem:
        raise SpecError(f"'{name}' must take 'struct {stem} *' as first parameter", function.place)
    for step in ("new", "next", "destroy"):
        other = functions.get(f"{stem}_{step}")
        if other is None or _effects(other).iterator != step:
            raise SpecError(f"iterator '{stem}' lacks '{stem}_{step}' with KF_ITER_{step.upper()}", function.place)
    if effects.iterator == "next" and not effects.may_be_null:
        raise SpecError(f"'{name}' must return a pointer and have KF_RET_NULL", function.place)
