"""Generated files to disk: written only when they differ, whole or not at all, and never outside the destination.

Every path is walked from the destination folder by file descriptors that do not follow symbolic links, so that a
link planted below it cannot lead elsewhere, not even between the check and the write.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate.project import GeneratedFile
from kfuncgen.generate.resources import MARK
from kfuncgen.records import Struct

Action = Literal["written", "unchanged", "kept", "refused", "withheld"]

_HEAD_BYTES = 512
"""The mark stands in the first lines; what follows is the user's."""

_LEFT_SECONDS = 60

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Written(Struct, frozen=True):
    """What became of one file: `written` (new or remade), `unchanged`, `kept` (ours once, edited since), `refused`
    (somebody else's), `withheld` (to be written, if no other file were refused)."""

    path: str
    action: Action


def write_project(
    files: Mapping[str, GeneratedFile], dest: Path, force: bool = False, dry_run: bool = False
) -> list[Written]:
    """Writes `files` (by relative path) below `dest`, which is made when missing; returns what was done, by path.

    A file without our header is refused and one that its user has edited is kept, unless `force`; when one file is
    refused, none is written: half a project is of no use. With `dry_run` nothing is touched and the result tells
    what would be done. UsageError, before anything is written, for a path
    that leaves `dest` (absolute, `..`, through a symbolic link) or that is a folder; also when the system refuses.
    """
    for path in files:
        _check_path(path)
    try:
        plan = [(path, _judge(dest, path, file, force)) for path, file in sorted(files.items())]
        if any(action == "refused" for _, action in plan):
            plan = [(path, "withheld" if action == "written" else action) for path, action in plan]
        if not dry_run:
            dest.mkdir(parents=True, exist_ok=True)
            for path, action in plan:
                if action == "written":
                    _write(dest, path, files[path])
    except OSError as error:
        raise UsageError(f"cannot write to '{dest}': {error.strerror or error}") from None
    return [Written(path, action) for path, action in plan]


def _check_path(path: str) -> None:
    """Refuses a path that is not plainly below the destination."""
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"refusing to write '{path}': expected a relative path inside the destination")
    if any(part.lower() == ".git" for part in parts):
        # Hooks and settings in there run when git does.
        raise UsageError(f"refusing to write '{path}': .git is git's own")


@contextlib.contextmanager
def _folder(dest: Path, path: str, create: bool) -> Iterator[int | None]:
    """A descriptor of the folder that holds `path`, None when it does not exist (and `create` is not set)."""
    try:
        current = os.open(dest, _DIRECTORY)
    except FileNotFoundError:
        yield None
        return
    try:
        for part in path.split("/")[:-1]:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=current)
            try:
                below = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            except FileNotFoundError:
                yield None
                return
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise UsageError(
                        f"refusing to write '{path}': '{part}' in '{dest}' is a symbolic link or no folder"
                    ) from None
                raise
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def _judge(dest: Path, path: str, file: GeneratedFile, force: bool) -> Action:
    """What to do with one file, by what is there now."""
    name = path.rsplit("/", 1)[-1]
    with _folder(dest, path, create=False) as folder:
        if folder is None:
            return "written"
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return "written"
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise UsageError(f"refusing to write '{path}': it is a symbolic link in '{dest}'") from None
            raise
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"refusing to write '{path}': in '{dest}' it is no regular file")
            expected = file.text.encode()
            present = stream.read(len(expected) + 1)
            if present == expected:
                return "unchanged"
            if force:
                return "written"
            if MARK.encode() not in present[:_HEAD_BYTES]:
                return "refused"
            return "written" if file.rewrite else "kept"


def _write(dest: Path, path: str, file: GeneratedFile) -> None:
    """Puts the whole text beside its place, then moves it there: readers see the old file or the new one."""
    name = path.rsplit("/", 1)[-1]
    with _folder(dest, path, create=True) as folder:
        if folder is None:
            raise UsageError(f"cannot write '{path}': '{dest}' vanished")
        temporary = f".{name}.{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, file.mode, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(file.text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        _drop_left(folder, name)


def _drop_left(folder: int, name: str) -> None:
    """Remove what writers of the same file left that were killed: nobody writes for a minute."""
    wanted, now = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.tmp"), time.time()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if wanted.fullmatch(entry.name):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and abs(now - status.st_mtime) > _LEFT_SECONDS:
                    os.unlink(entry.name, dir_fd=folder)
