"""Generated files that are no longer what their command makes: found by what their first lines say.

A generated file names the command that remakes it. That line is input like any other: it is taken apart by a
strict grammar of the few commands that write files, never run, and the text is made here, in this process.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kfuncgen.diagnostic import KfuncgenError, UsageError
from kfuncgen.generate.caller.render import render_call, render_program
from kfuncgen.generate.header import render_header
from kfuncgen.generate.project import GeneratedFile, render_project
from kfuncgen.generate.resources import MARK
from kfuncgen.records import Struct, field
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.model import Kernel, SpecSet

MAX_FILES = 50_000
"""Files looked at below one folder; the Linux kernel has 90,000, a BPF project a few hundred."""
MAX_COMMANDS = 500
"""Different commands; making what one makes takes up to half a second."""
MAX_BYTES = 4 << 20
"""Generated files are below this; a larger one is somebody's data."""
_HEAD_BYTES = 1024
_SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"))
_WORD = re.compile(r"[A-Za-z0-9_.,:=*/ -]{1,400}", re.ASCII)
"""What words of our commands consist of, but for values."""

Status = Literal["current", "stale", "missing", "edited", "unknown"]


class Checked(Struct, frozen=True):
    """A generated file below the folder that was looked at, by its path from there.

    `current`: as its command makes it; `stale`: otherwise, and not to be edited by hand; `missing`: a file of a
    project that is not to be edited, and is not there; `edited`: otherwise, but its user's to edit; `unknown`:
    `reason` says why it cannot be told.
    """

    path: str
    status: Status
    command: str
    reason: str = ""


class _Found(Struct):
    """A file with our mark, as it is on disk."""

    path: str
    text: str
    command: str


class _Maker(Struct):
    """Makes what commands make, each once."""

    specs: SpecSet
    made: dict[str, dict[str, GeneratedFile] | GeneratedFile | KfuncgenError] = field(default_factory=dict)

    def make(self, command: str) -> dict[str, GeneratedFile] | GeneratedFile:
        """The files of a project by path, or the one file, that `command` makes. KfuncgenError says why not."""
        if command not in self.made:
            if len(self.made) >= MAX_COMMANDS:
                raise UsageError(f"more than {MAX_COMMANDS} different commands")
            try:
                self.made[command] = _make(command, self.specs)
            except KfuncgenError as error:
                self.made[command] = error
        made = self.made[command]
        if isinstance(made, KfuncgenError):
            raise made
        return made


def check_generated(folder: Path, specs: SpecSet) -> tuple[list[Checked], dict[str, GeneratedFile]]:
    """What became of the generated files in `folder` and below it, in order of path; and for those that are stale
    or missing what they should be, ready for `write_project`.

    UsageError when the folder cannot be read or is too large. Links are not followed, and folders of version
    control and of installed packages are left out.
    """
    maker = _Maker(specs)
    checked: dict[str, Checked] = {}
    remade: dict[str, GeneratedFile] = {}
    for found in _generated(folder):
        try:
            made = maker.make(found.command)
        except KfuncgenError as error:
            checked[found.path] = Checked(found.path, "unknown", found.command, error.message)
            continue
        if isinstance(made, GeneratedFile):
            _compare(found, made, checked, remade)
            continue
        own = _own_path(found.path, made)
        if own is None:
            reason = "its command makes no file of that name"
            checked[found.path] = Checked(found.path, "unknown", found.command, reason)
            continue
        _compare(found, made[own], checked, remade)
        root = found.path.removesuffix(own)
        for path, file in made.items():
            if file.rewrite and root + path not in checked and not (folder / (root + path)).exists():
                checked[root + path] = Checked(root + path, "missing", found.command)
                remade[root + path] = file
    return sorted(checked.values(), key=lambda item: item.path), remade


def _compare(
    found: _Found, file: GeneratedFile, checked: dict[str, Checked], remade: dict[str, GeneratedFile]
) -> None:
    status: Status = "current" if found.text == file.text else "stale" if file.rewrite else "edited"
    checked[found.path] = Checked(found.path, status, found.command)
    if status == "stale":
        remade[found.path] = file


