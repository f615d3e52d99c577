"""Compiled headers: what sources include first is parsed once, and kept on disk for the next ones.

vmlinux.h has 135,000 lines, and parsing it takes ten times as long as all that a program adds. The leading
`#include`s of a source (kfuncgen.lint.prefix) are compiled into files that libclang maps into memory: first what
the first of them brings, then the others on top of it. A source then takes 5 ms. Such a file is used only while
all that it was made from is as it was: the flags, the folder, every header by size and time, and the absence of
every file that would be found before one of them. Whatever is wrong with the store (no home, no right to write, a
full disk, damage), sources are parsed as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clang import cindex

from kfuncgen import __version__
from kfuncgen.cachedir import cache_dir, checksum, drop_stale, is_stale, read_kept, write_kept
from kfuncgen.diagnostic import Place, SourceError
from kfuncgen.lint.compiler import MAX_SOURCE_BYTES
from kfuncgen.lint.kept import libclang
from kfuncgen.lint.parse import Unit, check_source, errors_of, finished, library, parse
from kfuncgen.lint.prefix import masked, stages
from kfuncgen.lint.processes import done_alone
from kfuncgen.records import Struct
from kfuncgen.toolchain.dependencies import Dependencies, dependencies, environment, state, unchanged

MAX_BYTES = 256 << 20
"""Compiled headers at once, those used last: vmlinux.h takes 14 MB of disk, what comes on top of it 0.2 MB."""
MAX_SEEN = 1000
"""Headers that were met once: an empty file each."""
MAX_META_BYTES = 8 << 20
_FOR_SERIALIZATION = 0x10  # CXTranslationUnit_ForSerialization (clang-c/Index.h)
_UNSUITED = (
    *(
        "-include",
        "-imacros",
        "--include",
        "-include-pch",
        "-x",
        "-fpch",
        "-fmodules",
        "-Xclang",
        "-F",
        "-iprefix",
    ),
    *("-iwithprefix", "-nostdinc", "-isysroot", "--sysroot", "-ivfsoverlay", "-I-"),
)
"""Flags that bring more than folders into the search, or headers before the prefix: parsed as a whole then."""


class _Compiled(Struct, frozen=True):
    """Compiled headers: the file, what it was made from, whether all declarations matter, where functions are."""

    file: str
    depends: Dependencies
    whole: bool
    functions: dict[str, tuple[str, int, int]]

    def after(self, base: _Compiled | None) -> _Compiled:
        """With what is known of the headers that it was compiled on top of."""
        if base is None:
            return self
        functions = {**base.functions, **self.functions}
        return _Compiled(self.file, base.depends.joined(self.depends), base.whole or self.whole, functions)

    @property
    def inputs(self) -> list[str]:
        """The names of the headers."""
        return [name for name, _, _ in self.depends.inputs]


class Headers:
    """The store of compiled prefixes. `at_once`: compile a prefix when it is first met, and not the second time
    (it takes twice the time of parsing it, which a single run over a single source never gets back)."""

    def __init__(self, folder: Path | None = None, at_once: bool = False) -> None:
        base = folder if folder is not None else cache_dir()
        self._folder = base / "pch" if base is not None else None
        self._at_once = at_once
        self._checked: dict[str, _Compiled] = {}
        """Compiled prefixes whose content was verified by this process."""
        self.last: tuple[str, ...] | None = None
        """The files that the last source included, None when it did not compile."""

    def parse(
        self, path: Path, args: Sequence[str], text: str | None = None, others: Mapping[str, bytes] | None = None
    ) -> Unit:
        """As `kfuncgen.lint.parse.parse`, and with the same result, from compiled headers where there are some."""
        self.last = None
        unit = self._parse(path, args, text, others)
        self.last = unit.includes
        return unit

    def _parse(
        self, path: Path, args: Sequence[str], text: str | None, others: Mapping[str, bytes] | None
    ) -> Unit:
        name, unsaved = str(path), dict(others or {})
        known = unsaved.pop(name, None) if text is None else text.encode("utf-8", "surrogateescape")
        data = known if known is not None else _read(path)
        if self._folder is None or any(flag.startswith(_UNSUITED) for flag in args):
            return parse(path, args, text, others)
        compiled, end = self._compiled(data, args, os.path.dirname(name), unsaved)
        if compiled is None:
            return parse(path, args, text, others)
        index = cindex.Index.create(not compiled.whole)
        flags = ["-x", "c", *args, "-include-pch", compiled.file]
        try:
            tu = index.parse(name, flags, [(name, masked(data, end)), *sorted(unsaved.items())])
        except cindex.TranslationUnitLoadError:
            return parse(path, args, text, others)
        if not all(_in(error, name) for error in errors_of(tu)):
            # What is wrong with headers is told as ever.
            return parse(path, args, text, others)
        unit = finished(tu, name)
        included = tuple(dict.fromkeys((*compiled.inputs, *unit.includes)))
        names = _own_names(compiled.inputs)
        return Unit(tu, name, included, compiled.whole, compiled.functions, compiled.depends, names)

    def _compiled(
        self, data: bytes, args: Sequence[str], folder: str, unsaved: Mapping[str, bytes]
    ) -> tuple[_Compiled | None, int]:
        """The longest compiled part of the prefix of `data`, and where it ends."""
        library()
        compiled, end = None, 0
        for stage in stages(data):
            beside = any(os.path.lexists(os.path.join(folder, os.fsdecode(name))) for name in stage.quoted)
            # No file of this name exists, or is needed: headers are looked for from its folder.
            header = os.path.join(folder if beside else str(self._folder), ".kfuncgen-prefix.h")
            key = _key(stage.text, [header, *args], compiled)
            found = self._find(key, compiled) or self._make(key, header, stage.text, args, compiled)
            if found is None or not unsaved.keys().isdisjoint(found.inputs):
                break
            compiled, end = found, stage.end
        return compiled, end

    def _find(self, key: str, base: _Compiled | None) -> _Compiled | None:
        """The compiled prefix of that name if it is there, whole, and all that it was made from is unchanged."""
        assert self._folder is not None
        meta = self._folder / f"{key}.json"
        try:
            kept = read_kept(meta, MAX_META_BYTES)
            if kept is None:
                return None
            told: Any = json.loads(kept)
            depends = Dependencies([(name, size, when) for name, size, when in told["inputs"]], told["absent"])
            own = [name for name, _, _ in depends.inputs]
            functions = {name: (own[number], *where) for name, (number, *where) in told["functions"].items()}
            file = str(self._folder / Path(told["file"]).name)
            if not unchanged(depends):
                return None
            compiled = _Compiled(file, depends, told["whole"], functions).after(base)
            if state(compiled.file) != tuple(told["state"]):
                return None
            if self._checked.get(key) != compiled:
                if checksum(compiled.file) != told["checksum"]:
                    return None
                self._checked[key] = compiled
            os.utime(meta)  # not the file itself: what was compiled on top of it knows its time
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return compiled

    def _make(
        self, key: str, header: str, text: bytes, args: Sequence[str], base: _Compiled | None
    ) -> _Compiled | None:
        """Compile headers that were met before; None when they are new, cannot be kept, or do not compile."""
        assert self._folder is not None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if base is None and not self._at_once and self._first_time(key):
                return None
            if not self._compile(key, header, text, args, base):
                return None
        except (OSError, cindex.TranslationUnitLoadError, cindex.TranslationUnitSaveError):
            return None
        return self._find(key, base)

    def _first_time(self, key: str) -> bool:
        assert self._folder is not None
        try:
            (self._folder / f"{key}.seen").touch(exist_ok=False)
        except FileExistsError:
            return False
        seen = list(self._folder.glob("*.seen"))
        for file in seen if len(seen) > MAX_SEEN else ():
            file.unlink(missing_ok=True)
        return True

    def _compile(self, key: str, header: str, text: bytes, args: Sequence[str], base: _Compiled | None) -> bool:
        """Write the compiled headers and what is known of them, at once or not at all."""
        assert self._folder is not None
        began = time.time_ns()
        target = self._folder / f"{key}-{os.getpid():x}{began & 0xFFFFFFFF:x}.pch"
        flags = ["-x", "c-header", *args, *(["-include-pch", base.file] if base is not None else [])]
        kept = False
        try:
            tu = cindex.Index.create(base is not None).parse(header, flags, [(header, text)], _FOR_SERIALIZATION)
            if errors_of(tu):
                return False
            inputs = list(dict.fromkeys(str(i.include.name) for i in tu.get_includes()))
            depends = dependencies(text, inputs, args, began)
            if depends is None:
                return False
            tops = list(tu.cursor.get_children())
            if not _saved(tu, target):
                return False
            told = {
                "file": target.name,
                "state": state(str(target)),
                "checksum": checksum(target),
                "inputs": depends.inputs,
                "absent": depends.absent,
                "whole": _whole(tops, base.functions if base is not None else ()),
                "functions": _functions(tops, inputs),
            }
            write_kept(self._folder / f"{key}.json", json.dumps(told).encode("ascii"))
            kept = True
        finally:
            if not kept:
                target.unlink(missing_ok=True)
        self._drop_others(key, target)
        self._drop_old()
        return True

    def _drop_others(self, key: str, target: Path) -> None:
        """Remove what was made of the same headers before, unless somebody may have found it just now."""
        assert self._folder is not None
        with contextlib.suppress(OSError):
            for file in self._folder.glob(f"{key}-*.pch"):
                if file != target and is_stale(file, time.time()):
                    file.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        """Keep the compiled headers that were used last, and remove what no description names."""
        assert self._folder is not None
        drop_stale(self._folder)
        with contextlib.suppress(OSError):
            described = {file.stem: file.stat().st_mtime_ns for file in self._folder.glob("*.json")}
            files = [(described.get(_described_by(file), 0), file) for file in self._folder.glob("*.pch")]
            total, now = 0, time.time()
            for when, file in sorted(files, reverse=True):
                if not when and is_stale(file, now):  # its writer was killed
                    file.unlink(missing_ok=True)
                    continue
                total += file.stat().st_size
                if total > MAX_BYTES:
                    file.unlink(missing_ok=True)
                    (self._folder / f"{_described_by(file)}.json").unlink(missing_ok=True)


def _own_names(inputs: Iterable[str]) -> dict[str, str]:
    """Relative names of headers by what they are called when they come from a compiled file: clang's ASTWriter
    makes names absolute, and takes `.` out of them."""
    here = os.getcwd()
    found: dict[str, str] = {}
    for name in inputs:
        if not os.path.isabs(name):
            plain = "/".join(part for part in name.split("/") if part not in ("", "."))
            found[os.path.join(here, name)] = found[os.path.join(here, plain)] = name
    return found


def _described_by(file: Path) -> str:
    """The key that a compiled file's name begins with."""
    return file.name.split("-")[0]


