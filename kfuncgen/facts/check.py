"""The specs against one kernel: every difference by name and kind.

In: the specs and the `KernelFacts` of a kernel. Out: a `Comparison`. What the kernel was built without, or has in
a module that is not loaded, is no difference and told apart, where the kernel's configuration says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from kfuncgen.records import Struct
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts
from kfuncgen.spec.model import Contract, SpecSet
from kfuncgen.spec.normalise import normalised
from kfuncgen.spec.overlay import why_absent

KINDS = ("missing", "absent", "flags", "hooks", "filter", "prototype")
"""missing: the kernel has it and the specs do not; absent: the specs say so and the kernel does not have it."""

FILTER_WORDS = {
    "bpf_fs_kfuncs_filter": "lsm",
    "bpf_get_fsverity_digest_filter": "lsm",
    "tracing_iter_filter": "iter",
    "bpf_kprobe_multi_filter": "kprobe-session",
}
"""The kernel's filter functions (6.12 to 6.18), and the specs' words for the programs they let through."""

TEST_SOURCES = "tools/testing/"


class Difference(Struct, frozen=True):
    """One fact on which specs and kernel do not agree; `place`: of the spec, else the kernel's."""

    name: str
    kind: str
    spec: str
    kernel: str
    place: str


class Comparison(Struct, frozen=True):
    """`compared`: how many kfuncs are in both; `told`: (name, reason) of what is missing for a known reason."""

    facts: KernelFacts
    compared: int
    differences: tuple[Difference, ...]
    told: tuple[tuple[str, str], ...]


def compare(specs: SpecSet, facts: KernelFacts) -> Comparison:
    """Every difference between what `specs` say of the kernel of `facts` and what that kernel says, by name."""
    known = {f.name: f for f in specs.functions.values() if f.kind == "kfunc" and f.exists_at(facts.kernel)}
    differences: list[Difference] = []
    told: list[tuple[str, str]] = []
    for name in sorted({*known, *facts.kfuncs}):
        function, found = known.get(name), facts.kfuncs.get(name)
        if function is None and found is not None:
            if found.place.startswith(TEST_SOURCES):
                told.append((name, "of a test module of the kernel, not in the specs"))
            else:
                differences.append(Difference(name, "missing", "", describe(found), found.place))
        elif function is not None and found is None:
            reason = why_absent(function, facts)
            if reason:
                told.append((name, reason))
            else:
                life = f"since {function.since}"
                differences.append(Difference(name, "absent", life, "", str(function.place)))
        elif function is not None and found is not None:
            differences += _facts_of(function.at(facts.kernel), found)
    return Comparison(facts, len(known.keys() & facts.kfuncs.keys()), tuple(differences), tuple(told))


def _facts_of(contract: Contract, found: KfuncFacts) -> list[Difference]:
    """The differences in the facts of one kfunc that both have."""
    place = str(contract.function.place)
    pairs: list[tuple[str, str, str]] = []
    if found.hooks is not None:
        pairs.append(("hooks", " ".join(sorted(contract.hooks)), " ".join(sorted(found.hooks))))
        pairs += _flag_pairs(contract, found.hooks)
    if found.filter is not None and contract.function.filter != "css-task-iter":
        pairs.append(("filter", contract.function.filter, FILTER_WORDS.get(found.filter, found.filter)))
    differences = [
        Difference(contract.name, kind, ours, theirs, place) for kind, ours, theirs in pairs if ours != theirs
    ]
    ours, theirs = contract.prototype.text, found.prototype
    if theirs is not None and normalised(ours) != normalised(theirs):
        differences.append(Difference(contract.name, "prototype", ours, theirs, place))
    return differences


def _flag_pairs(contract: Contract, hooks: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str, str]]:
    """(kind, spec, kernel) of the flags where they differ; with the hooks where those differ in them."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for hook, flags in sorted(hooks.items()):
        ours = contract.function.at(contract.kernel, hook).flags
        if set(ours) != set(flags):
            pairs.setdefault((" ".join(ours), " ".join(flags)), []).append(hook)
    if len(pairs) == 1 and len(next(iter(pairs.values()))) == len(hooks):
        ((one, two),) = pairs
        return [("flags", one, two)]
    return [("flags", one, f"{two or 'none'} ({' '.join(names)})") for (one, two), names in pairs.items()]


def describe(found: KfuncFacts) -> str:
    """A kfunc of a kernel in one line."""
    hooks = f" [{' '.join(found.hooks)}]" if found.hooks else ""
    flags = f" {' '.join(found.common_flags)}" if found.common_flags else ""
    return f"{found.prototype or found.name}{hooks}{flags}"


class Change(Struct, frozen=True):
    """A kfunc that is not the same in two kernels: `kind` is came, went, or what changed."""

    name: str
    kind: str
    before: str
    after: str


def between(old: Mapping[str, Contract], new: Mapping[str, Contract]) -> list[Change]:
    """What came, went and changed from the kfuncs `old` to the kfuncs `new`, by name."""
    changes: list[Change] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            changes.append(Change(name, "came", "", after.prototype.text))
        elif after is None and before is not None:
            changes.append(Change(name, "went", before.prototype.text, ""))
        elif before is not None and after is not None:
            pairs = [("flags", " ".join(before.flags), " ".join(after.flags)),
                     ("hooks", " ".join(before.hooks), " ".join(after.hooks))]  # fmt: skip
            changes += [Change(name, kind, one, two) for kind, one, two in pairs if one != two]
            if normalised(before.prototype.text) != normalised(after.prototype.text):
                changes.append(Change(name, "prototype", before.prototype.text, after.prototype.text))
    return changes
