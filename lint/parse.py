"""libclang: the only module that loads the library and builds translation units.

In: a source's path or text and the compiler flags chosen by `kfuncgen.toolchain`. Out: a `Unit`. Functions
of the library that its Python binding lacks are registered here, once (libclang 18.1).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from clang import cindex

from kfuncgen.diagnostic import Place, SourceError
from kfuncgen.lint.compiler import MAX_SOURCE_BYTES
from kfuncgen.records import Struct, field
from kfuncgen.toolchain.dependencies import Dependencies

MAX_ERRORS_SHOWN = 10

_TERSE_OUTPUT = 17
"""CXPrintingPolicy_TerseOutput (clang-c/Index.h): a function's declaration without its body."""


@lru_cache(maxsize=1)
def library() -> Any:
    """The loaded library with the missing functions declared; SourceError when it cannot be loaded."""
    config = cindex.Config
    if sys.platform == "linux" and not config.loaded and not config.library_file and config.library_path:
        # The binding would find this file, too, once it has imported `platform` to know how libraries are called.
        file = Path(config.library_path, "libclang.so")
        if file.is_file():
            config.set_library_file(str(file))
    try:
        lib = cindex.conf.lib
    except cindex.LibclangError as error:
        raise SourceError(f"libclang cannot be loaded: {error}; reinstall the 'libclang' package") from None
    # The binding refuses names that are not UTF-8, which clang only warns of.
    lib.clang_getCString.restype = ctypes.c_char_p
    lib.clang_getCString.errcheck = lambda result, *_: (
        None if result is None else result.decode("utf-8", "replace")
    )
    cursor, string = cindex.Cursor, cindex._CXString
    for name, arguments, result in (
        ("clang_getCursorBinaryOperatorKind", [cursor], ctypes.c_int),
        ("clang_getCursorUnaryOperatorKind", [cursor], ctypes.c_int),
        ("clang_Cursor_Evaluate", [cursor], ctypes.c_void_p),
        ("clang_EvalResult_getKind", [ctypes.c_void_p], ctypes.c_int),
        ("clang_EvalResult_isUnsignedInt", [ctypes.c_void_p], ctypes.c_uint),
        ("clang_EvalResult_getAsUnsigned", [ctypes.c_void_p], ctypes.c_ulonglong),
        ("clang_EvalResult_getAsLongLong", [ctypes.c_void_p], ctypes.c_longlong),
        ("clang_EvalResult_getAsStr", [ctypes.c_void_p], ctypes.c_char_p),
        ("clang_EvalResult_dispose", [ctypes.c_void_p], None),
        ("clang_Cursor_hasVarDeclGlobalStorage", [cursor], ctypes.c_int),
        ("clang_getCursorPrintingPolicy", [cursor], ctypes.c_void_p),
        ("clang_PrintingPolicy_setProperty", [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint], None),
        ("clang_PrintingPolicy_dispose", [ctypes.c_void_p], None),
    ):
        function = getattr(lib, name)
        function.argtypes, function.restype = arguments, result
    lib.clang_Cursor_getVarDeclInitializer.argtypes = [cursor]
    lib.clang_Cursor_getVarDeclInitializer.restype = cursor
    lib.clang_getCursorPrettyPrinted.argtypes = [cursor, ctypes.c_void_p]
    lib.clang_getCursorPrettyPrinted.restype = string
    lib.clang_getFileLocation.argtypes = [
        cindex.SourceLocation,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ctypes.c_uint),
        ctypes.POINTER(ctypes.c_uint),
        ctypes.POINTER(ctypes.c_uint),
    ]
    lib.clang_getFileLocation.restype = None
    lib.clang_getFileContents.argtypes = [cindex.TranslationUnit, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)]
    lib.clang_getFileContents.restype = ctypes.c_void_p
    return lib


def string_of(value: Any) -> str:
    """The text of a CXString; the binding converts results only for functions that it knows itself."""
    if isinstance(value, str):
        return value
    return str(cindex.conf.lib.clang_getCString(value) or "")


