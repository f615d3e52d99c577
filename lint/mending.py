"""What fixes of rules are made of: a source's text as far as edits need it, and edits of statements in it.

Rules say what to write; where it goes is found in the text, since that is what people edit. A place that is not
plainly what it seems (in a macro, in a `for` header) gets no fix.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

from kfuncgen.diagnostic import Edit, Finding, Fix, Span
from kfuncgen.lint import ir
from kfuncgen.lint.run import Exit, Occurrence, Run
from kfuncgen.lint.suppress import TOKEN
from kfuncgen.records import Struct, field, replace

_ENDS = re.compile(rb"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z_]\w*")
_READS_MEMORY = re.compile(r"->|[*\[(]")


class Source(Struct):
    """One file. `code` is its text with comments, directives and what is in quotes blanked out, byte for byte."""

    file: str
    data: bytes
    code: bytes = b""
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0, *(match.end() for match in _ENDS.finditer(self.data))]
        blanked = bytearray(self.data)
        for token in TOKEN.finditer(self.data):
            if token.lastgroup in ("comment", "line"):
                blanked[token.start() : token.end()] = re.sub(rb"[^\r\n]", b" ", token[0])
            elif token.lastgroup == "quoted":
                blanked[token.start() + 1 : token.end() - 1] = b"_" * (len(token[0]) - 2)
        self.code = bytes(blanked)

    def offset(self, line: int, column: int) -> int:
        """Where a place is, in bytes."""
        return min(self.starts[min(line, len(self.starts)) - 1] + column - 1, len(self.data))

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Bytes [start, end) become `text`."""
        places = []
        for offset in (start, end):
            line = bisect_right(self.starts, offset)
            places += [line, offset - self.starts[line - 1] + 1]
        return Edit(Span(self.file, *places), text)

    def indent(self, offset: int) -> str:
        """The white space that begins the line of a place."""
        start = self.starts[bisect_right(self.starts, offset) - 1]
        found = re.compile(rb"[ \t]*").match(self.data, start)
        return found[0].decode() if found else ""

    def alone(self, offset: int) -> bool:
        """Whether nothing stands before a place on its line."""
        start = self.starts[bisect_right(self.starts, offset) - 1]
        return not self.data[start:offset].strip()

    def before(self, offset: int) -> int:
        """Behind the last character of code before a place."""
        return len(self.code[:offset].rstrip())

    def after(self, offset: int) -> int:
        """The first character of code at or behind a place."""
        return len(self.code) - len(self.code[offset:].lstrip())

    def statement(self, start: int, end: int) -> tuple[int, int] | None:
        """The statement around [start, end): its first character, and behind its `;` or header; None when it is
        part of a `for` header or otherwise not plain."""
        opened, depth, at = 0, 0, start
        while at > 0:
            at -= 1
            char = self.code[at : at + 1]
            if char == b")":
                depth += 1
            elif char == b"(":
                opened += not depth
                depth -= bool(depth)
            elif char in b";{}" and not depth:
                at += 1
                break
        first, closed, depth = self.after(at), 0, 0
        for at in range(end, len(self.code)):
            char = self.code[at : at + 1]
            if char == b"(":
                depth += 1
            elif char == b")":
                closed += not depth
                depth -= bool(depth)
            elif char in b";{}" and not depth:
                break
        if opened != closed or first > start or re.compile(rb"else\b|while\b").match(self.code, first):
            return None
        return first, at + 1


