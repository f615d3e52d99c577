"""Which flags a BPF source is compiled with, and where they came from.

In this order: the arguments after `--`; compile_commands.json (in the given build directory, else upward from
the source, also in a `build` folder); compile_flags.txt or .clangd upward; `clang-args` of kfuncgen.toml; BPF
defaults.
Arguments from files pass the allow-list (allowlist.py); those the user typed are taken as they are. Whatever the
origin, a BPF target, the architecture macro of libbpf's headers and the system's multiarch include directory
are added when nothing says otherwise, since no BPF source compiles without them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.records import Struct
from kfuncgen.toolchain.allowlist import Filtered, filter_arguments
from kfuncgen.toolchain.arch import BIG_ENDIAN, own_machine, target_architecture

MAX_DATABASE_BYTES = 64 * 1024 * 1024
"""The database of an all-modules kernel build is about 20 MB."""
MAX_DATABASE_PARTS = 1_000_000
"""Lists and objects in it: empty ones take 20 times the memory of their text. That build has 60,000."""
MAX_COMMAND_LENGTH = 128 * 1024
"""Characters of one command; the shell that runs it takes no more (MAX_ARG_STRLEN of Linux)."""
MAX_ENTRIES = 16
"""Entries of a database for one source: one for each target it is compiled for."""
MAX_NAMESAKES = 5000
"""Entries of a database for sources of one name, in other folders."""
MAX_FLAG_FILE_BYTES = 1024 * 1024
"""compile_flags.txt and .clangd are a few lines."""

_MULTIARCH = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "loongarch64": "loongarch64-linux-gnu",
}


_ARCH_MACRO = "__TARGET_ARCH_"
CONFIGURED = "clang-args of the configuration"
"""What the flags of a kfuncgen.toml are called."""


class Flags(Struct, frozen=True):
    """The arguments for one source, without the source itself.

    `origin` says in words where they came from; `notes` what the user should know (options left out, a database
    without an entry for the source).
    """

    args: tuple[str, ...]
    origin: str
    notes: tuple[str, ...] = ()


def find_flags(
    source: Path,
    explicit: Sequence[str] | None = None,
    build_dir: Path | None = None,
    configured: Sequence[str] = (),
    configured_dir: Path | None = None,
    arch: str = "",
) -> Flags:
    """The flags for `source`, from the first place that has some.

    `explicit` are the arguments typed after `--` (None: there was no `--`); `build_dir` holds
    compile_commands.json; `configured` is `clang-args` of kfuncgen.toml, relative to `configured_dir`. `arch` is
    the architecture (of ARCHITECTURES) that goes before what files say, but not before what was typed after `--`.
    Raises UsageError, with the place, for a malformed or too large file, or a `build_dir` without database.
    """
    path = _absolute(source)
    if explicit is not None:
        return _complete(path, tuple(explicit), "the command line", (), arch)
    notes: list[str] = []
    for database in _databases(path, build_dir):
        found = _from_database(database, path)
        if found is not None:
            args = _without_arch(found.args) if arch else found.args
            return _complete(path, args, str(database), (*notes, *_dropped_note(found)), arch)
        notes.append(f"{database} has no entry for this file")
    for name, read in (("compile_flags.txt", _read_compile_flags), (".clangd", _read_clangd)):
        for file in _upward(path, (name,)):
            filtered = read(file)
            if filtered is not None:
                args = _without_arch(filtered.args) if arch else filtered.args
                return _complete(path, args, str(file), (*notes, *_dropped_note(filtered)), arch)
    if configured:
        filtered = filter_arguments(configured, configured_dir or path.parent)
        args = _without_arch(filtered.args) if arch else filtered.args
        return _complete(path, args, CONFIGURED, (*notes, *_dropped_note(filtered)), arch)
    return _complete(path, _default_includes(path), "BPF defaults", tuple(notes), arch)


def _without_arch(args: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments without the definition of an architecture."""
    kept: list[str] = []
    for arg in args:
        if arg.startswith(_ARCH_MACRO) and kept and kept[-1] == "-D":
            kept.pop()
        elif not arg.startswith(f"-D{_ARCH_MACRO}"):
            kept.append(arg)
    return tuple(kept)


