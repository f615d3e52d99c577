"""A source as a tree of statements with byte offsets, from libclang: what mutations are made on.

Only what a person wrote in the file itself counts: whatever a macro's body made is passed over, a macro call that
stands for one statement is that statement.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clang import cindex
from clang.cindex import CursorKind as K
from clang.cindex import TypeKind

_CALL_TEXT = re.compile(rb"(?:\(void\)\s*)?(\w+)\s*\(")
_NULL_TEXT = re.compile(rb"NULL|0|\(\s*void\s*\*\s*\)\s*0|\(\(\s*void\s*\*\s*\)\s*0\)")
_JUMPS = (K.RETURN_STMT, K.GOTO_STMT, K.CONTINUE_STMT, K.BREAK_STMT)
_WRAPPERS = (K.UNEXPOSED_EXPR, K.PAREN_EXPR)
_LABELS = (K.LABEL_STMT, K.CASE_STMT, K.DEFAULT_STMT)


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a statement: the callee as written, offsets of the call's text, its arguments' texts."""

    name: str
    start: int
    end: int
    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `end` is behind its semicolon. `call` for `f();`, `x = f();` and `T x = f();`."""

    start: int
    end: int
    kind: str
    call: Call | None = None
    bare: bool = False
    """The call is all there is: nothing takes its result."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a pointer against NULL within a condition: `negative` for the ones true for NULL."""

    start: int
    end: int
    negative: bool
    pointer: bytes
    """The text of what is tested."""
    statement: tuple[int, int] | None = None
    """The if statement, when this test is its whole condition, it leaves the path, and there is no else."""


@dataclass(slots=True)
class Function:
    """One function of the file with a body. `blocks` are statements that follow one another."""

    name: str
    start: int
    end: int
    calls: set[str] = field(default_factory=set)
    blocks: list[list[Statement]] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    pointers: list[tuple[str, str]] = field(default_factory=list)
    """Parameters and locals that are pointers: name and pointee."""