class Broken(Struct, frozen=True):
    """One finding that is to be mended, with what the analysis knows of it. `words` are those of its message."""

    finding: Finding
    occurrence: Occurrence
    words: Mapping[str, str]
    run: Run
    sources: Sources

    @property
    def source(self) -> Source:
        """The file in which the finding stands."""
        return self.sources.source(self.finding.span.file)

    def function(self) -> ir.Function | None:
        """The function in which the finding stands."""
        return self.run.module.functions.get(self.occurrence.function)

    def exits(self) -> set[Exit]:
        """What is held on the ways out that end at the finding."""
        return self.run.exits.get((self.finding.span, self.occurrence.function), set())

    def at_returns(self, function: str, site: int) -> list[Broken]:
        """The finding as if it stood where `function` returns, on whatever path, with the reference of `site`."""
        places = sorted(
            span
            for (span, name), exits in self.run.exits.items()
            if name == function and any(site in way.sites for way in exits)
        )
        occurrence = replace(self.occurrence, function=function)
        return [replace(self, finding=replace(self.finding, span=span), occurrence=occurrence) for span in places]

    def variable(self, name: str) -> ir.Variable | None:
        """The local called `name` that can be written about at the finding; None when it is not in scope there."""
        function = self.function()
        if function is None or not _NAME.fullmatch(name):
            return None
        found = [var for var in function.variables if var.name == name]
        if len(found) != 1 or found[0].is_temp:
            return None
        return found[0] if found[0].is_param or self._in_scope(function, found[0]) else None

    def _in_scope(self, function: ir.Function, var: ir.Variable) -> bool:
        instructions = (i for block in function.blocks for i in block.instructions)
        span = next((i.span for i in instructions if isinstance(i, ir.Declare) and i.var is var), None)
        here = self.finding.span
        if span is None or span.file != here.file or (span.line, span.column) > (here.line, here.column):
            return False
        source = self.source
        start, end = (source.offset(s.line, s.column) for s in (span, here))
        stop = source.offset(span.end_line, span.end_column)
        if not re.search(rb"\b" + var.name.encode() + rb"\b", source.code[start:stop]):
            return False
        braces = parens = 0
        for char in source.code[start:end]:
            braces += (char == ord("{")) - (char == ord("}"))
            parens += (char == ord("(")) - (char == ord(")"))
            if braces < 0 or parens < 0:
                return False
        return True

    def set_once(self, var: ir.Variable) -> bool:
        """Whether a local is given a value in one place only, and by its own name: it still holds that value."""
        function = self.function()
        if function is None or var.address_taken or var.is_param:
            return False
        written = 0
        for block in function.blocks:
            for instruction in block.instructions:
                place = (
                    instruction.result if isinstance(instruction, ir.Call) else getattr(instruction, "place", None)
                )
                written += isinstance(place, ir.Local) and place.var is var
                if isinstance(instruction, ir.Opaque):
                    written += 2 * any(isinstance(p, ir.Local) and p.var is var for p in instruction.places)
        return written == 1

    def kept_back(self, var: ir.Variable) -> bool:
        """Whether nobody but the function has the value of a local when it returns without it."""
        function = self.function()
        return function is not None and not _hands_out(self.run.module, function, var, frozenset())

    def before_return(self, text: str, but: str = "") -> tuple[Edit, ...]:
        """Edits that put a statement before the `return` of the finding, in braces where it needs them, or before
        the brace that ends its function.

        None when what is returned mentions `but`, or reads memory: it would be read behind the statement.
        """
        source, span = self.source, self.finding.span
        start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
        if source.code[start:end] == b"}":
            if not source.alone(start):
                return (source.edit(start, start, f"{text} "),)
            inner = f"{source.indent(start)}\t"
            begin = start - len(source.indent(start))
            return (source.edit(begin, begin, inner + text.replace("\n", f"\n{inner}") + "\n"),)
        returned = source.code[start:end].decode("utf-8", "replace")
        if not re.match(r"return\b", returned) or _READS_MEMORY.search(returned):
            return ()
        if but and re.search(rf"\b{re.escape(but)}\b", returned):
            return ()
        end = source.after(end)
        if source.code[end : end + 1] != b";":
            return ()
        return _put_before(source, start, end + 1, text)

    def before_statement(self, text: str) -> tuple[Edit, ...]:
        """Edits that put a statement before the one of the finding."""
        source, span = self.source, self.finding.span
        start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
        found = source.statement(start, end)
        return _put_before(source, found[0], found[1], text) if found is not None else ()

    def only_if(self, test: str) -> tuple[Edit, ...]:
        """Edits that make a call statement, which is all of the finding, depend on a test."""
        source, span = self.source, self.finding.span
        start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
        before, stop = source.before(start), source.after(end)
        if source.code[before - 1 : before] not in (b";", b"{", b"}") or source.code[stop : stop + 1] != b";":
            return ()
        gap = f"\n{source.indent(start)}\t" if source.alone(start) else " "
        return (source.edit(start, start, f"if ({test}){gap}"),)

    def argument(self, number: int) -> tuple[int, int] | None:
        """Where an argument of the call that the finding is about stands, None when the text is another."""
        source, span = self.source, self.finding.span
        start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
        head = re.compile(rb"\w+\s*\(").match(source.code, start, end)
        if head is None or not head[0].startswith(self.finding.kfunc.encode()):
            return None
        depth, places, first = 0, [], head.end()
        for at in range(head.end(), end):
            char = source.code[at : at + 1]
            if char in b"([{":
                depth += 1
            elif not depth and char in b",)":
                places.append((source.after(first), source.before(at)))
                first = at + 1
            elif char in b")]}":
                depth -= 1
        return places[number] if number < len(places) else None