def _complete(source: Path, args: tuple[str, ...], origin: str, notes: tuple[str, ...], arch: str = "") -> Flags:
    """`args` with what every BPF compile needs: target, architecture macro, multiarch headers, C."""
    front: list[str] = []
    if not any(a in ("-target", "--target") or a.startswith("--target=") for a in args):
        front.append("--target=bpfeb" if arch in BIG_ENDIAN else "--target=bpf")
    if not any(_ARCH_MACRO in a for a in args):
        front.append(f"-D{_ARCH_MACRO}{arch or target_architecture()}")
    back: list[str] = []
    multiarch = Path("/usr/include") / _MULTIARCH.get(own_machine(), "")
    # Debian and Ubuntu keep <asm/...> in a folder that clang does not search for a BPF target
    own_root = any(a.startswith(("--sysroot", "-isysroot", "-nostdinc", "-nostdlibinc")) for a in args)
    if not own_root and _is_dir(multiarch / "asm"):
        back += ["-idirafter", str(multiarch)]
    return Flags((*front, *args, *back), origin, notes)


def _absolute(path: Path) -> Path:
    """`path` from the root, `..` folded; symbolic links stay, as the user sees them."""
    return Path(os.path.normpath(path.absolute()))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be searched
        return False


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _default_includes(source: Path) -> tuple[str, ...]:
    """-I for the source's folder, its `include`, and the `include` beside it, where they exist."""
    folders = (source.parent, source.parent / "include", source.parent.parent / "include")
    return tuple(arg for folder in folders if _is_dir(folder) for arg in ("-I", str(folder)))


def _dropped_note(filtered: Filtered) -> tuple[str, ...]:
    if not filtered.dropped:
        return ()
    shown = ", ".join(filtered.dropped[:10]) + (", ..." if len(filtered.dropped) > 10 else "")
    return (f"options left out: {shown}",)


def _upward(source: Path, names: Sequence[str]) -> Iterator[Path]:
    """The regular files called one of `names` in the folders of `source`, nearest first."""
    for folder in source.parents:
        for name in names:
            file = folder / name
            if _is_file(file):
                yield file


def _databases(source: Path, build_dir: Path | None) -> Iterator[Path]:
    """The database of `build_dir`, or the nearest one upward (as clangd looks: beside and in `build`)."""
    if build_dir is None:
        nearest = next(_upward(source, ("compile_commands.json", "build/compile_commands.json")), None)
        if nearest is not None:
            yield nearest
        return
    file = _absolute(build_dir) / "compile_commands.json"
    if not _is_file(file):
        raise UsageError("no compile_commands.json in this build directory", Place(str(build_dir)))
    yield file


def _read_bounded(file: Path, limit: int) -> str:
    """The text of `file`; UsageError when it is larger than `limit` bytes, unreadable or not UTF-8."""
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", Place(str(file))) from None
    if len(data) > limit:
        raise UsageError(f"larger than {limit // 1024} KiB", Place(str(file)))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("not UTF-8 text", Place(str(file), line)) from None


def _from_database(database: Path, source: Path) -> Filtered | None:
    """The filtered arguments of the entry for `source`: the first for a BPF target, else the first."""
    try:
        status = database.stat()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", Place(str(database))) from None
    entries = _load_database(database, status.st_mtime_ns, status.st_size)
    wanted = os.path.realpath(source)
    first: Filtered | None = None
    found = 0
    for entry in entries.get(source.name, ())[:MAX_NAMESAKES]:
        directory = Path(os.path.normpath(database.parent / entry.directory))
        if os.path.realpath(directory / entry.file) != wanted:
            continue
        found += 1
        filtered = filter_arguments(_entry_arguments(database, entry), directory)
        if any(a.startswith("--target=") for a in filtered.args):
            return filtered
        first = first or filtered
        if found >= MAX_ENTRIES:
            break
    return first


class _Entry(Struct, frozen=True):
    """One entry of a compile database, its types checked."""

    number: int
    directory: str
    file: str
    command: str | None
    arguments: tuple[str, ...]


