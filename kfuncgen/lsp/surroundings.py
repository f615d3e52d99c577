"""What is around a place in a source, told from its text: whether a statement begins there, what is at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kfuncgen.generate import Surroundings, Variable
from kfuncgen.lsp.scan import MAX_STATEMENT, Function, Scan
from kfuncgen.records import Struct

MAX_BODY = 200_000
"""How far the variables of a function are looked for."""
MAX_VARIABLES = 200

_HEADS = frozenset(("if", "while", "for", "switch", "bpf_for", "bpf_for_each", "bpf_repeat"))
_LABEL = re.compile(r"\s*(?:case\b[^?{}]*|default|\w+)\s*\Z")
_DECLARED = re.compile(r"\bstruct\s+(\w+)\s*(?:const\s*)?(?=[*\s])")
_DECLARATOR = re.compile(r"\s*(\*?)\s*(?:const\s+)?(\w+)\s*(=\s*)?(NULL\b|0\b)?")
_DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")


class Place(Struct, frozen=True):
    """Where a statement may begin: offset, the white space before its line, and whether it must stay one statement
    (behind `if (...)`, or a label that no declaration may follow)."""

    start: int
    indent: str
    single: bool


def statement_place(scan: Scan, start: int, end: int) -> Place | None:
    """The place of the word from `start` to `end` if a statement begins with it and nothing follows; else None."""
    code = scan.code
    line_end = min((at for at in (code.find("\n", end), code.find("\r", end)) if at >= 0), default=len(code))
    if code[end:line_end].strip() or not _outside_parentheses(code, start):
        return None
    before = code[:start].rstrip()
    line_start = max(scan.text.rfind("\n", 0, start), scan.text.rfind("\r", 0, start)) + 1
    line = scan.text[line_start:start]
    indent = line[: len(line) - len(line.lstrip())]
    if before.endswith((";", "{", "}")):
        return Place(start, indent, False)
    if before.endswith(":"):
        statement = re.split(r"[;{}]", before[:-1])[-1]
        return Place(start, indent, True) if _LABEL.match(statement) else None
    if re.search(r"\b(?:else|do)\Z", before):
        return Place(start, indent, True)
    if before.endswith(")"):
        opened = scan.opening(len(before) - 1)
        head = re.search(r"(\w+)\s*\Z", code[: max(opened, 0)])
        if head is not None and (head[1] in _HEADS or "for_each" in head[1]):
            return Place(start, indent, True)
    return None


def surroundings(scan: Scan, function: Function, offset: int) -> Surroundings:
    """What a call that is inserted at `offset` in `function` finds there."""
    own, arguments, context = _parameters(scan, function)
    sections = (function.section,) if function.section else sections_of(scan, function)
    body = scan.code[function.start : function.end]
    taken = frozenset((*_WORD.findall(body), *_DEFINED.findall(scan.text)))
    variables = (*own, *_locals(scan.code, function.body, offset))
    return Surroundings(sections, context, arguments, variables, taken, scan.text)


def sections_of(scan: Scan, function: Function) -> tuple[str, ...]:
    """The sections of the programs that a function without one is part of: those that call it, or mention it."""
    users: dict[str, set[str]] = {}
    for one in scan.functions:
        for word in set(_WORD.findall(scan.code, one.body, one.end)):
            users.setdefault(word, set()).add(one.name)
    known = {one.name: one for one in scan.functions}
    todo, seen = [function.name], {function.name}
    while todo:
        for name in users.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    found = [one.section for one in scan.functions if one.name in seen and one.section and one.name in known]
    return tuple(dict.fromkeys(found))


def _outside_parentheses(code: str, offset: int) -> bool:
    """Whether a place is in no parentheses that were opened since the last brace, those of `for` included."""
    depth = 0
    for at in range(offset - 1, max(offset - MAX_STATEMENT, 0) - 1, -1):
        if code[at] in "{}":
            return True
        depth += {")": 1, "(": -1}.get(code[at], 0)
        if depth < 0:
            return False
    return True


def _parameters(scan: Scan, function: Function) -> tuple[tuple[Variable, ...], tuple[str, ...] | None, str]:
    """A function's parameters that are objects, the program's arguments by name where a macro declares them, and
    the name of the program's context."""
    head = scan.code[function.name_at + len(function.name) : function.body]
    plain = head.lstrip().startswith("(")
    inside = head.strip().removeprefix("(" if plain else ",")
    inside = inside[: inside.rindex(")")] if ")" in inside else inside
    declared = [part.strip() for part in _split(inside)]
    names = tuple(found[-1] for part in declared if (found := _WORD.findall(part)) and part != "void")
    objects = tuple(
        Variable(match[2], match[1], False)
        for part in declared
        if (match := re.fullmatch(r"(?:const\s+)?struct\s+(\w+)\s*\*\s*(?:const\s+)?(\w+)", part))
    )
    if not plain:
        return objects, names, "ctx"
    context = next((name for part, name in zip(declared, names, strict=False) if part.startswith("void")), "")
    return objects, None, names[0] if function.section and names else context


def _split(text: str) -> list[str]:
    """A list of C at its commas, those within parentheses excepted."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _locals(code: str, body: int, offset: int) -> Iterator[Variable]:
    """Variables that are declared in the blocks around a place and have been given a value before it."""
    blocks: list[list[tuple[Variable, int, bool]]] = [[]]
    body = max(body, offset - MAX_BODY)
    for match in re.finditer(r"[{}]|\bstruct\s+\w+", code[body:offset]):
        at = body + match.start()
        if match[0] == "{":
            blocks.append([])
        elif match[0] == "}":
            if len(blocks) > 1:
                blocks.pop()
        else:
            stop = code.find(";", at)
            if 0 <= stop < offset:
                blocks[-1] += _declared(code[at:stop], at)
    for variable, declared, given in [one for block in blocks for one in block][-MAX_VARIABLES:]:
        name = variable.expr.removeprefix("&")
        later = code[declared:offset]
        wanted = rf"&\s*{name}\b" if variable.expr.startswith("&") else rf"(?<![\w.>])(?<!\*){name}\s*=[^=]"
        if given or re.search(wanted, later):
            yield variable


def _declared(text: str, at: int) -> Iterator[tuple[Variable, int, bool]]:
    """The variables of one declaration, the offset behind it, and whether they are given a value there."""
    kind = _DECLARED.match(text)
    if kind is None:
        return
    for part in _split(text[kind.end() :]):
        match = _DECLARATOR.match(part)
        if match is None or match[2] == "const":
            continue
        if match[1] and "[" not in part.partition("=")[0]:
            yield Variable(match[2], kind[1]), at + len(text), bool(match[3]) and not match[4]
        elif kind[1] == "bpf_dynptr":
            yield Variable(f"&{match[2]}", kind[1]), at + len(text), False
