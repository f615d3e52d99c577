"""Spec files to a `SpecSet`: the second of two steps, in which the words must fit together.

In: the built-in specs of the package and the files of users' folders. Out: one `SpecSet` in which every reference
resolves, or the first SpecError; nothing is half-loaded. Shapes were checked before, by `shape`.

The rules about flags and iterators are the kernel's own (see `references`); the others keep specs from saying what
cannot be true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import (
    Change,
    ErrorCause,
    Family,
    Function,
    Kernel,
    OptionsStruct,
    Param,
    Prototype,
    SpecSet,
)
from kfuncgen.spec.options import build_options
from kfuncgen.spec.prototype import PrototypeError, parse_prototype
from kfuncgen.spec.reading import Word
from kfuncgen.spec.references import check_references, check_renames, resolve_releases
from kfuncgen.spec.shape import RawFamily, RawFunction, read_family
from kfuncgen.spec.yamlsrc import MAX_BYTES, Node, parse_yaml, read_yaml

MAX_FILES = 500
"""Spec files per folder; the kernel's own kfuncs take about 30."""


@cache
def load_builtin() -> SpecSet:
    """The specs of the package, loaded once per process."""
    return load_specs()


def load_specs(extra_dirs: Iterable[Path] = ()) -> SpecSet:
    """The built-in specs together with those of `extra_dirs` (each a folder of *.yaml, or one file).

    SpecError carries the place of the first mistake; names of built-in functions cannot be given again.
    """
    extra = [read_family(node) for folder in extra_dirs for node in user_nodes(Path(folder))]
    return link([*_builtin_families(), *extra])


@cache
def _builtin_families() -> tuple[RawFamily, ...]:
    """The package's own files, read once; linking does not change them."""
    return tuple(read_family(node) for node in builtin_nodes())


def builtin_nodes() -> list[Node]:
    """The package's spec files; their places read `specs/<family>.yaml`, wherever the package is installed."""
    folder = files("kfuncgen") / "specs"
    entries = sorted((e for e in folder.iterdir() if e.name.endswith(".yaml")), key=lambda e: e.name)
    if not entries:
        raise SpecError("the installation has no built-in specs", Place("specs"))
    nodes = []
    for entry in entries:
        with entry.open("rb") as stream:
            nodes.append(parse_yaml(stream.read(MAX_BYTES + 1), f"specs/{entry.name}"))
    return nodes


def user_nodes(path: Path) -> list[Node]:
    """The spec files at `path`, read."""
    return [read_yaml(file) for file in user_files(path)]


def user_files(path: Path) -> list[Path]:
    """The spec files at `path`: the *.yaml and *.yml directly in a folder, by name, or the one file."""
    if not path.is_dir():
        return [path]
    try:
        found = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml") and not p.name.startswith("."))
    except OSError as error:
        raise SpecError(f"cannot read the spec folder: {error.strerror}", Place(str(path))) from error
    if not found:
        raise SpecError("the spec folder has no *.yaml files", Place(str(path)))
    if len(found) > MAX_FILES:
        raise SpecError(f"the spec folder has {len(found)} files, expected at most {MAX_FILES}", Place(str(path)))
    return found


def link(raw_families: Sequence[RawFamily]) -> SpecSet:
    """The `SpecSet` of all `raw_families` together; SpecError when they contradict themselves or each other."""
    _refuse_duplicates(raw_families)
    options: dict[str, OptionsStruct] = {}
    built: list[_Built] = []
    for raw in raw_families:
        own = tuple(build_options(entry) for entry in raw.options)
        options.update((struct.name, struct) for struct in own)
        built.append(_Built(raw, own, tuple(_function(entry, raw) for entry in raw.functions)))
    releases = {f.name: f.release for raw in raw_families for f in raw.functions}
    functions = {f.name: f for b in built for f in b.functions}
    outputs = {f.name: f.outputs for raw in raw_families for f in raw.functions}
    functions = {name: _with_options(f, options, outputs[name]) for name, f in functions.items()}
    functions = resolve_releases(functions, releases)
    check_references(functions)
    check_renames(
        functions, {f.name: f.formerly.place for raw in raw_families for f in raw.functions if f.formerly}
    )
    families = tuple(
        Family(b.raw.name, b.raw.summary, b.raw.place, tuple(functions[f.name] for f in b.functions), b.options)
        for b in built
    )
    checked = tuple(sorted({k for raw in raw_families for k in raw.kernels}))
    newest = checked[-1] if checked else max(f.since for f in functions.values())
    return SpecSet(families, functions, options, newest, checked)


class _Built(Struct, frozen=True):
    """A family whose functions are built but not yet linked."""

    raw: RawFamily
    options: tuple[OptionsStruct, ...]
    functions: tuple[Function, ...]


def _refuse_duplicates(raw_families: Sequence[RawFamily]) -> None:
    """One name, one place: of families, of functions (kfuncs and helpers share one space) and of structs."""
    seen: dict[tuple[str, str], Place] = {}
    for raw in raw_families:
        names = [("family", raw.name, raw.place)]
        names += [("function", f.name, f.place) for f in raw.functions]
        names += [("options struct", o.name, o.place) for o in raw.options]
        for kind, name, place in names:
            first = seen.setdefault((kind, name), place)
            if first is not place:
                raise SpecError(f"{kind} '{name}' is already defined at {first}", place)


