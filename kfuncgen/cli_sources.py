"""Which sources PATH... means, and how they are read: files, folders, standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kfuncgen.cli_output import MAX_SOURCE_BYTES, open_without_waiting, read_source, say
from kfuncgen.diagnostic import FileFailure, UsageError
from kfuncgen.render import Reader
from kfuncgen.settings import as_path

SUFFIX = ".bpf.c"


def read_stdin(paths: Sequence[str], name: str | None) -> str | None:
    """The source on standard input when PATH is `-`, else None. Bytes that are no UTF-8 become U+FFFD."""
    if "-" not in paths:
        if name is not None:
            raise UsageError("--stdin-filename is for PATH '-' only")
        return None
    if name is not None:
        as_path(name, "--stdin-filename")
    if len(paths) > 1:
        raise UsageError("'-' must be the only PATH")
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    try:
        data = sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error.strerror}") from None
    if len(data) > MAX_SOURCE_BYTES:
        raise UsageError(f"standard input is larger than {MAX_SOURCE_BYTES >> 20} MiB")
    return data.decode("utf-8", "replace")


def reader(name: str | None, text: str | None) -> Reader:
    """Sources for excerpts: `text` under `name`, everything else from disk."""
    if text is None:
        return read_source
    data = text.encode("utf-8")
    return lambda file: data if file == name else read_source(file)


def find_sources(paths: Sequence[str]) -> tuple[list[Path], tuple[FileFailure, ...]]:
    """The files that PATH... means, each once, in the order given (within folders: sorted).

    Beside them what cannot be read. UsageError for a PATH that does not exist, and when there is nothing to check.
    """
    found: dict[str, Path] = {}
    failures: list[FileFailure] = []
    for text in paths:
        path = as_path(text, "PATH")
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read '{text}': {getattr(error, 'strerror', None) or error}") from None
        if stat.S_ISDIR(mode):
            known = len(failures)
            files = list(walk(path, lambda error: failures.append(unreadable(error.filename, error))))
            if not files and len(failures) == known:
                say(f"kfuncgen: warning: no *{SUFFIX} file in '{text}'")
        elif stat.S_ISREG(mode):
            files = [path]
        else:
            raise UsageError(f"'{text}' is neither a file nor a folder")
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    if not found and not failures:
        raise UsageError(f"no *{SUFFIX} file found")
    readable = []
    for file in found.values():
        failure = failure_to_open(file)
        if failure is None:
            readable.append(file)
        else:
            failures.append(failure)
    return readable, tuple(failures)


def walk(folder: Path, failed: Callable[[OSError], None]) -> Iterator[Path]:
    """The sources under `folder`, sorted; hidden folders and symbolic links to folders are not entered.

    `failed` is told of folders that cannot be read: a clean result must not rest on what nobody looked at.
    """
    for place, folders, files in os.walk(folder, onerror=failed, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if name.endswith(SUFFIX) and not name.startswith(".") and path.is_file():
                yield path


def failure_to_open(file: Path) -> FileFailure | None:
    """Why `file` cannot be linted, None when it can be opened."""
    try:
        str(file).encode("utf-8")
        os.close(open_without_waiting(str(file), os.O_RDONLY))
    except UnicodeEncodeError:
        return FileFailure(str(file), "its name is not UTF-8, and libclang opens no other files")
    except OSError as error:
        return unreadable(str(file), error)
    return None


def unreadable(file: str, error: OSError) -> FileFailure:
    """A file or folder that the system does not let us read."""
    return FileFailure(file, f"cannot be read: {error.strerror}")
