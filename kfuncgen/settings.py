"""What a user asked for, on the command line or in `kfuncgen.toml`, as values for the parts that do the work.

The command line and the language server both come through here, so that an editor finds what a terminal does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kfuncgen.config import KEYS, Config, FailOn
from kfuncgen.diagnostic import Note, UsageError
from kfuncgen.records import Struct
from kfuncgen.toolchain.arch import ARCHITECTURES, target_architecture

if TYPE_CHECKING:
    from kfuncgen.lint import LintOptions
    from kfuncgen.spec.model import Kernel, SpecSet


Word = TypeVar("Word", bound=str)


def as_path(text: str | Path, what: str) -> Path:
    """`text` as a path; UsageError when it is empty: an unset shell variable must not mean the current folder."""
    if not str(text) or "\0" in str(text):
        raise UsageError(f"{what} is {'no file name' if str(text) else 'empty'}")
    return Path(text)


def words(values: Iterable[str] | None) -> tuple[str, ...]:
    """The words of a repeatable option that takes comma lists: `--ignore a,b --ignore c`."""
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


def one_of(value: str, valid: Iterable[Word], what: str, listed_by: str = "") -> Word:
    """`value` if it is valid; UsageError naming the nearest valid words, or all of them when none is near.

    `listed_by` is the command that lists the valid words where they are too many for one line.
    """
    known = list(valid)
    for word in known:
        if word == value:
            return word
    from difflib import get_close_matches

    near: list[str] = list(get_close_matches(value, [str(word) for word in known], 3))
    near = near or [str(word) for word in known if len(value) > 2 and value in word][:3]
    if near:
        hint = f"did you mean {' or '.join(repr(word) for word in near)}?"
    elif len(known) <= 12:
        hint = f"expected one of {', '.join(known)}"
    else:
        hint = f"'{listed_by}' lists them" if listed_by else "none has a similar name"
    raise UsageError(f"unknown {what} '{value}'; {hint}")


def load_specs(extra: Iterable[str | Path] | None = (), kernel: str | None = None) -> SpecSet:
    """The built-in specs and those in `extra`: folders of spec files, and files kept by `kfuncgen spec probe`.

    Probe files among the kernels of `kernel` count too: there they say what that kernel has.
    """
    from kfuncgen.spec import cached

    paths = tuple(as_path(path, "--spec") for path in extra or ())
    folders = tuple(path for path in paths if path.suffix != ".json")
    for folder in folders:
        if not folder.is_dir() and not (folder.suffix in (".yaml", ".yml") and folder.is_file()):
            raise UsageError(f"no folder '{folder}' with specs")
    specs = cached.load_specs(folders)
    probes = [path for path in paths if path.suffix == ".json"]
    if kernel is not None:
        from kfuncgen.spec.kernels import probe_files

        probes += probe_files(kernel)
    if not probes:
        return specs
    from kfuncgen.spec.kernelfacts import read_facts
    from kfuncgen.spec.overlay import with_facts

    return with_facts(specs, [read_facts(probe) for probe in probes])


def targets(text: str | None, specs: SpecSet) -> tuple[Kernel, ...]:
    """The kernels that `--kernel` names, oldest first; the newest in the specs when it is not given."""
    if text is None:
        return (specs.newest,)
    from kfuncgen.spec.kernels import parse_targets

    return tuple(parse_targets(text, specs))


def lint_options(
    config: Config,
    *,
    kernel: str | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    spec: Sequence[str] | None = None,
    build_dir: Path | None = None,
    clang_args: tuple[str, ...] | None = None,
    stdin_filename: str | None = None,
    arch: str | None = None,
) -> LintOptions:
    """Options for the files under one configuration; the command line wins over the file.

    `--select` and `--ignore` replace the file's `select`, and add to its `ignore`.
    """
    from kfuncgen.lint import LintOptions
    from kfuncgen.lint.rulenames import rule_names as all_rules

    for number, path in enumerate(config.spec_paths):
        if not path.exists():
            raise UsageError(f"there is no '{path}' with specs", config.place("spec-paths", number))
    specs = load_specs([*config.spec_paths, *(spec or ())], kernel if kernel is not None else config.kernels)

    def rule_names(names: Sequence[str], *keys: str) -> frozenset[str]:
        for number, name in enumerate(names):
            try:
                one_of(name, all_rules(), "rule", "kfuncgen explain")
            except UsageError as error:
                raise UsageError(error.message, config.place(*keys, number) if keys else None) from None
        return frozenset(names)

    chosen = rule_names(config.select, "select") if config.select is not None else None
    if select is not None:
        chosen = rule_names(words(select))
        if not chosen:  # an unset shell variable must not select nothing, and call everything clean
            raise UsageError("--select is empty")
    try:
        kernels = targets(kernel if kernel is not None else config.kernels, specs)
    except UsageError as error:
        if kernel is not None or error.place is not None:
            raise
        raise UsageError(error.message, config.place("kernels")) from None
    return LintOptions(
        kernels=kernels,
        specs=specs,
        select=chosen,
        ignore=rule_names(config.ignore, "ignore") | rule_names(words(ignore)),
        clang_args=clang_args,
        build_dir=build_dir,
        stdin_filename=stdin_filename,
        configured_args=config.clang_args,
        configured_dir=config.folder,
        loader=config.loader,
        type_tags=config.type_tags,
        arch=config.arch if arch is None else one_of(arch, ARCHITECTURES, "architecture"),
        per_file_ignores=tuple(
            (pattern, rule_names(names, "per-file-ignores", pattern.text))
            for pattern, names in config.per_file_ignores
        ),
    )


class Setting(Struct, frozen=True):
    """What is in force for a key of KEYS, as JSON has it, and where it comes from: `default`, `command line`, or
    places in files. `value` is None for what there is none of."""

    name: str
    value: str | list[str] | dict[str, list[str]] | None
    origins: tuple[str, ...]


def effective(
    config: Config,
    chosen: LintOptions,
    given: Collection[str],
    fail_on: FailOn,
    baseline: Path | None,
    specs: Sequence[str] = (),
) -> list[Setting]:
    """All settings of the sources under one configuration, in the order of KEYS.

    `given` are the keys for which the command line has an option that was used. `fail_on` and `baseline` have been
    decided already; `specs` are those of the command line.
    """
    arguments = chosen.clang_args if chosen.clang_args is not None else chosen.configured_args
    values: dict[str, str | list[str] | dict[str, list[str]] | None] = {
        "kernels": [str(kernel) for kernel in chosen.kernels],
        "select": None if chosen.select is None else sorted(chosen.select),
        "ignore": sorted(chosen.ignore),
        "per-file-ignores": {pattern.text: sorted(rules) for pattern, rules in chosen.per_file_ignores},
        "exclude": [pattern.text for pattern in config.exclude],
        "fail-on": fail_on,
        "spec-paths": [*map(str, config.spec_paths), *specs],
        "clang-args": list(arguments),
        "arch": chosen.arch or target_architecture(),
        "loader": chosen.loader,
        "type-tags": chosen.type_tags,
        "baseline": str(baseline) if baseline is not None else None,
    }
    return [Setting(key, values[key], _origins(key, config, given)) for key in KEYS]


ADDED = ("ignore", "spec-paths")
"""Keys to which the command line adds; others it replaces."""


def _origins(key: str, config: Config, given: Collection[str]) -> tuple[str, ...]:
    in_file = (str(config.place(key)),) if key in config.given else ()
    if key in given:
        return (*(in_file if key in ADDED else ()), "command line")
    return in_file or ("default",)


def newer_kernels(chosen: LintOptions) -> tuple[Note, ...]:
    """A note for each target that is newer than the specs, or than the kernels that they were compared with."""
    newest = chosen.specs.newest
    if max(chosen.kernels) <= newest:
        return ()
    last = chosen.specs.last()
    unknown = f"is newer than the specs, which end at {last}: checked as {last}"
    published = f"was not compared with the specs (kernels up to {newest} were): its facts are published ones"
    return tuple(
        Note("", "", f"kernel {kernel} {unknown if kernel > last else published}", "info")
        for kernel in chosen.kernels
        if kernel > newest
    )
