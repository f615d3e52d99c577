"""`kfuncgen verify`, `kfuncgen cache` and `kfuncgen lsp`."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cachedir
from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, say_error
from kfuncgen.config import by_config
from kfuncgen.diagnostic import SourceError, UsageError

if TYPE_CHECKING:
    from kfuncgen.verify import ProgramVerdict

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("verify", cls=options.usage("FILE... [-- CLANG ARGS]"))(verify)
    app.command("lsp")(lsp)
    group = typer.Typer(help="Look after the cache.", rich_markup_mode=None)
    group.command("dir")(cache_dir)
    group.command("clear")(cache_clear)
    app.add_typer(group, name="cache")


def verify(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="BPF objects (*.o) or C sources (*.c).")],
    output_format: Annotated[
        str, typer.Option("--output-format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
    ] = "text",
    output: options.OutputOption = None,
    build: options.BuildOption = None,
) -> int:
    """Load programs into the running kernel and print its verdicts.

    Each program is loaded alone, which needs CAP_BPF; nothing is attached. Compiler arguments for sources may
    follow after --. Exit status: 0 all accepted, 1 some not accepted, 2 usage error, 3 a source could not be
    compiled (the other files are judged all the same).
    """
    from kfuncgen.lint.rule import classify_message
    from kfuncgen.render.verdicts import render_json, render_text
    from kfuncgen.verify import verify_files

    options.one_of(output_format, FORMATS, "output format")
    build_dir = options.build_folder(build)
    verdicts: list[ProgramVerdict] = []
    broken = False
    for config, group in by_config([options.as_path(file, "FILE") for file in files]):
        for file in group:
            try:
                verdicts += verify_files(
                    [file],
                    classify_message,
                    context.obj.clang_args,
                    build_dir=build_dir,
                    configured=config.clang_args,
                    configured_dir=config.folder,
                )
            except SourceError as error:
                say_error(error)
                broken = True
    if output_format == "json":
        emit(render_json(verdicts), output)
    elif verdicts or not broken:
        emit(render_text(verdicts), output)
    if broken:
        return SourceError.exit_code
    return int(any(verdict.verdict != "accepted" for verdict in verdicts))


def lsp(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="With --check: sources to open.")
    ] = None,
    log: Annotated[
        str | None, typer.Option("--log", metavar="FILE", help="Append what the server does to a file.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Try the server as editors use it, and print what comes back.")
    ] = False,
) -> int:
    """Run the language server for editors.

    Editors start it and speak to it over standard input and output. With --check it is started here, to see
    whether it works: exit status 0 if it does, whatever is found in the sources.
    """
    if importlib.util.find_spec("pygls") is None:
        raise UsageError(f"the language server needs pygls: {sys.executable} -m pip install 'pygls>=2'")
    server = importlib.import_module("kfuncgen.lsp")
    if not check:
        if files:
            raise UsageError("FILE is for --check")
        return int(server.serve(options.as_path(log, "--log") if log is not None else None))
    sources = [options.as_path(file, "FILE").absolute() for file in files or ()]
    for source in sources:
        if not source.is_file():
            raise UsageError(f"there is no file '{source}'")
    tried = importlib.import_module("kfuncgen.lsp.check").check(sources)
    emit("".join(f"{line}\n" for line in tried.lines), None)
    return 0 if tried.works else 1


def cache_folder() -> Path:
    """Where parsed headers and unpacked ones are kept: `$XDG_CACHE_HOME/kfuncgen`, else `~/.cache/kfuncgen`."""
    folder = cachedir.cache_dir()
    if folder is None:
        raise UsageError("there is no cache: neither XDG_CACHE_HOME nor a home folder is known")
    return folder


def cache_dir() -> int:
    """Print the folder of the cache."""
    emit(f"{cache_folder()}\n")
    return 0


def cache_clear() -> int:
    """Remove everything in the cache; it is filled again when needed."""
    folder = cache_folder()
    try:
        if folder.is_symlink():
            raise UsageError(f"'{folder}' is a symbolic link; remove it by hand")
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise UsageError(f"cannot remove '{folder}': {error.strerror}") from None
    return 0
