"""`kfuncgen lint`: options to LintOptions, a Report to text. No decision about findings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_fix import Fixes
from kfuncgen.cli_output import (
    colour_wanted,
    emit,
    read_source,
    say,
    say_failures,
)
from kfuncgen.cli_sources import SUFFIX, find_sources, read_stdin, reader
from kfuncgen.config import Config, by_config
from kfuncgen.diagnostic import FileFailure, Finding, Note, Place, Report, Severity, UsageError
from kfuncgen.render import FORMATS, Outcome, Reader, render
from kfuncgen.render.escape import one_line
from kfuncgen.render.summary import FLAGS_NOTE, plural
from kfuncgen.settings import lint_options, newer_kernels

if TYPE_CHECKING:
    from kfuncgen.lint import LintOptions, LintResult
    from kfuncgen.spec.model import Kernel

STDIN_NAME = "stdin.bpf.c"
FAIL_ON = ("error", "warning", "hint", "never")
COMPILER_ERROR = re.compile(r".*:\d+:\d+: ", re.DOTALL)
"""A failure with a place in it: other flags might have helped, unlike for a file that cannot be read."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("lint", cls=options.usage("PATH... [-- CLANG ARGS]"))(lint)


def lint(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help=f"C sources, folders (all *{SUFFIX} in them), or - for stdin."),
    ],
    kernel: options.CheckedKernels = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="RULES", help="Only these rules (comma list).")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="RULES", help="All rules but these (comma list).")
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option("--fail-on", metavar="SEVERITY", help=f"Exit 1 from this severity on: {', '.join(FAIL_ON)}."),
    ] = "warning",
    output_format: Annotated[
        str | None,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            help=f"One of {', '.join(FORMATS)}; text, or github in its Actions, when not given.",
        ),
    ] = None,
    output: options.OutputOption = None,
    build: options.BuildOption = None,
    stdin_filename: Annotated[
        str | None,
        typer.Option("--stdin-filename", metavar="NAME", help="What to call the source read from stdin."),
    ] = None,
    spec: options.SpecOption = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Accepted; files are checked one by one for now."),
    ] = 1,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also say which compiler flags were used for each source.")
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Print how often each rule was found, in place of the findings.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="Leave out the findings that FILE has."),
    ] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write what is found to the baseline, and exit with 0.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply safe fixes to the sources, and report what is left.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what --fix would change; write nothing, exit 1 if anything.")
    ] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option("--unsafe-fixes", help="With --fix or --diff: also fixes that may change what programs do."),
    ] = False,
) -> int:
    """Check C sources against the contracts of their kfuncs.

    Needs no root, no kernel and no compile step. Compiler arguments may follow after --; without them flags come
    from compile_commands.json, compile_flags.txt, .clangd or kfuncgen.toml, else BPF defaults are used.
    """
    if fix and diff:
        raise UsageError("--fix writes files and --diff writes none: give one of them")
    if unsafe_fixes and not (fix or diff):
        raise UsageError("--unsafe-fixes is for --fix and --diff")
    if write_baseline and (fix or diff):
        raise UsageError("--write-baseline keeps findings that --fix and --diff would mend: run them first")
    if statistics and output_format not in (None, "text"):
        raise UsageError(f"--statistics is text, and cannot be had with --output-format {output_format}")
    shown = output_format if output_format is not None else default_format(output)
    options.one_of(shown, FORMATS, "output format")
    options.one_of(fail_on, FAIL_ON, "severity")
    stdin_text = read_stdin(paths, stdin_filename)
    stdin_name = None if stdin_text is None else stdin_filename or STDIN_NAME
    sources, failures = find_sources(paths) if stdin_name is None else ([Path(stdin_name)], ())
    fixes = Fixes(unsafe_fixes, stdin_name, stdin_text) if fix or diff else None
    report = Report()
    read = reader(stdin_name, stdin_text)
    new_baselines: dict[Path, list[Finding]] = {}
    kernels: set[Kernel] = set()
    # Options are checked even when no source could be read.
    for config, group in by_config(sources) or [(Config(), [])]:
        chosen = lint_options(
            config,
            kernel=kernel,
            select=select,
            ignore=ignore,
            spec=spec,
            build_dir=options.build_folder(build),
            clang_args=context.obj.clang_args,
            stdin_filename=stdin_name,
        )
        given = group if stdin_name is None else [Path("-")]
        if fixes is not None and group:
            chosen, stdin_text = fixes.mend(given, chosen, check), fixes.text()
        result = check(given, chosen, stdin_text)
        file = options.as_path(baseline, "--baseline") if baseline is not None else config.baseline
        if file is None and write_baseline:
            raise UsageError("--write-baseline needs --baseline FILE, or 'baseline' in kfuncgen.toml")
        if file is not None and write_baseline:
            new_baselines.setdefault(file, []).extend(result.report.findings)
        elif file is not None:
            result = replace(result, report=less_known(result.report, file, group, read))
        report = merged(report, result.report)
        report = replace(report, notes=(*report.notes, *newer_kernels(chosen)))
        failures = (*failures, *(with_flags(failure, chosen) for failure in result.failures))
        kernels |= set(chosen.kernels)
    outcome = Outcome(
        replace(report, notes=tuple(sorted(set(report.notes)))),
        failures,
        read=read,
        kernels=tuple(str(k) for k in sorted(kernels)),
        colour=colour_wanted(output),
        verbose=verbose,
        pages=rule_page,
    )
    say_failures(failures)
    if new_baselines:
        return write_baselines(new_baselines, read, failures)
    if fixes is not None and diff:
        emit(fixes.diff(), output)
        fixes.tell(report, wrote=False)
        return 3 if failures else int(bool(fixes.sources))
    if fixes is not None:
        fixes.write()
    if fixes is not None and stdin_text is not None:
        # Standard output is for the text, as filters of editors expect.
        emit(stdin_text, output)
        for line in render("concise", outcome).splitlines():
            say(line)
    else:
        emit(statistics_of(outcome) if statistics else render(shown, outcome), output)
    if fixes is not None:
        fixes.tell(report, wrote=True)
    return exit_status(report, failures, fail_on)


