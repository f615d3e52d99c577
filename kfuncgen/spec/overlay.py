"""Specs seen through a kept probe: on the kernel that it was taken from, its facts go before the specs'.

In: a `SpecSet` and the `KernelFacts` of a probe. Out: a `SpecSet` in which that kernel has just the functions,
flags, hooks and prototypes of the probe; other kernels are as before. What the probe does not have is missing
there, unless it may come with a module that was not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from kfuncgen.diagnostic import Place
from kfuncgen.records import replace
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts
from kfuncgen.spec.model import Family, Function, Measured, Prototype, SpecSet
from kfuncgen.spec.normalise import normalised
from kfuncgen.spec.prototype import PrototypeError, parse_prototype
from kfuncgen.spec.references import release_candidates
from kfuncgen.spec.words import HOOKS, KF_FLAGS

MODULES = "CONFIG_MODULES"
"""What a kernel needs to load any module."""

FAMILY = "probed"
"""The family of kfuncs that a probe found and no spec knows."""


def with_facts(specs: SpecSet, probes: Iterable[KernelFacts]) -> SpecSet:
    """`specs` with the facts of `probes`; of two probes of one kernel the later one counts."""
    functions = dict(specs.functions)
    added: dict[str, Function] = {}
    for facts in probes:
        for name, function in list(functions.items()):
            if function.kind == "kfunc":
                functions[name] = _measured(function, facts)
        for name, found in facts.kfuncs.items():
            if name not in functions:
                new = _new(found, facts)
                if new is not None:
                    functions[name] = added[name] = new
    for name in added:
        functions[name] = added[name] = replace(added[name], release=release_candidates(added[name], functions))
    families = [
        replace(family, functions=tuple(functions[f.name] for f in family.functions)) for family in specs.families
    ]
    if added:
        families.append(Family(FAMILY, "Found by a probe, in no spec", Place(""), tuple(added.values()), ()))
    return replace(specs, families=tuple(families), functions=functions)


def why_absent(function: Function, facts: KernelFacts) -> str:
    """Why this kernel may lack `function` although its release has it, "" when nothing explains that."""
    if facts.config is not None and function.module and facts.config.get(MODULES) == "n" and not function.config:
        return f"built without {MODULES}"
    if facts.config is not None and (function.config or not function.module):
        lacking = [option for option in function.config if facts.config.get(option, "n") == "n"]
        if lacking:
            return f"built without {', '.join(lacking)}"
        modular = [option for option in function.config if facts.config.get(option) == "m"]
        return f"in a module that is not loaded ({function.module or ', '.join(modular)})" if modular else ""
    if function.module and (facts.origin == "probe" or not facts.complete):
        return f"in a module that is not loaded ({function.module})"
    if facts.origin == "probe" and function.config:
        return f"needs {' and '.join(function.config)}, and the kernel's configuration is not known"
    if facts.complete:
        return ""
    if function.config:
        return f"may need {' and '.join(function.config)}"
    return "has no tag there" if set(function.at(facts.kernel).hooks) == {"FMODRET"} else ""


def may_come(function: Function, facts: KernelFacts) -> bool:
    """Whether `function`, which the probe did not find, may still come with a module."""
    return why_absent(function, facts).startswith("in a module")


def _measured(function: Function, facts: KernelFacts) -> Function:
    """`function` with what the probe says of it."""
    others = tuple(entry for entry in function.measured if entry.kernel != facts.kernel)
    found = facts.kfuncs.get(function.name)
    if found is not None:
        entry = _facts(function, found, facts)
    elif may_come(function, facts):
        return function
    else:
        entry = Measured(facts.kernel, False)
    return replace(function, measured=(*others, entry))


def _facts(function: Function, found: KfuncFacts, facts: KernelFacts) -> Measured:
    flags = known_words(found.common_flags, KF_FLAGS)
    hooks = known_words(tuple(found.hooks) if found.hooks is not None else None, HOOKS)
    others = {hook: known_words(theirs, KF_FLAGS) or () for hook, theirs in (found.hooks or {}).items()}
    prototype = None
    expected = function.at(facts.kernel).prototype.text
    if found.prototype is not None and normalised(found.prototype) != normalised(expected):
        prototype = _parsed(found, flags or ())
    by_hook = {hook: theirs for hook, theirs in others.items() if theirs != flags}
    return Measured(facts.kernel, True, flags, hooks, prototype, by_hook)


def known_words(words: tuple[str, ...] | None, vocabulary: tuple[str, ...]) -> tuple[str, ...] | None:
    """Those of `words` that specs know, in the vocabulary's order; None stays None."""
    return None if words is None else tuple(word for word in vocabulary if word in words)


def _parsed(found: KfuncFacts, flags: tuple[str, ...]) -> Prototype | None:
    """The prototype of the probe; None when it uses types that specs cannot express, or is another function's."""
    try:
        name, prototype = parse_prototype(found.prototype or "", any(f.startswith("KF_ITER_") for f in flags))
    except PrototypeError:
        return None
    return prototype if name == found.name else None


def _new(found: KfuncFacts, facts: KernelFacts) -> Function | None:
    """A function for a kfunc that no spec knows, on the probed kernel and later ones; None without a prototype."""
    flags = known_words(found.common_flags, KF_FLAGS) or ()
    prototype = _parsed(found, flags)
    hooks = known_words(tuple(found.hooks or ()), HOOKS)
    if prototype is None or not hooks:
        return None
    return Function(
        name=found.name,
        kind="kfunc",
        family=FAMILY,
        prototype=prototype,
        flags=flags,
        hooks=hooks,
        since=facts.kernel,
        place=facts.place,
        module=found.module,
    )
