"""Facts of a kernel into spec files: flags, hooks, prototypes and `since`, in place; all other text stays.

In: spec files as text, the facts of one kernel. Out: the files' new text and what changed in words. What the facts
say holds for their kernel; kernels with which a family was compared before (`kernels:`) keep what it said of them,
by an entry under `changes`. A second import changes nothing. Nothing is written here, and nothing is returned that
would not load.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from kfuncgen.diagnostic import UsageError
from kfuncgen.facts.check import FILTER_WORDS
from kfuncgen.facts.yamledit import SpecText, quoted, words, written_block
from kfuncgen.records import Struct, field
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts
from kfuncgen.spec.load import builtin_nodes, link, user_files
from kfuncgen.spec.model import Function, Kernel, SpecSet
from kfuncgen.spec.normalise import normalised
from kfuncgen.spec.overlay import known_words
from kfuncgen.spec.shape import CHANGE_KEYS, FUNCTION_KEYS, RawFamily, read_family
from kfuncgen.spec.words import HOOKS, KF_FLAGS
from kfuncgen.spec.yamlsrc import decoded, parse_yaml, read_bytes

BOM = "\ufeff"
"""What some editors put before UTF-8 text."""

Field = Literal["flags", "hooks", "prototype"]
FIELDS: tuple[Field, ...] = ("prototype", "flags", "hooks")


class Import(Struct):
    """The result: `texts` of the files that are to be written by name; lines for the user; `stubs` of kfuncs that
    belong into no file yet; `made`: the files that are new."""

    texts: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    stubs: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


class _Home(Struct, frozen=True):
    """A function's file."""

    file: str
    family: RawFamily


class Plan(Struct, frozen=True):
    """Where kfuncs go that no spec has: the file `add_to`, a new one of the family `family` when it is not there
    yet; "" for nowhere. `hooks` are theirs where the facts do not tell."""

    add_to: str = ""
    family: str = ""
    hooks: tuple[str, ...] = ()


def import_facts(files: Mapping[str, str], facts: KernelFacts, plan: Plan) -> Import:
    """`files` (text by name) with the facts in them.

    SpecError when a file is wrong before or after; UsageError when hooks of a new kfunc are not known.
    """
    raw = {name: read_family(parse_yaml(text.encode(), name)) for name, text in files.items()}
    specs = _linked(raw.values())
    homes = {
        f.name: _Home(name, entry) for name, entry in raw.items() for f in entry.functions if f.kind == "kfunc"
    }
    texts = {name: SpecText(text.removeprefix(BOM).replace("\r\n", "\n")) for name, text in files.items()}
    result = Import()
    new: list[KfuncFacts] = []
    for name, found in sorted(facts.kfuncs.items()):
        home = homes.get(name)
        if home is not None:
            _update(texts[home.file], home, specs.functions[name], found, facts.kernel, result)
        elif name not in specs.functions:
            new.append(found)
    if new:
        _add(texts, new, facts, specs, result, plan)
    written = {name: _as_before(text.text, files.get(name, "")) for name, text in texts.items()}
    result.texts = {name: text for name, text in written.items() if text != files.get(name)}
    _linked(read_family(parse_yaml(text.text.encode(), name)) for name, text in texts.items())
    return result


def _as_before(text: str, before: str) -> str:
    """`text` with the line ends of `before`."""
    if "\r\n" in before:
        text = text.replace("\n", "\r\n")
    return BOM + text if before.startswith(BOM) else text


def _linked(families: Iterable[RawFamily]) -> SpecSet:
    """The specs of `families`, with the built-in ones that they do not replace."""
    own = list(families)
    names = {entry.name for entry in own}
    functions = {f.name for entry in own for f in entry.functions}
    builtin = map(read_family, builtin_nodes())
    others = [b for b in builtin if b.name not in names and not functions & {f.name for f in b.functions}]
    return link([*others, *own])


def read_files(paths: Iterable[Path]) -> dict[str, str]:
    """The text of the spec files at `paths`, by name: files, and what folders hold.

    A file that is not there yet is none of them.
    """
    files = {}
    for path in paths:
        for file in user_files(path) if path.exists() else ():
            data = read_bytes(file)
            decoded(data, str(file))  # refuses what is no text
            files[str(file)] = data.decode("utf-8")
    return files