class Unit(Struct):
    """A parsed translation unit. `file` is the name findings use for the main file.

    `whole`: `top_level` shows the declarations of all headers, not only of those that were not compiled before; of
    the others, `places` has the functions: where they are defined or else declared (file, line, column) by name.
    `depends`: what the compiled headers depend on; None when the source was parsed as a whole. `names`: what
    headers are called otherwise, by the names that libclang has for compiled ones.
    """

    tu: Any
    file: str
    includes: tuple[str, ...]
    whole: bool = True
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    depends: Dependencies | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def parse(
    path: Path, args: Sequence[str], text: str | None = None, others: Mapping[str, bytes] | None = None
) -> Unit:
    """Parse one source for the BPF target.

    `text` replaces the file's content (unsaved editors, standard input), `others` that of files by
    name. Raises SourceError, with the compiler's own messages as details, when the source does not compile.
    """
    library()
    name = str(path)
    if text is None and name not in (others or {}):
        check_source(path)
    unsaved: list[tuple[str, str | bytes]] = [(name, text)] if text is not None else []
    unsaved += [(file, data) for file, data in sorted((others or {}).items()) if text is None or file != name]
    index = cindex.Index.create()
    try:
        tu = index.parse(name, args=["-x", "c", *args], unsaved_files=unsaved)
    except ctypes.ArgumentError:
        raise SourceError("the source or its name is not valid UTF-8", Place(name)) from None
    except cindex.TranslationUnitLoadError:
        raise SourceError(
            "libclang gave up: a crash, too little memory, or wrong compiler flags", Place(name)
        ) from None
    return finished(tu, name)


def check_source(path: Path) -> None:
    """SourceError unless `path` is a file of bounded size that may be read."""
    name = str(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"cannot read source: {error.strerror or error}", Place(name)) from None
    if size > MAX_SOURCE_BYTES:
        raise SourceError(f"source is larger than {MAX_SOURCE_BYTES >> 20} MiB", Place(name))
    if path.is_dir():
        raise SourceError("is a folder, expected a C source", Place(name))
    if not os.access(path, os.R_OK):
        raise SourceError("cannot read source: Permission denied", Place(name))


def errors_of(tu: Any) -> list[Any]:
    """The compiler's errors, without its warnings."""
    return [d for d in tu.diagnostics if d.severity >= cindex.Diagnostic.Error]


def finished(tu: Any, name: str) -> Unit:
    """The unit of a parsed source called `name`; SourceError, as of `parse`, when it does not compile."""
    errors = errors_of(tu)
    if errors:
        first = errors[0]
        place = Place(
            first.location.file.name if first.location.file else name, first.location.line, first.location.column
        )
        message = first.spelling
        if "file not found" in message:
            message += "; add its folder with '-- -I DIR', compile_flags.txt or compile_commands.json"
        more = len(errors) - 1
        details = tuple(
            f"{Place(d.location.file.name if d.location.file else name, d.location.line, d.location.column)}"
            f": {d.spelling}"
            for d in errors[1:MAX_ERRORS_SHOWN]
        )
        raise SourceError(message + (f" (and {more} more errors)" if more else ""), place, details)
    includes = tuple(dict.fromkeys(str(i.include.name) for i in tu.get_includes()))
    return Unit(tu, name, includes)


def top_level(unit: Unit, kinds: Collection[int]) -> list[Any]:
    """The declarations of these kinds at file level, in order.

    The binding's get_children() makes objects of all the 17,000 that vmlinux.h has: a third of the time of a
    small source that is linted again.
    """
    found: list[Any] = []

    def visit(child: Any, _parent: Any, _data: Any) -> int:
        if child._kind_id in kinds:
            child._tu = unit.tu
            found.append(child)
        return 1  # CXChildVisit_Continue

    cindex.conf.lib.clang_visitChildren(unit.tu.cursor, cindex.callbacks["cursor_visit"](visit), None)
    return found


_parts: list[Any] = []


