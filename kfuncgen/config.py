"""The user's settings in files: found from a source upward, checked as strictly as the command line.

They are `kfuncgen.toml`, or the table `tool.kfuncgen` of `pyproject.toml`; the nearest counts, alone. KEYS lists
what may stand there. The file is untrusted: it names data to read, never code to run, and its compiler flags pass
the same filter as a compile database's (toolchain.flags).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.patterns import PathPattern
from kfuncgen.patterns import problem as pattern_problem
from kfuncgen.records import Struct, field
from kfuncgen.spec.typetags import TYPE_TAGS, TypeTags
from kfuncgen.toolchain.arch import ARCHITECTURES

if TYPE_CHECKING:
    from kfuncgen.toml_places import Keys, Located

CONFIG_NAME = "kfuncgen.toml"
PROJECT_NAME = "pyproject.toml"
TABLE = ("tool", "kfuncgen")
"""Where settings are in a pyproject.toml."""
MAX_CONFIG_BYTES = 1 << 20
"""Far more than any configuration needs; a larger file is a mistake."""
LOADERS = ("libbpf", "libbpf-1.1", "ebpf-go")
"""What may load the objects; they treat externs differently (kfuncgen.lint.externs)."""
_DEEP_KEY = re.compile(r"""(?<![\w"'.-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){64}""")
"""A key of so many parts is none of anybody's; tomllib's time for it grows with the square of their number."""
FailOn = Literal["warning", "error", "hint", "never"]
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)
"""From which severity on findings are a failure; the first counts where nothing is said."""

Word = TypeVar("Word", bound=str)
Kind = Literal["word", "words", "table", "text"]


class Key(Struct, frozen=True):
    """What may stand behind one key: a word of `choices`, some text, a list of words, or a table of such lists.

    A list of one word may be the word. `rules`: the words are names of rules. `patterns`: they are about files, as
    are the keys of a table."""

    kind: Kind
    summary: str
    choices: tuple[str, ...] = ()
    rules: bool = False
    patterns: bool = False


KEYS: Mapping[str, Key] = {
    "kernels": Key("words", "Kernels to check for, as --kernel: 6.12, >=6.8, 6.6..6.18, live, or a probe's file."),
    "select": Key("words", "Check these rules only.", rules=True),
    "ignore": Key("words", "Check all rules but these.", rules=True),
    "per-file-ignores": Key(
        "table", "Rules that are ignored in the files that a pattern matches.", rules=True, patterns=True
    ),
    "exclude": Key("words", "Files and folders that are left out when a folder is checked.", patterns=True),
    "fail-on": Key("word", "From which severity on findings are a failure.", FAIL_ON),
    "spec-paths": Key("words", "Folders and files with specs of your own kfuncs, beside this file."),
    "clang-args": Key("words", "Compiler flags for sources that no compile database describes."),
    "arch": Key("word", "The architecture that the programs are for; default: this machine's.", ARCHITECTURES),
    "loader": Key("word", "What loads the objects: loaders resolve externs differently.", LOADERS),
    "type-tags": Key("word", "Whether the kernels' BTF tells which fields are __rcu and __user.", TYPE_TAGS),
    "baseline": Key("text", "A file of findings that are known, beside this file; they are left out."),
}


class Config(Struct, frozen=True):
    """A read configuration; `path` is None when there is no file.

    Paths in it begin as `path` does, which is absolute where the file was found, and as the user gave it, perhaps
    relative to the current folder, where it was named: messages show them. `folder` is absolute."""

    path: Path | None = None
    kernels: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[PathPattern, tuple[str, ...]], ...] = ()
    exclude: tuple[PathPattern, ...] = ()
    fail_on: FailOn = FAIL_ON[0]
    spec_paths: tuple[Path, ...] = ()
    clang_args: tuple[str, ...] = ()
    arch: str = ""
    loader: str = LOADERS[0]
    type_tags: TypeTags = "without"
    baseline: Path | None = None
    given: frozenset[str] = frozenset()
    """The keys that the file has."""

    @property
    def folder(self) -> Path | None:
        """What relative paths in `clang_args` are relative to: absolute, with its links."""
        return self.path.parent.absolute() if self.path is not None else None

    def place(self, *keys: str | int) -> Place | None:
        """Where the value of a key stands, or an element of it; None without a file."""
        return _place(self.path, _read(self.path), *keys) if self.path is not None else None