def report(result: Import) -> Iterator[str]:
    """What was done, line by line, and the stubs."""
    yield from result.lines
    if result.stubs:
        yield f"# {len(result.stubs)} in no spec, to be put under 'kfuncs:' of a spec file (--new FILE does it)"
        for stub in result.stubs:
            yield from stub.splitlines()
    if not result.lines and not result.stubs:
        yield "nothing to change"
    for name in result.made:
        yield f"{name} is new: --spec {name}, or spec-paths in kfuncgen.toml with its folder, make it known"


def as_diff(files: Mapping[str, str], result: Import) -> str:
    """The changes of the files as a unified diff."""
    parts: list[str] = []
    for name, text in result.texts.items():
        old = files.get(name, "").splitlines(keepends=True)
        parts += difflib.unified_diff(old, text.splitlines(keepends=True), name, name)
    return "".join(parts)


# Kfuncs that a file has.

Value = tuple[str, ...]
"""Words, or one prototype."""


def _update(
    text: SpecText, home: _Home, function: Function, found: KfuncFacts, kernel: Kernel, result: Import
) -> None:
    """Bring the entry of `function` in line with the facts."""
    where = f"{home.file}: {function.name}"
    path = ("kfuncs", function.name)
    if kernel >= function.since and not function.exists_at(kernel):
        result.lines.append(f"{where}: {kernel} has it, the spec does not (until {function.until}); left as it is")
        return
    if kernel < function.since:
        text.set(path, "since", quoted(str(kernel)), FUNCTION_KEYS)
        result.lines.append(f"{where}: since {function.since} -> {kernel}")
    for name in FIELDS:
        value = _value(name, function, found, kernel)
        if value is not None:
            before = _shown(name, _at(name, function, kernel))
            _write(text, path, name, function, home.family.kernels, kernel, value)
            result.lines.append(f"{where}: {name} {before} -> {_shown(name, value)} ({kernel})")
    if found.filter is not None and function.filter != "css-task-iter":
        word = FILTER_WORDS.get(found.filter, found.filter)
        if word != function.filter:
            ours, theirs = function.filter or "none", word or "none"
            result.lines.append(f"{where}: filter {ours}, the kernel's is {theirs}; to be written by hand")


def _value(name: Field, function: Function, found: KfuncFacts, kernel: Kernel) -> Value | None:
    """What the facts say of a field when the spec says otherwise on `kernel`; None when there is nothing to do."""
    ours = _at(name, function, kernel)
    if name == "prototype":
        same = found.prototype is None or normalised(found.prototype) == normalised(ours[0])
        return None if same else (found.prototype or "",)
    if found.hooks is None:
        return None
    if name == "hooks":
        theirs = known_words(tuple(found.hooks), HOOKS) or ()
    elif all(set(function.at(kernel, hook).flags) == set(flags) for hook, flags in found.hooks.items()):
        return None
    else:
        theirs = known_words(found.common_flags, KF_FLAGS) or ()
    return None if set(theirs) == set(ours) else theirs


def _at(name: Field, function: Function, kernel: Kernel) -> Value:
    contract = function.at(kernel)
    return {"flags": contract.flags, "hooks": contract.hooks, "prototype": (contract.prototype.text,)}[name]


def _write(
    text: SpecText,
    path: tuple[str, ...],
    name: Field,
    function: Function,
    checked: Collection[Kernel],
    kernel: Kernel,
    value: Value,
) -> None:
    """Write `value` as of `kernel`, so that `checked` kernels keep theirs.

    Where none of those lies between the kernel at which the present value begins and `kernel`, that value is taken
    for wrong and replaced; else it ended at `kernel`.
    """
    base = min(kernel, function.since)
    steps = {function.since: _at(name, function, function.since)}
    steps |= {change.since: _at(name, function, change.since) for change in function.changes}
    start = max((step for step in steps if step <= kernel), default=kernel)
    following = min((step for step in steps if step > kernel), default=None)
    later = [k for k in sorted(checked) if k > kernel and (following is None or k < following)]
    if later and start in steps:
        steps[later[0]] = steps[start]
    steps[kernel if any(start <= k < kernel for k in checked) else start] = value
    if steps[base] != _at(name, function, function.since) or (name == "hooks" and not text.has(path, name)):
        text.set(path, name, _written(name, steps[base]), FUNCTION_KEYS)
    previous = steps.pop(base)
    for step in sorted(steps):
        _state(text, path, step, name, steps[step], changed=steps[step] != previous)
        previous = steps[step]