def statistics_of(outcome: Outcome) -> str:
    """The counts of `--statistics`."""
    from kfuncgen.render.statistics import render as counted

    return counted(outcome)


def less_known(report: Report, file: Path, sources: Sequence[Path], read: Reader) -> Report:
    """A report without the findings that the baseline has; a note when some of those are no longer there."""
    from kfuncgen.render.baseline import parse, without_known
    from kfuncgen.render.excerpt import Sources

    known = parse(file, read_text(file, "baseline"))
    new, number, stale = without_known(report.findings, known, Sources(read), [str(path) for path in sources])
    notes = report.notes
    if stale:
        gone = f"{stale} {'entry is' if stale == 1 else 'entries are'} no longer found; --write-baseline renews it"
        notes += (Note(str(file), "", gone, "info"),)
    return replace(report, findings=tuple(new), known=number, notes=notes)


def write_baselines(found: Mapping[Path, Sequence[Finding]], read: Reader, failures: Sequence[FileFailure]) -> int:
    """Write what was found as the new baselines; 3 when some files could not be checked."""
    from kfuncgen.render.baseline import written
    from kfuncgen.render.excerpt import Sources

    for file, findings in found.items():
        emit(written(findings, Sources(read), file.resolve().parent), str(file))
        emit(f"{plural(len(findings), 'finding')} written to {one_line(str(file))}\n")
    return 3 if failures else 0


def read_text(file: Path, what: str) -> str:
    """The text of a small file that was named; UsageError when it cannot be read."""
    data = read_source(str(file))
    if data is None:
        raise UsageError(f"cannot read the {what} '{file}': expected a regular file of at most 16 MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"the {what} is not UTF-8 text", Place(str(file))) from None


def default_format(output: str | None) -> str:
    """`github` where its runner reads standard output, `text` elsewhere."""
    return "github" if output is None and os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def rule_page(name: str) -> str:
    """The page of a rule, "" when there is none."""
    from kfuncgen.lint.rule import catalogue

    rules = catalogue()
    return rules[name].page if name in rules else ""


def check(paths: Sequence[Path], chosen: LintOptions, stdin_text: str | None) -> LintResult:
    """The linter's answer for files of one configuration."""
    from kfuncgen.lint import check_paths

    return check_paths(paths, chosen, stdin_text)


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


def exit_status(report: Report, failures: Sequence[FileFailure], fail_on: str) -> int:
    """3 when a file could not be parsed, else 1 when a finding is as bad as `fail_on`, else 0."""
    if failures:
        return 3
    if fail_on == "never":
        return 0
    limit = Severity.parse(fail_on)
    return int(any(finding.severity >= limit for finding in report.findings))