class Configs(Struct):
    """The configurations of many sources, each file read once.

    `only`: this file counts for all of them, whatever is near. `isolated`: none counts.
    """

    only: Path | None = None
    isolated: bool = False
    _found: dict[Path, Path | None] = field(default_factory=dict)
    _read: dict[Path | None, Config] = field(default_factory=lambda: {None: Config()})

    def of(self, folder: Path) -> Config:
        """What counts for the sources in a folder."""
        path = self.only
        if path is None and not self.isolated:
            if folder not in self._found:
                self._found[folder] = find_config(folder)
            path = self._found[folder]
        if path not in self._read:
            assert path is not None
            self._read[path] = load_config(path)
        return self._read[path]

    def groups(self, sources: Iterable[Path]) -> list[tuple[Config, list[Path]]]:
        """Sources by what counts for them, in the order of their first file."""
        groups: dict[Path | None, tuple[Config, list[Path]]] = {}
        for source in sources:
            config = self.of(source.parent)
            groups.setdefault(config.path, (config, []))[1].append(source)
        return list(groups.values())


def by_config(sources: Sequence[Path]) -> list[tuple[Config, list[Path]]]:
    """Sources grouped by the configuration nearest to each, in the order of their first file."""
    return Configs().groups(sources)


def find_config(source: Path) -> Path | None:
    """The nearest file with settings in the folder of `source` or above it (`source` itself if it is a folder).

    In one folder `kfuncgen.toml` goes before `pyproject.toml`, which counts when it has our table. UsageError for
    a pyproject.toml that cannot be read: nobody knows what it says.
    """
    try:
        start = source.resolve()
        folders = [start, *start.parents] if start.is_dir() else start.parents
        for folder in folders:
            if (folder / CONFIG_NAME).is_file():
                return folder / CONFIG_NAME
            if (folder / PROJECT_NAME).is_file() and _has_table(folder / PROJECT_NAME):
                return folder / PROJECT_NAME
    except (OSError, RuntimeError):  # no right to look, or a loop of links: lint says so of the source itself
        return None
    return None


def _has_table(path: Path) -> bool:
    """Whether a pyproject.toml is about us. One that is no TOML is, if our table seems to be in it."""
    text = _read(path)
    if TABLE[1] not in text:
        return False
    try:
        document = _loaded(text)
    except (ValueError, RecursionError):
        return re.search(r"^\s*\[\s*tool\s*\.\s*kfuncgen\b", text, re.MULTILINE) is not None
    tool = document.get(TABLE[0])
    return isinstance(tool, dict) and TABLE[1] in tool


def _loaded(text: str) -> Any:
    """The document that TOML text is; ValueError (TOMLDecodeError, mostly) or RecursionError when it is none."""
    import tomllib

    deep = _DEEP_KEY.search(text)
    if deep is not None:
        before = text[: deep.start()]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise tomllib.TOMLDecodeError(f"A key has too many parts (at line {line}, column {column})")
    return tomllib.loads(text)


