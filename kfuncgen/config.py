"""The user's `kfuncgen.toml`: found from a source upward, checked as strictly as the command line.

Keys, all optional: `kernels` (as `--kernel`), `select` and `ignore` (rule names), `spec-paths` (folders beside the
file), `clang-args` (flags for sources that nothing else describes), `loader` (what loads the objects), `type-tags`
(whether the kernels' BTF has them), `baseline` (a file of known findings). The file is untrusted: it names data to
read, never code to run, and its compiler flags pass the same filter as a compile database's (toolchain.flags).
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.spec.typetags import TYPE_TAGS, TypeTags

CONFIG_NAME = "kfuncgen.toml"
MAX_CONFIG_BYTES = 1 << 20
"""Far more than any configuration needs; a larger file is a mistake."""
KEYS = ("kernels", "select", "ignore", "spec-paths", "clang-args", "loader", "type-tags", "baseline")
LOADERS = ("libbpf", "libbpf-1.1", "ebpf-go")
"""What may load the objects; they treat externs differently (kfuncgen.lint.externs)."""

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class Config:
    """A read configuration; `path` is None when there is no file. `spec_paths` are absolute."""

    path: Path | None = None
    kernels: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    spec_paths: tuple[Path, ...] = ()
    clang_args: tuple[str, ...] = ()
    loader: str = LOADERS[0]
    type_tags: TypeTags = "without"
    baseline: Path | None = None

    @property
    def folder(self) -> Path | None:
        """What relative paths in `clang_args` are relative to."""
        return self.path.parent if self.path is not None else None


def by_config(sources: Sequence[Path]) -> list[tuple[Config, list[Path]]]:
    """Sources grouped by the `kfuncgen.toml` nearest to each, in the order of their first file."""
    groups: dict[Path | None, list[Path]] = {}
    nearest: dict[Path, Path | None] = {}
    for source in sources:
        if source.parent not in nearest:
            nearest[source.parent] = find_config(source.parent)
        groups.setdefault(nearest[source.parent], []).append(source)
    return [(load_config(path) if path is not None else Config(), files) for path, files in groups.items()]


def find_config(source: Path) -> Path | None:
    """The nearest `kfuncgen.toml` in the folder of `source` or above it (`source` itself if it is a folder)."""
    try:
        start = source.resolve()
        folders = [start, *start.parents] if start.is_dir() else start.parents
        return next((folder / CONFIG_NAME for folder in folders if (folder / CONFIG_NAME).is_file()), None)
    except (OSError, RuntimeError):  # no right to look, or a loop of links: lint says so of the source itself
        return None


def load_config(path: Path) -> Config:
    """Read and check `path`; UsageError with the line where it is wrong."""
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, str(error)) from None
    except RecursionError:
        raise UsageError("nested too deeply", Place(str(path))) from None
    for key in document:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UsageError(
                f"unknown key '{key}', valid keys are {', '.join(KEYS)}{hint}", _place(path, text, key)
            )

    def strings(key: str) -> tuple[str, ...] | None:
        value: Any = document.get(key)
        if value is None:
            return None
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise UsageError(f"'{key}' must be a list of strings", _place(path, text, key))
        return tuple(items)

    def word(key: str, choices: tuple[Word, ...]) -> Word:
        value: Any = document.get(key, choices[0])
        for choice in choices:
            if value == choice:
                return choice
        raise UsageError(f"'{key}' must be one of {', '.join(choices)}", _place(path, text, key))

    baseline: Any = document.get("baseline")
    if baseline is not None and (not isinstance(baseline, str) or not baseline):
        raise UsageError("'baseline' must be the name of a file", _place(path, text, "baseline"))
    kernels = strings("kernels")
    return Config(
        path=path,
        kernels=",".join(kernels) if kernels else None,
        select=strings("select"),
        ignore=strings("ignore") or (),
        spec_paths=tuple(path.parent / folder for folder in strings("spec-paths") or ()),
        clang_args=strings("clang-args") or (),
        loader=word("loader", LOADERS),
        type_tags=word("type-tags", TYPE_TAGS),
        baseline=path.parent / baseline if baseline is not None else None,
    )


def key_place(config: Config, key: str) -> Place | None:
    """Where `key` stands in the file that `config` was read from, for errors found later."""
    if config.path is None:
        return None
    try:
        return _place(config.path, _read(config.path), key)
    except UsageError:
        return Place(str(config.path))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError("not a regular file", Place(str(path)))
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", Place(str(path))) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"larger than {MAX_CONFIG_BYTES} bytes", Place(str(path)))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("not UTF-8 text", Place(str(path), line)) from None


def _syntax_error(path: Path, message: str) -> UsageError:
    """tomllib tells the place within its message: `... (at line 3, column 5)`."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if match is None:
        return UsageError(message, Place(str(path)))
    return UsageError(match[1], Place(str(path), int(match[2]), int(match[3])))


def _place(path: Path, text: str, key: str) -> Place:
    """The line that begins with `key`; only the file when it is written in another way (quoted, dotted)."""
    pattern = re.compile(rf"""[ \t]*["'\[]?{re.escape(key)}\b""")
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.match(line):
            return Place(str(path), number)
    return Place(str(path))