def _collect(part: Any, _parent: Any, _data: Any) -> int:
    _parts.append(part)
    return 1  # CXChildVisit_Continue


def _collect_one(part: Any, _parent: Any, _data: Any) -> int:
    _parts.append(part)
    return 0  # CXChildVisit_Break


# Made once: the binding makes a new callback for each cursor, which takes longer than the visit.
_COLLECT = cindex.callbacks["cursor_visit"](_collect)
_COLLECT_ONE = cindex.callbacks["cursor_visit"](_collect_one)


def parts_of(cursor: Any) -> list[Any]:
    """The children of a cursor, in order."""
    return _visited(cursor, _COLLECT)


def first_part(cursor: Any) -> Any:
    """The first child of a cursor, None when it has none."""
    return next(iter(_visited(cursor, _COLLECT_ONE)), None)


def _visited(cursor: Any, callback: Any) -> list[Any]:
    _parts.clear()
    cindex.conf.lib.clang_visitChildren(cursor, callback, None)
    found = _parts[:]
    unit = cursor._tu
    for part in found:
        part._tu = unit
    return found


def function_named(unit: Unit, name: str) -> Any:
    """The function of that name in headers that were compiled before; None when there is none."""
    if name not in unit.places:
        return None
    file, line, column = unit.places[name]
    try:
        where = cindex.SourceLocation.from_position(unit.tu, unit.tu.get_file(file), line, column)
    except cindex.LibclangError:
        return None
    cursor = cindex.Cursor.from_location(unit.tu, where)
    return cursor if cursor.kind == cindex.CursorKind.FUNCTION_DECL and cursor.spelling == name else None


class _RawType(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("type", ctypes.c_void_p), ("unit", ctypes.c_void_p)]


@lru_cache(maxsize=1)
def _raw() -> tuple[Any, Any]:
    """Functions of the library without what the binding makes of their results: two more calls, and objects."""
    lib = library()
    type_of, refers_to = lib["clang_getCursorType"], lib["clang_getCursorReferenced"]
    type_of.argtypes, type_of.restype = [cindex.Cursor], _RawType
    refers_to.argtypes, refers_to.restype = [cindex.Cursor], cindex.Cursor
    return type_of, refers_to


def type_key(cursor: Any) -> int | None:
    """What identifies the type of a cursor within its unit, the first word of the binding's type."""
    found: int | None = _raw()[0](cursor).type
    return found


def referenced(cursor: Any) -> Any:
    """The declaration that a cursor refers to, None when there is none."""
    found = _raw()[1](cursor)
    if found.data[0] is None:
        return None
    found._tu = cursor._tu
    return found


def identity(declaration: Any) -> int:
    """What identifies a declaration within its unit."""
    found: int = declaration.data[0] or 0
    return found


def pretty(cursor: Any, terse: bool = True) -> str:
    """Clang's own text of a declaration: it shows attributes that cursors do not."""
    lib = library()
    policy = lib.clang_getCursorPrintingPolicy(cursor)
    try:
        lib.clang_PrintingPolicy_setProperty(policy, _TERSE_OUTPUT, int(terse))
        return string_of(lib.clang_getCursorPrettyPrinted(cursor, policy))
    finally:
        lib.clang_PrintingPolicy_dispose(policy)


def evaluate(cursor: Any) -> int | str | None:
    """The constant value of an expression on the BPF target: an integer, a string, or None."""
    lib = library()
    result = lib.clang_Cursor_Evaluate(cursor)
    if not result:
        return None
    try:
        kind = lib.clang_EvalResult_getKind(result)
        if kind == 1:
            if lib.clang_EvalResult_isUnsignedInt(result):
                return int(lib.clang_EvalResult_getAsUnsigned(result))
            return int(lib.clang_EvalResult_getAsLongLong(result))
        if kind in (3, 4, 5):
            return (lib.clang_EvalResult_getAsStr(result) or b"").decode("utf-8", "replace")
        return None
    finally:
        lib.clang_EvalResult_dispose(result)
