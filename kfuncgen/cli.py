"""The command line: what is shared by all commands, and the one place where errors become an exit status.

Commands live in cli_*.py; each imports its library when it runs, so that `kfuncgen lint` pays for neither jinja2
nor rich, and for typer only where its command line is not plain (kfuncgen.cli_words).

Exit status: 0 clean, 1 findings, 2 usage, configuration or spec error, 3 a source could not be parsed.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from kfuncgen.cli_output import OutputClosed, emit, say, say_error, silence_stdout
from kfuncgen.cli_words import COMPLETION, CliState
from kfuncgen.diagnostic import KfuncgenError

if TYPE_CHECKING:
    import typer

INTERRUPTED = 128 + 2  # as a shell reports SIGINT
OUTPUT_CLOSED = 128 + 13  # as a shell reports SIGPIPE
TAKES_CLANG_ARGS = ("lint", "verify")

COMMANDS = {
    "new": "cli_new",
    "gen": "cli_gen",
    "lint": "cli_lint",
    "explain": "cli_explain",
    "spec": "cli_spec",
    "config": "cli_config",
    "verify": "cli_tools",
    "lsp": "cli_tools",
    "cache": "cli_tools",
    "completion": "cli_completion",
}
"""The module of each command, in the order of the help."""


def application(command: str = "") -> typer.Typer:
    """The command line with all its commands; with one of them alone, which takes less time to import, when
    `command` is its name."""
    from kfuncgen import cli_root

    return cli_root.application([COMMANDS[command]] if command in COMMANDS else list(COMMANDS.values()))


RARELY = 50_000
"""New objects between two searches for cycles: starting makes many objects and few cycles."""


def start() -> NoReturn:
    """The command of an installation: run the command line, and end the process with its status."""
    gc.set_threshold(RARELY, *gc.get_threshold()[1:])
    status = main()
    if _is_done():
        os._exit(status)
    sys.exit(status)


def _is_done() -> bool:
    """Whether nothing is left to do for the interpreter but to take itself apart, object by object: a tenth of the
    time of a short run. Nothing is to be called at exit (also not what measures or traces), nothing is running,
    all is written."""
    threads = sys.modules.get("threading")
    if threads is not None and threads.active_count() > 1:
        return False
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return False
    registered = getattr(atexit, "_ncallbacks", None)  # of CPython; where it is not, nothing is known
    if registered is None or registered():
        return False
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (`argv` without the program's name; default sys.argv) and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Latin-1 terminal must not turn a finding into an encoding error
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    if COMPLETION in os.environ:
        return complete(os.environ[COMPLETION], words)
    args, clang_args = split_clang_args(words)
    try:
        return run(args, CliState(clang_args))
    except KfuncgenError as error:
        say_error(error)
        return error.exit_code
    except OutputClosed:
        return OUTPUT_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as error:
        # typer itself exits only when its help meets a closed pipe.
        silence_stdout()
        return OUTPUT_CLOSED if error.code == 1 else 2
    except Exception as error:
        return parser_status(error) if "typer" in sys.modules else internal_error(error)


def run(args: list[str], state: CliState) -> int:
    """Run one command line without what is for the compiler; its errors go to the caller."""
    if args and args[0] == "lint":
        from kfuncgen import cli_lint

        done = cli_lint.run_plain(args[1:], state)
        if done is not None:
            return done
    app = application(first_word(args))
    status = app(args=args, prog_name="kfuncgen", standalone_mode=False, obj=state)
    return status if isinstance(status, int) else 0


def parser_status(error: Exception) -> int:
    """The exit status for an error that may be one of the parser's, once it is told."""
    import typer

    from kfuncgen.cli_root import PARSER_ERROR

    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, PARSER_ERROR):
        say(usage_message(error))
        return 2
    return internal_error(error)


def complete(shell: str, words: Sequence[str]) -> int:
    """Print what the last word of a command line could be (kfuncgen.cli_complete), and nothing else."""
    import typer

    from kfuncgen import cli_complete

    try:
        root = typer.main.get_command(application(first_word(words[:-1])))
        emit(cli_complete.answer(shell, root, words))
    except (KfuncgenError, OutputClosed, KeyboardInterrupt):
        return 1
    return 0


def first_word(args: Sequence[str]) -> str:
    """The command that a command line is for, "" when it names none."""
    return next((arg for arg in args if not arg.startswith("-")), "")


def split_clang_args(args: list[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """Take what follows `--` off the commands that hand it to the compiler; None when there is no `--`."""
    if first_word(args) not in TAKES_CLANG_ARGS or "--" not in args:
        return args, None
    at = args.index("--")
    return args[:at], tuple(args[at + 1 :])


def usage_message(error: Exception) -> str:
    """One line for an error of the parser, ending with where to read more."""
    message = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "kfuncgen"
    state = getattr(context, "obj", None)
    if isinstance(state, CliState) and state.clang_args and message.startswith("missing argument"):
        message += ": what follows -- is for the compiler"
    return f"kfuncgen: error: {message} (see '{command} --help')"


def internal_error(error: Exception) -> int:
    """A mistake of ours: said in one line; the traceback only for who wants it."""
    if os.environ.get("KFUNCGEN_DEBUG") == "1":
        raise error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    say(f"kfuncgen: internal error: {what} (a bug in kfuncgen: please report it; KFUNCGEN_DEBUG=1 shows where)")
    return 2
