"""`kfuncgen lint`: options to what is asked for, what was found to text. No decision about findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.cli_baseline import less_known, write_baselines
from kfuncgen.cli_output import colour_wanted, emit, read_source, say, say_failures
from kfuncgen.cli_progress import Progress
from kfuncgen.cli_request import STDIN_NAME, Asked, Found, Group
from kfuncgen.cli_sources import SUFFIX, read_stdin, reader
from kfuncgen.cli_words import (
    BUILD,
    CONFIG,
    ISOLATED,
    OUTPUT,
    SPEC,
    CliState,
    Option,
    build_folder,
    configs,
    kernel_option,
    plain,
)
from kfuncgen.config import FAIL_ON, Configs
from kfuncgen.diagnostic import UsageError
from kfuncgen.records import replace
from kfuncgen.render import FORMATS, Outcome, Reader, render
from kfuncgen.settings import as_path, one_of
from kfuncgen.toolchain.arch import ARCHITECTURES

if TYPE_CHECKING:
    from typing import Any

    import typer

    from kfuncgen.lint import LintOptions, LintResult

Check = Callable[[Sequence[Path], "LintOptions", str | None], "LintResult"]
"""What lints files of one configuration; `-` among them is the text."""
MISSING_PATH = "missing argument 'PATH'"


OPTIONS = {
    "kernel": kernel_option("Kernels to check for"),
    "select": Option(("--select",), "Only these rules (comma list).", "RULES", many=True),
    "ignore": Option(("--ignore",), "All rules but these (comma list).", "RULES", many=True),
    "fail_on": Option(
        ("--fail-on",), f"Exit 1 from this severity on: {', '.join(FAIL_ON)}. Default: {FAIL_ON[0]}.", "SEVERITY"
    ),
    "arch": Option(
        ("--arch",),
        f"What the programs are for: {', '.join(ARCHITECTURES)}. Default: as compiler flags say, "
        "else this machine's.",
        "ARCH",
    ),
    "output_format": Option(
        ("--output-format",),
        f"One of {', '.join(FORMATS)}; text, or github in its Actions, when not given.",
        "FORMAT",
    ),
    "output": OUTPUT,
    "build": BUILD,
    "stdin_filename": Option(("--stdin-filename",), "What to call the source read from stdin.", "NAME"),
    "spec": SPEC,
    "jobs": Option(("--jobs", "-j"), "Check N files at once (default: by processors).", "N", least=1),
    "verbose": Option(("--verbose", "-v"), "Also say which compiler flags were used for each source."),
    "statistics": Option(("--statistics",), "Print how often each rule was found, in place of the findings."),
    "baseline": Option(("--baseline",), "Leave out the findings that FILE has.", "FILE"),
    "no_baseline": Option(("--no-baseline",), "Do without the baseline of the configuration."),
    "write_baseline": Option(("--write-baseline",), "Write what is found to the baseline, and exit with 0."),
    "fix": Option(("--fix",), "Apply safe fixes to the sources, and report what is left."),
    "diff": Option(("--diff",), "Show what --fix would change; write nothing, exit 1 if anything."),
    "unsafe_fixes": Option(
        ("--unsafe-fixes",), "With --fix or --diff: also fixes that may change what programs do."
    ),
    "config": CONFIG,
    "isolated": ISOLATED,
    "force_exclude": Option(("--force-exclude",), "Leave out what 'exclude' matches even where PATH names it."),
    "show_settings": Option(
        ("--show-settings",), "Print the settings that are in force for PATH, and their origins."
    ),
    "watch": Option(("--watch", "-w"), "Check again whenever sources, headers or settings change."),
}
"""The options by the names of what `lint` takes, in the order of the help."""
ABOUT = """Check C sources against the contracts of their kfuncs.

Needs no root, no kernel and no compile step. Compiler arguments may follow after --; without them flags come
from compile_commands.json, compile_flags.txt, .clangd or kfuncgen.toml, else BPF defaults are used.
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    import typer

    from kfuncgen import cli_options as options

    paths = typer.Argument(metavar="PATH", help=f"C sources, folders (all *{SUFFIX} in them), or - for stdin.")
    app.command("lint", cls=options.usage("PATH... [-- CLANG ARGS]"))(
        options.command(run, ("paths", paths), OPTIONS, ABOUT)
    )


def run_plain(words: Sequence[str], state: CliState) -> int | None:
    """Run a plain command line, the words behind `lint`; None when the parser shall read it."""
    values = plain(words, OPTIONS, "paths")
    return run(values, state) if values is not None else None


def run(values: Mapping[str, Any], state: CliState) -> int:
    """The command with the values of its options."""
    return lint(**values, clang_args=state.clang_args)


def lint(
    paths: list[str] | None,
    kernel: str | None,
    select: list[str] | None,
    ignore: list[str] | None,
    fail_on: str | None,
    arch: str | None,
    output_format: str | None,
    output: str | None,
    build: str | None,
    stdin_filename: str | None,
    spec: list[str] | None,
    jobs: int | None,
    verbose: bool,
    statistics: bool,
    baseline: str | None,
    no_baseline: bool,
    write_baseline: bool,
    fix: bool,
    diff: bool,
    unsafe_fixes: bool,
    config: str | None,
    isolated: bool,
    force_exclude: bool,
    show_settings: bool,
    watch: bool,
    clang_args: tuple[str, ...] | None,
) -> int:
    """Check sources, print what is found or do what else is asked for, and return the exit status."""
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
        given = f"{MISSING_PATH}: what follows -- is for the compiler" if clang_args else MISSING_PATH
        raise UsageError(f"{given} (see 'kfuncgen lint --help')")
    if watch and (fix or diff or write_baseline or show_settings or output is not None or "-" in (paths or ())):
        raise UsageError("--watch is for findings that are shown: it writes nothing, and reads no standard input")
    asked = Asked(
        paths=paths or ["."],
        kernel=kernel,
        select=select,
        ignore=ignore,
        fail_on=one_of(fail_on, FAIL_ON, "severity") if fail_on is not None else None,
        arch=arch,
        spec=spec,
        build_dir=build_folder(build),
        clang_args=clang_args,
        stdin_filename=stdin_filename,
        baseline=as_path(baseline, "--baseline") if baseline is not None else None,
        no_baseline=no_baseline,
        configs=configs(config, isolated),
        force_exclude=force_exclude,
    )
    if show_settings:
        from kfuncgen.cli_settings import show

        return show(asked, output_format, output)
    shown = output_format if output_format is not None else default_format(output)
    one_of(shown, FORMATS, "output format")
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
    asked.configs = Configs(asked.configs.only, asked.configs.isolated)  # without what was read
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