@lru_cache(maxsize=4)
def _load_database(database: Path, modified: int, size: int) -> dict[str, tuple[_Entry, ...]]:
    """Entries by base name of the source. `modified` and `size` are there for the cache: they name the content."""
    text = _read_bounded(database, MAX_DATABASE_BYTES)
    place = Place(str(database))
    if text.count("[") + text.count("{") > MAX_DATABASE_PARTS:
        raise UsageError(f"has more than {MAX_DATABASE_PARTS} lists and objects", place)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"not valid JSON: {error.msg}", Place(str(database), error.lineno, error.colno)) from None
    except (RecursionError, ValueError):  # nested beyond measure, or an integer of thousands of digits
        raise UsageError("not valid JSON: nested too deeply or numbers too long", place) from None
    if not isinstance(data, list):
        raise UsageError("expected a JSON list of compile commands", place)
    entries: dict[str, list[_Entry]] = {}
    for number, item in enumerate(data, 1):
        entry = _check_entry(place, number, item)
        entries.setdefault(Path(entry.file).name, []).append(entry)
    return {name: tuple(found) for name, found in entries.items()}


def _check_entry(place: Place, number: int, item: Any) -> _Entry:
    """`item` as an entry; UsageError names the entry and what was expected of it."""

    def wrong(expected: str) -> UsageError:
        return UsageError(f"entry {number}: expected {expected}", place)

    if not isinstance(item, dict):
        raise wrong("an object with 'directory', 'file' and 'command' or 'arguments'")
    file, directory = item.get("file"), item.get("directory", "")
    command, arguments = item.get("command"), item.get("arguments")
    if not isinstance(file, str) or not file or "\0" in file:
        raise wrong("'file' to be a path")
    if not isinstance(directory, str) or "\0" in directory:
        raise wrong("'directory' to be a path")
    if not _is_text(file) or not _is_text(directory):
        raise wrong("'file' and 'directory' to be valid Unicode")
    if arguments is not None:
        if not isinstance(arguments, list) or not all(isinstance(a, str) for a in arguments):
            raise wrong("'arguments' to be a list of strings")
        return _Entry(number, directory, file, None, tuple(arguments))
    if not isinstance(command, str):
        raise wrong("'command' (a string) or 'arguments' (a list of strings)")
    return _Entry(number, directory, file, command, ())


def _is_text(word: str) -> bool:
    """Whether a word has no half of a character, of which no file can have any in its name."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry_arguments(database: Path, entry: _Entry) -> list[str]:
    """The call without its compiler (and without a launcher such as ccache before it)."""
    if entry.command is None:
        words = list(entry.arguments)
    elif len(entry.command) > MAX_COMMAND_LENGTH:
        message = f"entry {entry.number}: 'command' has more than {MAX_COMMAND_LENGTH} characters"
        raise UsageError(message, Place(str(database)))
    else:
        import shlex

        try:
            words = shlex.split(entry.command)
        except ValueError as error:
            message = f"entry {entry.number}: 'command' is no shell command: {str(error).lower()}"
            raise UsageError(message, Place(str(database))) from None
    start = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return words[start:]


def _read_compile_flags(file: Path) -> Filtered:
    """compile_flags.txt: one argument a line, relative to its folder."""
    lines = (line.strip() for line in _read_bounded(file, MAX_FLAG_FILE_BYTES).splitlines())
    return filter_arguments([line for line in lines if line and not line.startswith("#")], file.parent)


_FRAGMENT = re.compile(r"^---", re.MULTILINE)
_CONDITION = re.compile(r"^If[ \t]*:", re.MULTILINE)
"""A top-level key of a fragment, which is about some files only then."""


def _read_clangd(file: Path) -> Filtered | None:
    """CompileFlags.Add of a .clangd, or None when it adds nothing for every file.

    Fragments with a condition (`If:`) are passed over: their regular expressions are not run.
    """
    text = _read_bounded(file, MAX_FLAG_FILE_BYTES)
    if all(_CONDITION.search(fragment) for fragment in _FRAGMENT.split(text)):
        return None
    import yaml  # costs 10 ms, and what most trees have is read above

    from kfuncgen.toolchain.clangd import added_flags

    try:
        added = added_flags(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(str(file), mark.line + 1, mark.column + 1) if mark else Place(str(file))
        raise UsageError(f"not valid YAML: {error.problem or 'malformed'}", place) from None
    except yaml.YAMLError as error:
        raise UsageError(f"not valid YAML: {type(error).__name__}", Place(str(file))) from None
    return filter_arguments(added, file.parent) if added else None
