"""Which sources PATH... means, and how they are read: files, folders, standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kfuncgen.cli_output import MAX_SOURCE_BYTES, open_without_waiting, read_source, say
from kfuncgen.config import Configs
from kfuncgen.diagnostic import FileFailure, UsageError
from kfuncgen.records import Struct
from kfuncgen.render import Reader
from kfuncgen.settings import as_path

SUFFIX = ".bpf.c"


def read_stdin(paths: Sequence[str], name: str | None) -> str | None:
    """The source on standard input when PATH is `-`, else None. Bytes that are no UTF-8 become U+FFFD."""
    if "-" not in paths:
        if name is not None:
            raise UsageError("--stdin-filename is for PATH '-' only")
        return None
    if name is not None and as_path(name, "--stdin-filename").as_posix().startswith(("-", ":")):
        raise UsageError("--stdin-filename begins with '-' or ':': name it from the root")
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


class Sources(Struct, frozen=True):
    """What PATH... means: `files` to check, what cannot be read, and how many were left out (`exclude`)."""

    files: list[Path]
    failures: tuple[FileFailure, ...] = ()
    excluded: int = 0


def find_sources(paths: Sequence[str], configs: Configs, force_exclude: bool = False) -> Sources:
    """The files that PATH... means, each once, in the order given (within folders: sorted).

    What `exclude` of the nearest configuration matches is left out of folders; of what was named only with
    `force_exclude`. UsageError for a PATH that does not exist, and when there is nothing to check.
    """
    found: dict[str, Path] = {}
    failures: list[FileFailure] = []
    excluded = 0
    for text in paths:
        path, is_folder = _named(text)
        if force_exclude and any(
            one.matches(path) for one in configs.of(path if is_folder else path.parent).exclude
        ):
            excluded += 1
            continue
        files = [path]
        if is_folder:
            known = len(failures)
            walked = list(walk(path, configs, lambda error: failures.append(unreadable(error.filename, error))))
            files = [file for file, left_out in walked if not left_out]
            excluded += len(walked) - len(files)
            if not walked and len(failures) == known:
                say(f"kfuncgen: warning: no *{SUFFIX} file in '{text}'")
        for file in files:
            # libclang would take its name for an option, GitHub's log for a command
            named = file.absolute() if str(file).startswith(("-", ":")) else file
            found.setdefault(os.path.realpath(file), named)
    if not found and not failures and not excluded:
        raise UsageError(f"no *{SUFFIX} file found")
    readable = []
    for file in found.values():
        failure = failure_to_open(file)
        if failure is None:
            readable.append(file)
        else:
            failures.append(failure)
    return Sources(readable, tuple(failures), excluded)


def _named(text: str) -> tuple[Path, bool]:
    """What one PATH names, and whether it is a folder; UsageError when it is neither that nor a file."""
    path = as_path(text, "PATH")
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read '{text}': {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError(f"'{text}' is neither a file nor a folder")
    return path, stat.S_ISDIR(mode)


def no_sources(text: str, configs: Configs) -> bool:
    """Whether PATH is a folder in which nothing is to be checked."""
    path, is_folder = _named(text)
    return is_folder and all(left_out for _, left_out in walk(path, configs, lambda error: None))


def walk(folder: Path, configs: Configs, failed: Callable[[OSError], None]) -> Iterator[tuple[Path, bool]]:
    """The sources under `folder`, sorted, and whether they are left out; of folders that are, only their name.

    Hidden folders and symbolic links to folders are not entered. `failed` is told of folders that cannot be read:
    a clean result must not rest on what nobody looked at.
    """
    for place, folders, files in os.walk(folder, onerror=failed, followlinks=False):
        patterns = configs.of(Path(place)).exclude
        entered = []
        for name in sorted(name for name in folders if not name.startswith(".")):
            if patterns and any(one.matches_itself(Path(place, name)) for one in patterns):
                yield Path(place, name), True
            else:
                entered.append(name)
        folders[:] = entered
        for name in sorted(files):
            path = Path(place, name)
            if name.endswith(SUFFIX) and not name.startswith(".") and path.is_file():
                yield path, any(one.matches_itself(path) for one in patterns)


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