def read_tree(path: Path, text: bytes, args: list[str]) -> list[Function]:
    """The functions of `text` (the content of `path`), in order; ValueError when it does not parse."""
    _register()
    index = cindex.Index.create(excludeDecls=True)
    try:
        unit = index.parse(str(path), args=["-x", "c", *args], unsaved_files=[(str(path), text.decode())])
    except cindex.TranslationUnitLoadError as error:
        raise ValueError(str(error)) from None
    errors = [d for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
    if errors:
        raise ValueError(f"{path.name}: {errors[0].spelling}")
    reader = _Reader(unit, str(path), text)
    return [f for cursor in unit.cursor.get_children() if (f := reader.function(cursor)) is not None]


def reached(functions: Iterable[Function], programs: Iterable[str]) -> dict[str, set[str]]:
    """Program -> functions of the file that it reaches. BPF_PROG(name) makes name() and ____name()."""
    calls = {f.name: f.calls for f in functions}
    found = {}
    for program in programs:
        names = {program}
        todo = [program]
        while todo:
            name = todo.pop()
            for callee in calls.get(name, set()) | {f"____{name}"}:
                if callee in calls and callee not in names:
                    names.add(callee)
                    todo.append(callee)
        found[program] = names
    return found


def _register() -> None:
    function = cindex.conf.lib.clang_getSpellingLocation
    function.argtypes = [cindex.SourceLocation, *[ctypes.c_void_p] * 4]
    function.restype = None


class _Reader:
    def __init__(self, unit: Any, name: str, text: bytes) -> None:
        self.unit = unit
        self.name = name
        self.text = text

    def function(self, cursor: Any) -> Function | None:
        if cursor.kind != K.FUNCTION_DECL or not cursor.is_definition():
            return None
        file = cursor.location.file
        body = next((c for c in cursor.get_children() if c.kind == K.COMPOUND_STMT), None)
        if file is None or file.name != self.name or body is None:
            return None
        start, end = self._extent(body)
        made = Function(cursor.spelling, start, end)
        for inner in body.walk_preorder():
            if inner.kind in (K.DECL_REF_EXPR, K.CALL_EXPR) and inner.referenced is not None:
                made.calls.add(inner.referenced.spelling)
        if not self._written(body):
            return made
        for inner in (*cursor.get_arguments(), *body.walk_preorder()):
            if inner.kind in (K.PARM_DECL, K.VAR_DECL) and inner.type.get_canonical().kind == TypeKind.POINTER:
                pointee = inner.type.get_canonical().get_pointee().spelling
                made.pointers.append((inner.spelling, pointee))
        self._block(made, body)
        return made

    def _extent(self, cursor: Any) -> tuple[int, int]:
        extent = cursor.extent
        return extent.start.offset, extent.end.offset

    def _written(self, cursor: Any) -> bool:
        """Whether both ends stand in the file as they are, outside of macros."""
        extent = cursor.extent
        return self._plain(extent.start) and self._plain(extent.end)

    def _plain(self, location: Any) -> bool:
        file, line, column = ctypes.c_void_p(), ctypes.c_uint(), ctypes.c_uint()
        offset = ctypes.c_uint()
        cindex.conf.lib.clang_getSpellingLocation(
            location, ctypes.byref(file), ctypes.byref(line), ctypes.byref(column), ctypes.byref(offset)
        )
        where = location.file
        return where is not None and where.name == self.name and offset.value == location.offset

    def _block(self, function: Function, body: Any) -> None:
        """Collect the statements of a compound, and what is inside of them."""
        low, high = self._extent(body)
        block: list[Statement] = []
        last = low
        for child in body.get_children():
            while child.kind in _LABELS:
                inner = list(child.get_children())
                if not inner:
                    break
                child = inner[-1]
            start, end = self._extent(child)
            end = self._semicolon(end)
            if not (last <= start < end <= high) or (start, end) == (low, high):
                continue
            last = end
            made = self._statement(child, start, end)
            if made is not None:
                block.append(made)
            self._inside(function, child)
        if block:
            function.blocks.append(block)

    def _inside(self, function: Function, cursor: Any) -> None:
        """Blocks, single statements under `if` and the like, and tests for NULL below a statement."""
        kind = cursor.kind
        if kind == K.COMPOUND_STMT:
            if self.text[self._extent(cursor)[0] :][:1] == b"{":
                self._block(function, cursor)
            return
        children = list(cursor.get_children())
        if kind == K.IF_STMT and self._plain(cursor.extent.start) and len(children) >= 2:
            self._tests(function, children[0], cursor if len(children) == 2 else None, children[1])
            self._bodies(function, children[1:])
        elif kind in (K.WHILE_STMT, K.CONDITIONAL_OPERATOR) and children:
            self._tests(function, children[0])
            self._bodies(function, children[1:])
        elif kind == K.DO_STMT and len(children) == 2:
            self._tests(function, children[1])
            self._bodies(function, children[:1])
        elif kind == K.FOR_STMT:
            for child in children[:-1]:
                if child.kind.is_expression():
                    self._tests(function, child)
            self._bodies(function, children[-1:])
        else:
            for child in children:
                self._inside(function, child)

    def _bodies(self, function: Function, bodies: list[Any]) -> None:
        for body in bodies:
            if body.kind != K.COMPOUND_STMT and not body.kind.is_unexposed():
                start, end = self._extent(body)
                made = self._statement(body, start, self._semicolon(end))
                if made is not None and made.call is not None:
                    function.blocks.append([made])
            self._inside(function, body)

    def _semicolon(self, end: int) -> int:
        """The end of a statement with its semicolon."""
        match = re.compile(rb"\s*;").match(self.text, end)
        return match.end() if match and self.text[end - 1 : end] not in (b";", b"}") else end

    def _statement(self, cursor: Any, start: int, end: int) -> Statement | None:
        text = self.text[start:end]
        if cursor.kind in _JUMPS:
            return Statement(start, end, "jump")
        if cursor.kind == K.DECL_STMT:
            declared = list(cursor.get_children())
            call = None
            if len(declared) == 1 and declared[0].kind == K.VAR_DECL:
                match = re.compile(rb"[^=;{}]*?=\s*").match(text)
                call = self._call(start + match.end(), end) if match else None
            return Statement(start, end, "declaration", call)
        if not text.endswith(b";"):
            return Statement(start, end, "other")
        call = self._call(start, end)
        if call is not None:
            return Statement(start, end, "call", call, bare=True)
        match = re.compile(rb"[\w\s.\->\[\]*()]*?[^=!<>+\-*/&|^%]=(?!=)\s*").match(text)
        call = self._call(start + match.end(), end) if match else None
        return Statement(start, end, "call" if call else "other", call)

    def _call(self, start: int, end: int) -> Call | None:
        """The call that fills the text from `start` to the semicolon before `end`."""
        match = _CALL_TEXT.match(self.text, start)
        if match is None or match[1] in (b"if", b"while", b"for", b"switch", b"return", b"sizeof"):
            return None
        split = split_arguments(self.text, match.end())
        if split is None:
            return None
        arguments, behind = split
        if self.text[behind:end].strip() != b";":
            return None
        return Call(match[1].decode(), match.start(1), behind, arguments)

    def _tests(self, function: Function, condition: Any, whole: Any = None, then: Any = None) -> None:
        """The tests for NULL in a condition. `whole` is the if statement without else that it belongs to."""
        stripped = self._strip(condition)
        text = self._text(stripped)
        children = list(stripped.get_children())
        if stripped.kind == K.BINARY_OPERATOR and len(children) == 2:
            between = self._between(children[0], children[1])
            if between in (b"&&", b"||"):
                for child in children:
                    self._tests(function, child)
                return
        test = self._test(stripped, text, children)
        if test is None:
            self._inside(function, condition)
            return
        if whole is not None and test.negative and self._leaves(then):
            start, end = self._extent(whole)
            end = self._semicolon(end)
            if self._written(whole):
                test = Test(test.start, test.end, True, test.pointer, (start, end))
        function.tests.append(test)

    def _test(self, cursor: Any, text: bytes, children: list[Any]) -> Test | None:
        if not self._plain(cursor.extent.start):
            return None
        start, end = self._extent(cursor)
        if not text or text.count(b"(") != text.count(b")"):
            return None
        if cursor.kind == K.UNARY_OPERATOR and text.startswith(b"!") and children and self._pointer(children[0]):
            return Test(start, end, True, text[1:].strip())
        if cursor.kind == K.BINARY_OPERATOR and len(children) == 2:
            operator = self._between(children[0], children[1])
            if operator in (b"==", b"!="):
                for tested, other in (children, reversed(children)):
                    tested_text = self._text(tested)
                    if self._pointer(tested) and _NULL_TEXT.fullmatch(self._text(other)) and tested_text:
                        return Test(start, end, operator == b"==", tested_text)
            if operator != b"=":
                return None
        if self._pointer(cursor) and not text.startswith(b'"'):
            return Test(start, end, False, text)
        return None

    def _leaves(self, then: Any) -> bool:
        """Whether a body ends by leaving the path."""
        children = list(then.get_children()) if then.kind == K.COMPOUND_STMT else [then]
        return bool(children) and children[-1].kind in _JUMPS

    def _pointer(self, cursor: Any) -> bool:
        kind = cursor.type.get_canonical().kind
        return bool(kind == TypeKind.POINTER) or (
            cursor.kind in _WRAPPERS and self._strip(cursor).type.get_canonical().kind == TypeKind.POINTER
        )

    def _strip(self, cursor: Any) -> Any:
        while cursor.kind in _WRAPPERS:
            children = list(cursor.get_children())
            if len(children) != 1:
                break
            cursor = children[0]
        return cursor

    def _text(self, cursor: Any) -> bytes:
        start, end = self._extent(cursor)
        return self.text[start:end]

    def _between(self, left: Any, right: Any) -> bytes:
        return self.text[self._extent(left)[1] : self._extent(right)[0]].strip(b" \t\n()")


def split_arguments(text: bytes, start: int) -> tuple[tuple[bytes, ...], int] | None:
    """The arguments of a call whose opening parenthesis ends at `start`, and the offset behind the closing one."""
    depth, last, found = 1, start, []
    for at in _code_positions(text, start):
        letter = text[at : at + 1]
        if letter in b"([{":
            depth += 1
        elif letter in b")]}":
            depth -= 1
            if not depth:
                found.append(text[last:at].strip())
                return (tuple(a for a in found if a), at + 1)
        elif letter == b"," and depth == 1:
            found.append(text[last:at].strip())
            last = at + 1
        elif letter == b";" and depth == 1:
            return None
    return None


def _code_positions(text: bytes, start: int) -> Iterator[int]:
    """Offsets from `start` on that are not within strings, characters or comments."""
    token = re.compile(rb'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|//[^\n]*|.', re.DOTALL)
    for match in token.finditer(text, start):
        if match.end() - match.start() == 1:
            yield match.start()