def _own_path(path: str, made: dict[str, GeneratedFile]) -> str | None:
    """Which file of a project `path` is: the longest of the project's paths that it ends with."""
    fitting = [own for own in made if path == own or path.endswith(f"/{own}")]
    return max(fitting, key=len, default=None)


def _generated(folder: Path) -> Iterator[_Found]:
    """The files below `folder` that say that we made them."""
    count = 0

    def refuse(error: OSError) -> None:
        raise UsageError(f"cannot read '{error.filename}': {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            count += 1
            if count > MAX_FILES:
                raise UsageError(f"'{folder}' has more than {MAX_FILES} files, name a folder of generated ones")
            file = Path(place, name)
            text = _read(file)
            command = _command_of(text) if text else ""
            if command:
                yield _Found(file.relative_to(folder).as_posix(), text, command)


def _read(file: Path) -> str:
    """The text of a regular file that bears our mark; "" for any other."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                return ""
            head = stream.read(_HEAD_BYTES)
            if MARK.encode() not in head:
                return ""
            return (head + stream.read(MAX_BYTES)).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _command_of(text: str) -> str:
    """The command that the first lines of a file name, without the end of the comment; "" when there is none."""
    match = re.search(r"^[ #/*<!-]*Remake: (kfuncgen [^\n]*)$", text[:_HEAD_BYTES], re.MULTILINE)
    return re.sub(r"\s*(?:\*/|-->)\s*$", "", match[1]) if match else ""


def _make(command: str, specs: SpecSet) -> dict[str, GeneratedFile] | GeneratedFile:
    """What a command of ours makes, by the grammar of its words. UsageError for any other command."""
    try:
        words = shlex.split(command.replace("* /", "*/").replace("-- >", "-->"))
    except ValueError:
        raise UsageError("its command cannot be taken apart") from None
    match words:
        case ["kfuncgen", "new", template, ".", *rest] if re.fullmatch(r"[a-z][a-z0-9-]*", template):
            given = _options(rest, {"--set": True, "--kernel": True})
            values = dict(_pair(word) for word in given.get("--set", ()))
            return render_project(template, values, specs, _kernels(given, specs)[-1])
        case ["kfuncgen", "new", _, ".", *_]:
            raise UsageError("it was made from a template that is not built in")
        case ["kfuncgen", "gen", "header", *rest]:
            names = [word for word in rest[: _first_option(rest)] if re.fullmatch(r"\w+", word, re.ASCII)]
            given = _options(rest[len(names) :], {"--minimal": False, "--kernel": True, "--type": True})
            text = render_header(
                names, specs, _kernels(given, specs), minimal="--minimal" in given, types=given.get("--type", [])
            )
            return GeneratedFile(text, rewrite=True)
        case ["kfuncgen", "gen", "call" | "program" as kind, name, *rest] if re.fullmatch(r"\w+", name, re.ASCII):
            given = _options(rest, {"--section": True, "--kernel": True})
            section = given.get("--section", [""])[-1]
            write = render_call if kind == "call" else render_program
            return GeneratedFile(write(name, specs, _kernels(given, specs), section))
    raise UsageError("its command is none that writes files")


def _first_option(words: list[str]) -> int:
    return next((index for index, word in enumerate(words) if word.startswith("-")), len(words))


def _options(words: list[str], known: dict[str, bool]) -> dict[str, list[str]]:
    """Options by name; `known` says which take a word. UsageError for anything else."""
    given: dict[str, list[str]] = {}
    rest = list(words)
    while rest:
        name = rest.pop(0)
        if name not in known or (known[name] and not rest):
            raise UsageError("its command is none that this version writes")
        if known[name] and name != "--set" and not _WORD.fullmatch(rest[0]):
            raise UsageError("its command is none that this version writes")
        given.setdefault(name, []).extend([rest.pop(0)] if known[name] else [])
    return given


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _kernels(given: dict[str, list[str]], specs: SpecSet) -> list[Kernel]:
    """The kernels that `--kernel` names, by number only: no file is read and no kernel is asked for it."""
    if "--kernel" not in given:
        return [specs.newest]
    text = given["--kernel"][-1]
    if not re.fullmatch(r"[0-9.,<>= ]{1,60}", text):
        raise UsageError("its command names kernels otherwise than by number")
    return list(parse_targets(text, specs))