def _read(path: Path) -> bytes:
    check_source(path)
    try:
        with path.open("rb") as source:
            return source.read(MAX_SOURCE_BYTES)
    except OSError as error:
        raise SourceError(f"cannot read source: {error.strerror or error}", Place(str(path))) from None


def _key(text: bytes, args: Sequence[str], base: _Compiled | None) -> str:
    """A name for all that decides what headers mean, but for the contents of files."""
    before = base.file if base is not None else ""
    parts = [__version__, libclang(), os.getcwd(), before, *environment(), *args]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape"))
    digest.update(b"\0" + text)
    return digest.hexdigest()[:24]


def _in(what: Any, name: str) -> bool:
    """Whether an error or a declaration is in the file of that name."""
    return what.location.file is not None and what.location.file.name == name


def _saved(tu: Any, target: Path) -> bool:
    """Write a compiled header, and have it on disk before anything names it: its size and time are all that is
    looked at later. False when there is no room: libclang aborts then, so it writes in a process of its own.
    """

    def write() -> None:
        tu.save(str(target))
        with target.open("rb") as stream:
            os.fsync(stream.fileno())

    return done_alone(write)


def _whole(tops: Sequence[Any], before: Iterable[str]) -> bool:
    """Whether declarations of the headers count although no source mentions them: programs, global functions and
    the licence, and functions whose attributes stand on a declaration that is neither the first nor the last."""
    declared = dict.fromkeys(before, 1)
    for child in tops:
        kind = child.kind
        if kind == cindex.CursorKind.FUNCTION_DECL:
            if child.storage_class != cindex.StorageClass.STATIC and child.is_definition():
                return True
            name = child.spelling
            declared[name] = declared.get(name, 0) + 1
            if declared[name] > 2:
                return True
        elif (
            kind == cindex.CursorKind.VAR_DECL
            and child.storage_class == cindex.StorageClass.NONE
            and child.type.kind == cindex.TypeKind.CONSTANTARRAY
        ):
            return True
    return False


def _functions(tops: Sequence[Any], inputs: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Where each function is defined, or else declared last: the number of its file, line, column."""
    numbers = {name: number for number, name in enumerate(inputs)}
    found: dict[str, tuple[int, int, int]] = {}
    defined: set[str] = set()
    for child in tops:
        if child.kind == cindex.CursorKind.FUNCTION_DECL and child.spelling not in defined:
            where = child.location
            if where.file is not None and where.file.name in numbers:
                found[child.spelling] = (numbers[where.file.name], where.line, where.column)
                if child.is_definition():
                    defined.add(child.spelling)
    return found