def _function(raw: RawFunction, family: RawFamily) -> Function:
    """The function of one entry, with the family's defaults; references to other entries stay open."""
    since = raw.since or family.since
    if since is None:
        raise SpecError(f"{raw.kind} '{raw.name}' lacks the key 'since', and so does its family", raw.place)
    hooks = raw.hooks or ()
    if raw.kind == "kfunc" and raw.hooks is None:
        hooks = next((c.hooks for c in reversed(family.changes) if c.hooks and c.since <= since), family.hooks)
    if raw.kind == "kfunc" and not hooks:
        raise SpecError(f"kfunc '{raw.name}' lacks the key 'hooks', and so does its family", raw.place)
    if raw.until is not None and raw.until <= since:
        raise SpecError(f"{raw.kind} '{raw.name}' ends in {raw.until}, before it begins in {since}", raw.place)
    _check_hook_flags(raw, hooks)
    prototype = _prototype(raw, raw.prototype, raw.flags, called=hooks != ("FMODRET",))
    return Function(
        name=raw.name,
        kind=raw.kind,
        family=family.name,
        prototype=prototype,
        flags=raw.flags,
        hooks=hooks,
        hook_flags=raw.hook_flags,
        since=since,
        place=raw.place,
        until=raw.until,
        changes=_with_family(_changes(raw, since, prototype), raw, family, since),
        special=frozenset(raw.special),
        filter=raw.filter if raw.filter is not None else family.filter,
        config=raw.config if raw.config is not None else family.config,
        module=raw.module if raw.module is not None else family.module,
        formerly=raw.formerly.text if raw.formerly is not None else "",
        summary=raw.summary,
        notes=raw.notes,
        errors=tuple(ErrorCause(error, cause) for error, cause in raw.errors),
    )


def _check_hook_flags(raw: RawFunction, hooks: tuple[str, ...]) -> None:
    """Flags are given for hooks that the function has on some kernel."""
    known = {*hooks, *(hook for change in raw.changes for hook in change.hooks or ())}
    for hook in raw.hook_flags:
        if hook not in known:
            raise SpecError(f"'hook-flags' of '{raw.name}' names {hook}, which is none of its hooks", raw.place)


def _changes(raw: RawFunction, since: Kernel, prototype: Prototype) -> tuple[Change, ...]:
    changes = []
    flags = raw.flags
    for entry in raw.changes:
        if entry.since <= since or (raw.until is not None and entry.since >= raw.until):
            span = f"after {since}" + (f" and before {raw.until}" if raw.until else "")
            raise SpecError(
                f"the change of {entry.since} is outside the function's life, expected {span}", entry.place
            )
        flags = entry.flags if entry.flags is not None else flags
        changed = _prototype(raw, entry.prototype, flags) if entry.prototype else None
        if changed is not None and changed == prototype:
            raise SpecError(f"the change of {entry.since} gives the prototype that was there before", entry.place)
        prototype = changed or prototype
        special = frozenset(entry.special) if entry.special is not None else None
        changes.append(Change(entry.since, entry.flags, entry.hooks, changed, entry.place, special, entry.present))
    return tuple(changes)


def _with_family(
    changes: tuple[Change, ...], raw: RawFunction, family: RawFamily, since: Kernel
) -> tuple[Change, ...]:
    """`changes` and the family's changes of hooks within the function's life, unless it has hooks of its own."""
    if raw.kind == "helper" or raw.hooks is not None:
        return changes
    merged = {change.since: change for change in changes}
    for entry in family.changes:
        if entry.since <= since or (raw.until is not None and entry.since >= raw.until):
            continue
        own = merged.get(entry.since, Change(entry.since, place=entry.place))
        merged[entry.since] = own if own.hooks is not None else replace(own, hooks=entry.hooks)
    return tuple(merged[kernel] for kernel in sorted(merged))


def _prototype(raw: RawFunction, text: Word, flags: tuple[str, ...], called: bool = True) -> Prototype:
    """The parsed prototype with the parameters' documentation; its name must be the entry's."""
    iterator = any(flag.startswith("KF_ITER_") for flag in flags)
    try:
        name, prototype = parse_prototype(text.text, iterator, called)
    except PrototypeError as error:
        raise SpecError(f"{raw.kind} '{raw.name}': {error}", text.place) from None
    if name != raw.name:
        raise SpecError(f"the prototype is that of '{name}', expected '{raw.name}'", text.place)
    names = {p.name for p in prototype.params}
    for documented, summary in raw.params.items():
        # A parameter that only a later prototype has is documented with the function all the same.
        if documented not in names and text is raw.prototype and not any(c.prototype for c in raw.changes):
            known = ", ".join(p.name for p in prototype.params) or "none"
            raise SpecError(f"'{raw.name}' has no parameter '{documented}', it has {known}", summary.place)
    for given, example in raw.examples.items():
        if given not in names and text is raw.prototype and not any(c.prototype for c in raw.changes):
            raise SpecError(f"'{raw.name}' has no parameter '{given}' to give an example of", example.place)
    params = tuple(_described(p, raw) for p in prototype.params)
    return replace(prototype, params=params)


def _described(param: Param, raw: RawFunction) -> Param:
    """`param` with its documentation and its example."""
    summary = raw.params[param.name].text if param.name in raw.params else param.summary
    example = raw.examples[param.name].text if param.name in raw.examples else param.example
    return replace(param, summary=summary, example=example)


def _with_options(function: Function, options: dict[str, OptionsStruct], outputs: tuple[Word, ...]) -> Function:
    """`function` with the options structs that its parameters point to; `outputs` are only written to."""
    names = {param.name for param in function.prototype.params}
    for word in outputs:
        if word.text not in names:
            raise SpecError(f"'{function.name}' has no parameter '{word.text}'", word.place)
    written = {word.text for word in outputs}
    found = tuple(
        (index, options[param.ctype.struct_name])
        for index, param in enumerate(function.prototype.params)
        if param.ctype.struct_name in options and param.name not in written
    )
    return replace(function, options=found) if found else function
