"""Everything the command line writes: documents to standard output or a file, errors to standard error.

A document appears whole or not at all. Files are replaced atomically; devices and pipes are written in place, as
replacing `/dev/null` by a file would be a surprise.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from kfuncgen.diagnostic import FileFailure, KfuncgenError, SourceError, UsageError
from kfuncgen.render.escape import no_command, one_line

MAX_SOURCE_BYTES = 16 << 20
"""Larger files are not read for excerpts or from standard input."""
MIN_COLUMNS, MAX_COLUMNS = 60, 100
"""Between these the width of the terminal is used for prose; longer lines are hard to read."""
_SUFFIX = ".kfuncgen-new"
"""How names of files end that are being written."""
_LEFT_SECONDS = 60
MAX_DETAILS = 20
"""Compiler messages shown per file that could not be parsed; the first ones cause the others."""


class OutputClosed(Exception):
    """The reader of standard output went away (`kfuncgen ... | head`): no error, nothing left to say."""


def emit(text: str, path: str | None = None) -> None:
    """Write `text` to the file `path`, or to standard output."""
    if path is None:
        _write_stdout(text)
    else:
        if not path:
            raise UsageError("-o is empty")
        _write_file(Path(path), text)


def folded(lines: Iterable[str], path: str | None = None) -> str:
    """`lines` as text for `emit`, escaped; on a terminal long ones go on under the last column of text.

    That column is behind the last run of two spaces, else behind the indentation. Elsewhere than on a terminal
    lines stay whole: they are for grep.
    """
    safe = [one_line(line) for line in lines]
    columns = columns_of(path)
    if columns is None:
        return "".join(f"{line}\n" for line in safe)
    return "".join(f"{part}\n" for line in safe for part in _fold(line, columns))


def columns_of(path: str | None) -> int | None:
    """The width of prose on a terminal, None where what is written goes elsewhere."""
    if path is not None or sys.stdout is None or not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return min(max(get_terminal_size().columns, MIN_COLUMNS), MAX_COLUMNS)


def _fold(line: str, columns: int) -> list[str]:
    if len(line) <= columns:
        return [line]
    import textwrap

    gap = line.rfind("  ", 0, columns // 2)
    head = line[: gap + 2] if gap >= 0 and line[: gap + 2].strip() else line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line[len(head) :].lstrip(),
        columns,
        initial_indent=head,
        subsequent_indent=" " * (len(head) or 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def say(text: str) -> None:
    """One line to standard error, escaped; a standard error that cannot be written is ignored."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(no_command(one_line(text)), file=sys.stderr)


def say_error(error: KfuncgenError) -> None:
    """`kfuncgen: error: place: message`, and the compiler's own messages under a source that failed."""
    say(f"kfuncgen: error: {error}")
    if isinstance(error, SourceError):
        _say_details(error.details)


def say_failures(failures: tuple[FileFailure, ...]) -> None:
    """The files that could not be parsed, with the compiler's messages."""
    for failure in failures:
        prefix = "" if failure.error.startswith(f"{failure.file}:") else f"{failure.file}: "
        say(f"kfuncgen: error: {prefix}{failure.error}")
        _say_details(failure.details)


def _say_details(details: tuple[str, ...]) -> None:
    for line in details[:MAX_DETAILS]:
        say(f"  {line}")
    if len(details) > MAX_DETAILS:
        say(f"  ... {len(details) - MAX_DETAILS} more")


def colour_wanted(path: str | None) -> bool:
    """Whether text may be coloured: on a terminal, or when the user asks for it, but never when he says no."""
    # https://no-color.org and https://force-color.org: set and not empty, whatever the value.
    if path is not None or sys.stdout is None or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def read_source(file: str) -> bytes | None:
    """A Reader for excerpts: regular files of bounded size, else None (render.Reader)."""
    try:
        with open(file, "rb", opener=open_without_waiting) as source:
            if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                return None
            data = source.read(MAX_SOURCE_BYTES + 1)
    except (OSError, ValueError):
        return None
    return data if len(data) <= MAX_SOURCE_BYTES else None


def open_without_waiting(file: str, flags: int) -> int:
    """A name in a finding could be a FIFO that nobody writes to."""
    return os.open(file, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _write_stdout(text: str) -> None:
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        raise OutputClosed from None
    except OSError as error:
        silence_stdout()
        raise UsageError(f"cannot write to standard output: {error.strerror}") from None


def silence_stdout() -> None:
    """Point standard output at /dev/null: the interpreter flushes it once more at exit and would complain."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _write_file(path: Path, text: str) -> None:
    replace_file(path, text.encode("utf-8", "backslashreplace"))


def replace_file(path: Path, data: bytes) -> None:
    """Atomically: a temporary file beside the target, renamed over it; symbolic links are followed, mode and owner
    are kept."""
    import tempfile

    try:
        target = path.resolve()
        old = _status_of(target)
        if old is not None and not stat.S_ISREG(old.st_mode):
            target.write_bytes(data)
            return
        begin = f".{target.name[:32]}."
        handle, name = tempfile.mkstemp(_SUFFIX, begin, target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # else a crash could leave the new name without its content
                if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    with contextlib.suppress(PermissionError):  # only root may give files away
                        os.fchown(file.fileno(), old.st_uid, old.st_gid)
            temporary.chmod(stat.S_IMODE(old.st_mode) if old is not None else 0o666 & ~_umask())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _drop_left(target.parent, begin)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise UsageError(f"cannot write '{path}': {getattr(error, 'strerror', None) or error}") from None


def _drop_left(folder: Path, begin: str) -> None:
    """Remove what writers of the same file left that were killed: nobody writes for a minute."""
    now = time.time()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(begin) and entry.name.endswith(_SUFFIX):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and abs(now - status.st_mtime) > _LEFT_SECONDS:
                    Path(entry.path).unlink(missing_ok=True)


def _status_of(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