def _state(text: SpecText, path: tuple[str, ...], step: Kernel, name: Field, value: Value, changed: bool) -> None:
    """Have `changes` say just what changes in `step`: `name` with `value`, or nothing of `name`."""
    changes, at = (*path, "changes"), str(step)
    written = _written(name, value)
    if not changed:
        text.delete((*changes, at), name)
        if at in text.keys(changes) and not text.keys((*changes, at)):
            text.delete(changes, at)
        if text.has(path, "changes") and not text.keys(changes):
            text.delete(path, "changes")
    elif not text.has(path, "changes"):
        text.set(path, "changes", {at: {name: written}}, FUNCTION_KEYS)
    elif at not in text.keys(changes):
        versions = sorted({*text.keys(changes), at}, key=Kernel.parse)
        text.set(changes, at, {name: written}, versions)
    else:
        text.set((*changes, at), name, written, CHANGE_KEYS)


def _written(name: Field, value: Value) -> str:
    return value[0] if name == "prototype" else words(value)


def _shown(name: Field, value: Value) -> str:
    return value[0] if name == "prototype" else " ".join(value) or "none"


# Kfuncs that no spec has.


def _add(
    texts: dict[str, SpecText],
    new: Sequence[KfuncFacts],
    facts: KernelFacts,
    specs: SpecSet,
    result: Import,
    plan: Plan,
) -> None:
    """Entries for `new` in the file of the plan, or as stubs."""
    releases = {found.name: _releases(found, new, specs) for found in new}
    for found in new:
        if not plan.add_to:
            result.stubs.append(_entry(found, facts.kernel, plan, releases[found.name]))
            continue
        if not found.hooks and not plan.hooks:
            raise UsageError(
                f"no header and no BTF tells the program types of '{found.name}': give them with --hooks (XDP,TC "
                "...), or import from the module's source (--linux) or the running kernel (--live)"
            )
        entry = _entry(found, facts.kernel, plan, releases[found.name])
        if plan.add_to not in texts:
            family = plan.family or re.sub(r"\W+", "_", Path(plan.add_to).stem.lower())
            head = f"family: {family}\nsummary: Functions of the module {family}.\n\nkfuncs:\n"
            result.made.append(plan.add_to)
            texts[plan.add_to] = SpecText(head + textwrap.indent(entry, "  "))
        else:
            texts[plan.add_to].add_block(("kfuncs",), entry)
        result.lines.append(f"{plan.add_to}: {found.name}: new")


def _entry(found: KfuncFacts, kernel: Kernel, plan: Plan, release: Sequence[str]) -> str:
    """The YAML of one kfunc."""
    hooks = known_words(tuple(found.hooks or ()), HOOKS) or tuple(plan.hooks)
    lines = {
        "prototype": found.prototype or f"void {found.name}(void)",
        "flags": words(known_words(found.common_flags, KF_FLAGS) or ()),
        "hooks": words(hooks),
        "since": quoted(str(kernel)),
    }
    if found.filter and found.filter in FILTER_WORDS:
        lines["filter"] = FILTER_WORDS[found.filter]
    if found.module:
        lines["module"] = found.module
    if release:
        lines["release"] = words(release)
    others = {hook: words(flags) for hook, flags in (found.hooks or {}).items() if flags != found.common_flags}
    if others:
        lines["hook-flags"] = "{" + ", ".join(f"{hook}: {flags}" for hook, flags in others.items()) + "}"
    return written_block(found.name, {key: lines[key] for key in FUNCTION_KEYS if key in lines})


def _releases(found: KfuncFacts, new: Sequence[KfuncFacts], specs: SpecSet) -> list[str]:
    """What releases the type that a new kfunc acquires, where that is not clear by itself (one candidate)."""
    if "KF_ACQUIRE" not in (found.common_flags or ()):
        return []
    acquired = _acquired(found.prototype or "")
    known = [
        f.name for f in specs.functions.values() if "KF_RELEASE" in f.flags and _takes(f.prototype.text, acquired)
    ]
    known += [
        f.name for f in new if "KF_RELEASE" in (f.common_flags or ()) and _takes(f.prototype or "", acquired)
    ]
    return known if len(known) > 1 else []


def _acquired(prototype: str) -> str:
    """`struct x` of the pointer that a function returns."""
    match = re.match(r"(?:const )?(struct \w+) \*", prototype)
    return match[1] if match else ""


def _takes(prototype: str, acquired: str) -> bool:
    return bool(acquired) and re.search(rf"\({re.escape(acquired)} \*", prototype) is not None
