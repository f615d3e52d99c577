"""`kfuncgen lint`: options to what is asked for, what was found to text. No decision about findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_baseline import less_known, write_baselines
from kfuncgen.cli_output import colour_wanted, emit, read_source, say, say_failures
from kfuncgen.cli_progress import Progress
from kfuncgen.cli_request import STDIN_NAME, Asked, Found, Group
from kfuncgen.cli_sources import SUFFIX, read_stdin, reader
from kfuncgen.config import FAIL_ON
from kfuncgen.diagnostic import UsageError
from kfuncgen.records import replace
from kfuncgen.render import FORMATS, Outcome, Reader, render
from kfuncgen.toolchain.arch import ARCHITECTURES

if TYPE_CHECKING:
    from kfuncgen.lint import LintOptions, LintResult

Check = Callable[[Sequence[Path], "LintOptions", str | None], "LintResult"]
"""What lints files of one configuration; `-` among them is the text."""
MISSING_PATH = "missing argument 'PATH'"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("lint", cls=options.usage("PATH... [-- CLANG ARGS]"))(lint)


def lint(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help=f"C sources, folders (all *{SUFFIX} in them), or - for stdin."),
    ] = None,
    kernel: options.CheckedKernels = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="RULES", help="Only these rules (comma list).")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="RULES", help="All rules but these (comma list).")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="SEVERITY",
            help=f"Exit 1 from this severity on: {', '.join(FAIL_ON)}. Default: {FAIL_ON[0]}.",
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="ARCH",
            help=f"What the programs are for: {', '.join(ARCHITECTURES)}. Default: as compiler flags say, "
            "else this machine's.",
        ),
    ] = None,
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
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Check N files at once (default: by processors)."),
    ] = None,
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
    no_baseline: Annotated[
        bool, typer.Option("--no-baseline", help="Do without the baseline of the configuration.")
    ] = False,
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
    config: options.ConfigOption = None,
    isolated: options.IsolatedOption = False,
    force_exclude: Annotated[
        bool, typer.Option("--force-exclude", help="Leave out what 'exclude' matches even where PATH names it.")
    ] = False,
    show_settings: Annotated[
        bool,
        typer.Option("--show-settings", help="Print the settings that are in force for PATH, and their origins."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Check again whenever sources, headers or settings change.")
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
    if no_baseline and (baseline is not None or write_baseline):
        raise UsageError("--no-baseline leaves no use for --baseline and --write-baseline")
    if statistics and output_format not in (None, "text"):
        raise UsageError(f"--statistics is text, and cannot be had with --output-format {output_format}")
    if not paths and not show_settings:
        given = f"{MISSING_PATH}: what follows -- is for the compiler" if context.obj.clang_args else MISSING_PATH
        raise UsageError(f"{given} (see 'kfuncgen lint --help')")
    if watch and (fix or diff or write_baseline or show_settings or output is not None or "-" in (paths or ())):
        raise UsageError("--watch is for findings that are shown: it writes nothing, and reads no standard input")
    asked = Asked(
        paths=paths or ["."],
        kernel=kernel,
        select=select,
        ignore=ignore,
        fail_on=options.one_of(fail_on, FAIL_ON, "severity") if fail_on is not None else None,
        arch=arch,
        spec=spec,
        build_dir=options.build_folder(build),
        clang_args=context.obj.clang_args,
        stdin_filename=stdin_filename,
        baseline=options.as_path(baseline, "--baseline") if baseline is not None else None,
        no_baseline=no_baseline,
        configs=options.configs(config, isolated),
        force_exclude=force_exclude,
    )
    if show_settings:
        from kfuncgen.cli_settings import show

        return show(asked, output_format, output)
    shown = output_format if output_format is not None else default_format(output)
    options.one_of(shown, FORMATS, "output format")
    if watch:
        if FORMATS[shown].document:
            raise UsageError(f"--watch shows findings anew: a document in {shown} would not end")
        from kfuncgen.cli_watch import watch as run_again

        once = partial(show_findings, asked, jobs, shown, statistics, verbose)
        return run_again(asked.paths, once)
    stdin_text = read_stdin(asked.paths, stdin_filename)
    stdin_name = None if stdin_text is None else stdin_filename or STDIN_NAME
    read = reader(stdin_name, stdin_text)
    fixes = None
    if fix or diff:
        from kfuncgen.cli_fix import Fixes

        fixes = Fixes(unsafe_fixes, stdin_name, stdin_text)
    found = Found()
    groups = list(asked.groups(stdin_name))
    rounds = 1 if fixes is None else 2
    with Progress(rounds * sum(len(group.paths) for group in groups)) as progress:
        lint_them = partial(check, jobs=jobs, progress=progress.step)
        for group in groups:
            if fixes is not None and group.files:
                progress.begin(len(group.paths))
                checked = partial(check_new, group, read, partial(check, jobs=jobs))
                group.options = fixes.mend(group.paths, group.options, checked, progress.step)
                stdin_text = fixes.text()
            progress.begin(len(group.paths))
            if write_baseline:
                found.keep(group, lint_them(group.paths, group.options, stdin_text))
            else:
                found.add(group, check_new(group, read, lint_them, group.paths, group.options, stdin_text))
    outcome = found.outcome(asked.failures, read=read, colour=colour_wanted(output), verbose=verbose)
    say_failures(outcome.failures)
    if write_baseline:
        return write_baselines(found.baselines, read, outcome.failures)
    if fixes is not None and diff:
        emit(fixes.diff(), output)
        fixes.tell(outcome.report, wrote=False)
        return 3 if outcome.failures else int(bool(fixes.sources))
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
        fixes.tell(outcome.report, wrote=True)
    return 3 if outcome.failures else int(found.failed)


def show_findings(asked: Asked, jobs: int | None, shown: str, statistics: bool, verbose: bool) -> None:
    """Check what is there now, with the settings that are in force now, and print what is found."""
    asked.configs = replace(asked.configs)  # without what was read
    found = Found()
    for group in asked.groups():
        found.add(
            group, check_new(group, read_source, partial(check, jobs=jobs), group.paths, group.options, None)
        )
    outcome = found.outcome(asked.failures, read=read_source, colour=colour_wanted(None), verbose=verbose)
    say_failures(outcome.failures)
    emit(statistics_of(outcome) if statistics else render(shown, outcome))


def check_new(
    group: Group,
    read: Reader,
    check: Check,
    paths: Sequence[Path],
    chosen: LintOptions,
    stdin_text: str | None,
) -> LintResult:
    """The linter's answer without what the baseline of the group has."""
    result = check(paths, chosen, stdin_text)
    if group.baseline is None:
        return result

    def current(file: str) -> bytes | None:
        """Text as it was linted: fixes may have changed it."""
        if stdin_text is not None and file == chosen.stdin_filename:
            return stdin_text.encode("utf-8")
        return chosen.unsaved.get(file) or read(file)

    files = group.files if stdin_text is not None else paths
    return replace(result, report=less_known(result.report, group.baseline, files, current))


def statistics_of(outcome: Outcome) -> str:
    """The counts of `--statistics`."""
    from kfuncgen.render.statistics import render as counted

    return counted(outcome)


def default_format(output: str | None) -> str:
    """`github` where its runner reads standard output, `text` elsewhere."""
    return "github" if output is None and os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def check(
    paths: Sequence[Path],
    chosen: LintOptions,
    stdin_text: str | None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LintResult:
    """The linter's answer for files of one configuration; `jobs` None: in as many processes as are of use.
    `progress` is told how many files are done, of how many."""
    from kfuncgen.lint import check_paths

    return check_paths(paths, chosen, stdin_text, -1 if jobs is None else jobs, progress)
