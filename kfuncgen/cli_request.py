"""What one `kfuncgen lint` is asked for, by the configurations of its sources; and what it finds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.cli_baseline import NewBaseline
from kfuncgen.cli_sources import find_sources
from kfuncgen.config import Config, Configs, FailOn
from kfuncgen.diagnostic import FileFailure, Report, Severity, UsageError
from kfuncgen.records import Struct, field, replace
from kfuncgen.render import Outcome, Reader
from kfuncgen.render.summary import FLAGS_NOTE
from kfuncgen.settings import lint_options, newer_kernels

if TYPE_CHECKING:
    from kfuncgen.lint import LintOptions, LintResult
    from kfuncgen.spec.model import Kernel

STDIN_NAME = "stdin.bpf.c"
COMPILER_ERROR = re.compile(r".*:\d+:\d+: ", re.DOTALL)
"""A failure with a place in it: other flags might have helped, unlike for a file that cannot be read."""


class Group(Struct):
    """Sources under one configuration. `paths` is what the linter is given for `files`: `-` for standard input."""

    config: Config
    files: list[Path]
    paths: list[Path]
    options: LintOptions
    fail_on: FailOn
    baseline: Path | None

    def needed_baseline(self) -> Path:
        """The file of the baseline; UsageError when none is named."""
        if self.baseline is None:
            raise UsageError("--write-baseline needs --baseline FILE, or 'baseline' in kfuncgen.toml")
        if self.baseline == self.config.baseline and self.config.folder is not None:
            # A configuration comes from anywhere, and makes no new files elsewhere.
            inside = Path(os.path.realpath(self.baseline)).is_relative_to(os.path.realpath(self.config.folder))
            if not inside and not self.baseline.exists():
                what = f"the configuration's baseline '{self.baseline}' is not there, and not in its folder"
                raise UsageError(f"{what}; name it with --baseline to make it")
        return self.baseline


class Asked(Struct):
    """The command line, its words checked where that needs no other file. None: the configuration decides."""

    paths: Sequence[str]
    kernel: str | None = None
    select: Sequence[str] | None = None
    ignore: Sequence[str] | None = None
    fail_on: FailOn | None = None
    arch: str | None = None
    spec: Sequence[str] | None = None
    build_dir: Path | None = None
    clang_args: tuple[str, ...] | None = None
    stdin_filename: str | None = None
    baseline: Path | None = None
    no_baseline: bool = False
    configs: Configs = field(default_factory=Configs)
    force_exclude: bool = False
    failures: tuple[FileFailure, ...] = ()
    """Sources that cannot be read, once `groups` has looked for them."""

    @property
    def given(self) -> frozenset[str]:
        """The keys of a configuration for which there is an option on the command line."""
        values = {
            "kernels": self.kernel,
            "select": self.select,
            "ignore": self.ignore,
            "fail-on": self.fail_on,
            "arch": self.arch,
            "spec-paths": self.spec,
            "clang-args": self.clang_args,
            "baseline": self.baseline or self.no_baseline or None,
        }
        return frozenset(key for key, value in values.items() if value is not None)

    def groups(self, stdin_name: str | None = None) -> Iterator[Group]:
        """The sources, by their configuration. Options are checked even when no source could be read."""
        files = [Path(stdin_name)] if stdin_name is not None else []
        if stdin_name is None:
            found = find_sources(self.paths, self.configs, self.force_exclude)
            files, self.failures = found.files, found.failures
        for config, some in self.configs.groups(files) or [(Config(), [])]:
            yield self.group(config, some, stdin_name)

    def group(self, config: Config, files: list[Path], stdin_name: str | None = None) -> Group:
        """Sources under one configuration, with everything decided."""
        chosen = lint_options(
            config,
            kernel=self.kernel,
            select=self.select,
            ignore=self.ignore,
            spec=self.spec,
            build_dir=self.build_dir,
            clang_args=self.clang_args,
            stdin_filename=stdin_name,
            arch=self.arch,
        )
        return Group(
            config,
            files,
            files if stdin_name is None else [Path("-")],
            chosen,
            self.fail_on if self.fail_on is not None else config.fail_on,
            None if self.no_baseline else self.baseline or config.baseline,
        )


class Found(Struct):
    """What was found in all groups. `failed`: something as bad as its group takes for a failure."""

    report: Report = field(default_factory=Report)
    failures: tuple[FileFailure, ...] = ()
    kernels: set[Kernel] = field(default_factory=set)
    failed: bool = False
    baselines: dict[Path, NewBaseline] = field(default_factory=dict)

    def add(self, group: Group, result: LintResult) -> None:
        """Put the result of one group to the others'."""
        report = merged(self.report, result.report)
        self.report = replace(report, notes=(*report.notes, *newer_kernels(group.options)))
        self.failures += tuple(with_flags(failure, group.options) for failure in result.failures)
        self.kernels |= set(group.options.kernels)
        if group.fail_on != "never":
            limit = Severity.parse(group.fail_on)
            self.failed |= any(finding.severity >= limit for finding in result.report.findings)

    def keep(self, group: Group, result: LintResult) -> None:
        """Put the result of one group into its baseline; files that failed keep what is known of them."""
        self.add(group, result)
        baseline = self.baselines.setdefault(group.needed_baseline(), NewBaseline())
        baseline.findings += result.report.findings
        failed = {failure.file for failure in result.failures}
        baseline.checked += [str(file) for file in group.files if str(file) not in failed]

    def outcome(self, unread: tuple[FileFailure, ...], read: Reader, colour: bool, verbose: bool) -> Outcome:
        """All of it for the output formats; `unread` are sources that never came to the linter."""
        return Outcome(
            replace(self.report, notes=tuple(sorted(set(self.report.notes)))),
            (*unread, *self.failures),
            read=read,
            kernels=tuple(str(kernel) for kernel in sorted(self.kernels)),
            colour=colour,
            verbose=verbose,
            pages=rule_page,
        )


def rule_page(name: str) -> str:
    """The page of a rule, "" when there is none."""
    from kfuncgen.lint.rule import catalogue

    rules = catalogue()
    return rules[name].page if name in rules else ""


def with_flags(failure: FileFailure, chosen: LintOptions) -> FileFailure:
    """A source that does not compile, with where its flags came from: often they are what is wrong."""
    from kfuncgen.toolchain.flags import find_flags

    if not COMPILER_ERROR.match(failure.error):
        return failure
    flags = find_flags(
        Path(failure.file),
        chosen.clang_args,
        chosen.build_dir,
        chosen.configured_args,
        chosen.configured_dir,
        chosen.arch,
    )
    return replace(failure, details=(*failure.details, f"{FLAGS_NOTE}{flags.origin}", *flags.notes))


def merged(one: Report, other: Report) -> Report:
    """Two reports as one, in the order of places."""
    return Report(
        findings=tuple(sorted((*one.findings, *other.findings), key=lambda finding: finding.sort_key)),
        notes=tuple(sorted((*one.notes, *other.notes))),
        files=one.files + other.files,
        programs=one.programs + other.programs,
        functions=one.functions + other.functions,
        silenced=one.silenced + other.silenced,
        known=one.known + other.known,
    )