def load_config(path: Path) -> Config:
    """Read and check a `kfuncgen.toml`, or the table of a `pyproject.toml`; UsageError with the place where it is
    wrong."""
    import tomllib

    text = _read(path)
    try:
        document = _loaded(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from None
    except RecursionError:
        raise UsageError("nested too deeply", Place(_shown(path))) from None
    except ValueError:
        raise UsageError("a number has too many digits", Place(_shown(path))) from None
    for name in _table_of(path):
        if isinstance(document, dict) and name not in document:
            raise UsageError(f"there is no table '{'.'.join(TABLE)}'", Place(_shown(path)))
        document = document[name] if isinstance(document, dict) else None
    return _Reader(path, text, document).config()


def _table_of(path: Path) -> tuple[str, ...]:
    """In which table of a file our keys are."""
    return TABLE if path.name == PROJECT_NAME else ()


class _Reader:
    """One table of settings on its way to a Config."""

    def __init__(self, path: Path, text: str, document: Any) -> None:
        self.path = path
        self.text = text
        if not isinstance(document, dict):
            raise self.wrong(f"'{'.'.join(TABLE)}' must be a table")
        self.document: dict[str, Any] = document

    def wrong(self, message: str, *keys: str | int, at_key: bool = False) -> UsageError:
        """An error about a key, or a part of its value."""
        return UsageError(message, _place(self.path, self.text, *keys, at_key=at_key))

    def config(self) -> Config:
        """Everything that the table says."""
        for key in self.document:
            if key not in KEYS:
                from difflib import get_close_matches

                near = get_close_matches(key, KEYS, 1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                message = f"unknown key '{key}', valid keys are {', '.join(KEYS)}{hint}"
                raise self.wrong(message, key, at_key=True)
        folder = self.path.parent
        real = Path(os.path.realpath(folder))
        kernels = self.words("kernels")
        arch: Any = self.document.get("arch")
        baseline: Any = self.document.get("baseline")
        if baseline is not None and (not isinstance(baseline, str) or not baseline):
            raise self.wrong("'baseline' must be the name of a file", "baseline")
        return Config(
            path=self.path,
            # The file of a probe is one beside this file; all else is no path.
            kernels=",".join(str(folder / one) if one.endswith(".json") else one for one in kernels or ()) or None,
            select=self.words("select"),
            ignore=self.words("ignore") or (),
            per_file_ignores=tuple(
                (PathPattern(pattern, real), rules) for pattern, rules in self.table("per-file-ignores").items()
            ),
            exclude=tuple(PathPattern(pattern, real) for pattern in self.words("exclude") or ()),
            fail_on=self.word("fail-on", FAIL_ON),
            spec_paths=tuple(folder / one for one in self.words("spec-paths") or ()),
            clang_args=self.words("clang-args") or (),
            arch=self.word("arch", ARCHITECTURES) if arch is not None else "",
            loader=self.word("loader", LOADERS),
            type_tags=self.word("type-tags", TYPE_TAGS),
            baseline=folder / baseline if baseline is not None else None,
            given=frozenset(self.document),
        )

    def words(self, *keys: str) -> tuple[str, ...] | None:
        """A list of strings, or one string; None when it is not there."""
        value: Any = self.document
        for key in keys:
            value = value.get(key)
        if value is None:
            return None
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list):
            raise self.wrong(f"'{keys[-1]}' must be a list of strings", *keys)
        for number, item in enumerate(items):
            if not isinstance(item, str):
                raise self.wrong(f"'{keys[-1]}' must be a list of strings", *keys, number)
            place: tuple[str | int, ...] = (*keys, number) if items is value else keys
            if len(keys) == 1 and KEYS[keys[0]].patterns and (reason := pattern_problem(item)):
                raise self.wrong(f"the pattern '{item}' {reason}", *place)
        return tuple(items)

    def table(self, key: str) -> dict[str, tuple[str, ...]]:
        """Lists of words by pattern."""
        value: Any = self.document.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(f'\'{key}\' must be a table: "PATTERN" = ["RULE", ...]', key)
        for pattern in value:
            if reason := pattern_problem(pattern):
                raise self.wrong(f"the pattern '{pattern}' {reason}", key, pattern, at_key=True)
        return {pattern: self.words(key, pattern) or () for pattern in value}

    def word(self, key: str, choices: tuple[Word, ...]) -> Word:
        """One of `choices`, the first when it is not there."""
        value: Any = self.document.get(key, choices[0])
        for choice in choices:
            if value == choice:
                return choice
        from difflib import get_close_matches

        near = get_close_matches(value, choices, 1) if isinstance(value, str) else []
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise self.wrong(f"'{key}' must be one of {', '.join(choices)}{hint}", key)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError("not a regular file", Place(_shown(path)))
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", Place(_shown(path))) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"larger than {MAX_CONFIG_BYTES} bytes", Place(_shown(path)))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("not UTF-8 text", Place(_shown(path), line)) from None


def _syntax_error(path: Path, text: str, message: str) -> UsageError:
    """tomllib tells the place within its message: `... (at line 3, column 5)`, in characters."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if match is None:
        return UsageError(message, Place(_shown(path)))
    number, column = int(match[2]), int(match[3])
    line = text.replace("\r\n", "\n").split("\n")[number - 1]
    return UsageError(match[1], Place(_shown(path), number, len(line[: column - 1].encode()) + 1))


def _shown(path: Path) -> str:
    """A file as messages call it: from the current folder on, where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _place(path: Path, text: str, *keys: str | int, at_key: bool = False) -> Place:
    """Where a value stands (`at_key`: its key); the nearest table around it where that cannot be told."""
    import tomllib

    from kfuncgen.toml_places import locate

    try:
        found: Mapping[Keys, Located] = locate(text)
    except (tomllib.TOMLDecodeError, RecursionError, AssertionError, IndexError):
        return Place(_shown(path))  # somebody has changed the file since it was read
    wanted: Keys = (*_table_of(path), *keys)
    while wanted and wanted not in found:
        wanted = wanted[:-1]
    if not wanted:
        return Place(_shown(path))
    located = found[wanted]
    return Place(_shown(path), *(located.key if at_key else located.value))