def _hands_out(module: ir.Module, function: ir.Function, var: ir.Variable, outer: frozenset[str]) -> bool:
    """Whether a function puts the value of a local where others find it, itself or through those that it calls."""
    if function.name in outer:
        return False
    for block in function.blocks:
        for instruction in block.instructions:
            if isinstance(instruction, ir.Assign) and _is(instruction.value, var):
                return True
            if not isinstance(instruction, ir.Call):
                continue
            callee = module.functions.get(instruction.callee) if isinstance(instruction.callee, str) else None
            numbers = [number for number, arg in enumerate(instruction.args) if _is(arg, var)]
            if numbers and not isinstance(instruction.callee, str):
                return True
            for number in numbers if callee is not None else ():
                assert callee is not None
                own = callee.params[number] if number < len(callee.params) else None
                if own is None or _hands_out(module, callee, own, outer | {function.name}):
                    return True
    return False


def _is(expression: ir.Expr, var: ir.Variable) -> bool:
    """Whether an expression is the value of a local, or a pointer made of it."""
    if isinstance(expression, ir.Cast):
        return _is(expression.operand, var)
    if isinstance(expression, ir.Binary):
        return expression.ctype.is_pointer and (_is(expression.left, var) or _is(expression.right, var))
    return (
        isinstance(expression, ir.Load) and isinstance(expression.place, ir.Local) and expression.place.var is var
    )


def _put_before(source: Source, start: int, end: int, text: str) -> tuple[Edit, ...]:
    before = source.before(start)
    indent = source.indent(start)
    owner = _owner(source, before)
    if owner is None:
        gap = f"\n{indent}" if source.alone(start) else " "
        return (source.edit(start, start, text.replace("\n", f"\n{indent}") + gap),)
    outer = source.indent(owner)
    inner = indent if source.alone(start) else f"{outer}\t"
    body = text.replace("\n", f"\n{inner}")
    opening = source.edit(before, before, " {")
    if source.alone(start):
        first = source.edit(start, start, f"{body}\n{inner}")
    else:
        first = source.edit(start, start, "")
        opening = source.edit(before, start, f" {{\n{inner}{body}\n{inner}")
    line = bisect_right(source.starts, end)
    stop = source.starts[line] if line < len(source.starts) else len(source.data)
    rest = source.code[end:stop]
    following = source.after(end)
    close = end if rest.strip() else end + len(source.data[end:stop].rstrip())
    if source.code[following : following + 4] == b"else" and not source.data[end:following].strip():
        ending = source.edit(end, following, f"\n{outer}}} ")
    else:
        ending = source.edit(close, close, f"\n{outer}}}")
    edits = (opening, first, ending)
    return tuple(edit for edit in edits if edit.text)


def _owner(source: Source, before: int) -> int | None:
    """Where the `if` or loop begins (or the `else` is) whose body, without braces, follows `before`."""
    head = source.code[:before]
    if re.search(rb"\belse\Z", head):
        return before - 1
    if not head.endswith(b")"):
        return None
    depth = 0
    for at in range(before - 1, -1, -1):
        depth += (head[at] == ord(")")) - (head[at] == ord("("))
        if not depth:
            return at
    return None


class Sources:
    """The texts of one lint, each read and looked through once."""

    def __init__(self, read: Mapping[str, bytes]) -> None:
        self._read = read
        self._known: dict[str, Source] = {}

    def source(self, file: str) -> Source:
        """The text of a file; an empty one when there is none."""
        if file not in self._known:
            self._known[file] = Source(file, self._read[file] if file else b"")
        return self._known[file]


def fix(message: str, edits: tuple[Edit, ...], safe: bool) -> Fix | None:
    """A fix, None when there are no edits."""
    return Fix(message, edits, safe) if edits else None


def null_check(broken: Broken) -> Fix | None:
    """A test of the finding's pointer before the statement that uses it, which leaves the function on NULL.

    Never safe: what is to be done without the object is for the author to say.
    """
    words, function = broken.words, broken.function()
    var = broken.variable(words["var"])
    if var is None or function is None or words.get("null") == "is NULL":
        return None
    check = f"if (!{var.name})\n\t{_give_up(broken, function)}"
    return fix(f"return when {var.name} is NULL", broken.before_statement(check), safe=False)


_PASS = {"XDP": "XDP_PASS", "SK_SKB": "SK_PASS", "SK_MSG": "SK_PASS", "SK_LOOKUP": "SK_PASS"}
"""What programs return to let things go their way, where 0 would not."""


def _give_up(broken: Broken, function: ir.Function) -> str:
    """The `return` of a function that has no object to work with."""
    if function.result.kind == "void":
        return "return;"
    if function.result.is_pointer:
        return "return NULL;"
    program = broken.run.program
    if function.name.removeprefix("____") != program.function.name or program.info is None:
        return "return 0;"
    kind = program.info.program_type.removeprefix("BPF_PROG_TYPE_")
    return f"return {_PASS.get(kind, '1' if kind.startswith('CGROUP') else '0')};"
