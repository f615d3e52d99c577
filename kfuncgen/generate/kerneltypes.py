"""Type definitions of a kernel, one by one, out of the vmlinux.h that travels with the package.

`declaration_of` and `enumerator` find text by name, `members_of` takes a struct apart, so that `minimal` can write
just the members that a program reads. The text is machine-made (bpftool's form: one member a line, tabs for
depth), which is why lines are enough to parse it.
"""

from __future__ import annotations

import re
from functools import cache

from kfuncgen.records import Struct
from kfuncgen.toolchain.headers import kernel_declarations

QUALIFIERS = frozenset(("const", "volatile", "restrict", "extern", "static", "typedef"))
BUILTIN = frozenset(
    ("unsigned", "signed", "char", "short", "int", "long", "void", "_Bool", "float", "double", "__int128")
)
"""Words that begin a type which needs no declaration."""

_TAG = re.compile(r"(struct|union|enum)\s+(\w+)")
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
_SPELLED = (
    ("long long unsigned int", "unsigned long long"),
    ("long unsigned int", "unsigned long"),
    ("short unsigned int", "unsigned short"),
    ("long long int", "long long"),
    ("long int", "long"),
    ("short int", "short"),
)
"""How compilers name the integers in debugging information, and how people do."""


class Member(Struct, frozen=True):
    """One member of a struct or union. `name` is "" for an anonymous one, whose own members are `inner`.

    `ctype` is the type without the declarator: `struct mm_struct`, `u32`; "" where the type is written in
    place, as `inner`. `lines` is the member's text, relative to its struct; `pointer`: what is behind it is not
    embedded.
    """

    name: str
    ctype: str
    pointer: bool
    lines: tuple[str, ...]
    inner: tuple[Member, ...] = ()


@cache
def _text() -> str:
    """All declarations, integers spelled as people do."""
    text = kernel_declarations()
    for found, written in _SPELLED:
        text = text.replace(found, written)
    return text


@cache
def declaration_of(name: str) -> str:
    """The definition of `struct x`, `union x`, `enum x` or a typedef, without the newline at its end; "" for
    none."""
    text = _text()
    if " " in name:
        start = text.find(f"\n{name} {{\n") + 1
        if not start:
            return f"{name} {{}};" if f"\n{name} {{}};\n" in text else ""
        return text[start : text.index("\n", text.index("\n}", start) + 1)]
    if not re.fullmatch(r"\w+", name):
        return ""
    ways = rf"\b{name}(?:\[\d+\])*|\(\*{name}\)\(.*\)|\b{name}\(.*\)|\({name}\)\(.*\)"
    found = re.search(rf"^typedef [^\n]*(?:{ways});$", text, re.MULTILINE)
    if found:
        return found[0]
    end = text.find(f"\n}} {name};\n")
    if end < 0:
        return ""
    return text[text.rindex("\ntypedef ", 0, end) + 1 : text.index(";", end) + 1]


def named(word: str) -> str:
    """What `word` names: `task_struct` -> `struct task_struct`; what is a typedef or has its keyword stays."""
    if " " in word or declaration_of(word):
        return word
    return next(
        (f"{kind} {word}" for kind in ("struct", "union", "enum") if declaration_of(f"{kind} {word}")), word
    )


def enumerator(name: str) -> tuple[int, str, str] | None:
    """(which enum, its head such as `enum xdp_action`, the defining line) of an enumerator; None for none."""
    found = re.search(rf"^\t{name} = -?\w+,$", _text(), re.MULTILINE) if re.fullmatch(r"\w+", name) else None
    if found is None:
        return None
    start = _text().rindex("\n}", 0, found.start()) + 1
    head = re.search(r"^enum(?: \w+)? (?=\{)", _text()[start : found.start()], re.MULTILINE)
    return (start, head[0].rstrip(), found[0]) if head else None


def members_of(definition: str) -> tuple[Member, ...]:
    """The members of the struct or union that `definition` defines, padding left out."""
    lines = definition.split("\n")
    return _members([line.removeprefix("\t") for line in lines[1:-1]])


def _members(lines: list[str]) -> tuple[Member, ...]:
    found = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if line.endswith("{"):
            end = next(i for i in range(index + 1, len(lines)) if lines[i].startswith("}"))
            inner = _members([body.removeprefix("\t") for body in lines[index + 1 : end]])
            tail = _ATTRIBUTE.sub("", lines[end][1:]).strip(" ;")
            name = re.search(r"\w+", tail)
            found.append(Member(name[0] if name else "", "", "*" in tail, tuple(lines[index : end + 1]), inner))
            index = end + 1
            continue
        index += 1
        ctype, name_text, pointer = taken_apart(line)
        if name_text:
            found.append(Member(name_text, ctype, pointer, (line,)))
    return tuple(found)


def taken_apart(declaration: str) -> tuple[str, str, bool]:
    """(type, name, whether it is behind a pointer or a function) of one declaration; padding has no name.

    `struct mm_struct *mm;` -> `("struct mm_struct", "mm", True)`
    """
    text = _ATTRIBUTE.sub("", declaration).strip(" ;\t\n")
    callee = re.search(r"\(\s*\*+\s*(\w*)[^()]*\)", text)
    words = [word for word in re.findall(r"\w+", text) if word not in QUALIFIERS]
    tag = _TAG.match(re.sub(rf"^(?:(?:{'|'.join(QUALIFIERS)})\s+)*", "", text))
    ctype = f"{tag[1]} {tag[2]}" if tag else (words[0] if words else "")
    if callee:
        return ctype, callee[1], True
    plain = re.sub(r"\[[^]]*\]", " ", text.split(":")[0])
    rest = re.findall(r"\w+", plain)
    name = rest[-1] if rest else ""
    nameless = name in BUILTIN or len([w for w in rest if w not in QUALIFIERS]) <= (2 if tag else 1)
    return ctype, "" if nameless else name, "*" in text


def needs_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what must be declared before `text`, tags that need no more than `struct x;` before it) of C declarations.

    A struct behind a pointer needs nothing, but in the parameters of a function, where it would be one of its
    own. A typedef of a struct needs the struct where it is embedded only: structs point to each other by it.
    """
    whole: list[str] = []
    forward: list[str] = []
    code = _ATTRIBUTE.sub("", re.sub(r"/\*.*?\*/|^\s*#[^\n]*", " ", text, flags=re.DOTALL | re.MULTILINE))
    enums_out = re.sub(r"\benum\b[^;{]*\{[^}]*\}", "int", code)
    for statement in re.findall(r"[^;{}]+(?=[;{}])[;{}]", enums_out):
        body = statement[:-1].strip()
        if not body or statement.endswith("{") or re.fullmatch(r"\w+(?:\[\w*\])*", body):
            continue
        outer, _, params = body.partition(")(") if re.search(r"\(\s*\*", body) else (body, "", "")
        if "(" in body and not params:
            outer, _, params = body.partition("(")
        alias = body.startswith("typedef ") and not body.endswith("]")
        for index, piece in enumerate([outer, *params.strip("() ").split(",")]):
            ctype, _, pointer = taken_apart(piece)
            if not ctype or ctype in BUILTIN:
                continue
            if ctype.startswith(("struct ", "union ")):
                if index or alias:
                    forward.append(ctype)
                elif not pointer:
                    whole.append(ctype)
                continue
            if not (index or alias or pointer or params) and is_record(aliased(ctype)):
                whole.append(aliased(ctype))
            whole.append(ctype)
    return tuple(dict.fromkeys(whole)), tuple(dict.fromkeys(forward))


def is_record(name: str) -> bool:
    """Whether `name` is that of a struct or union, and no pointer to one."""
    return name.startswith(("struct ", "union ")) and not name.endswith("*")


def is_opaque(definition: str) -> bool:
    """Whether the kernel tells programs no more of a struct than its size, as of iterators and dynptrs."""
    return "__opaque" in definition


def is_scalar_struct(name: str, depth: int = 0) -> bool:
    """Whether a struct holds nothing but numbers, so that a program's own memory may be passed for one.

    The rule of __btf_type_is_scalar_struct(), kernel/bpf/verifier.c 6.12. False when it is not known.
    """
    definition = declaration_of(name)
    if not definition or depth > 3:
        return False
    return _only_scalars(members_of(definition), depth)


def _only_scalars(members: tuple[Member, ...], depth: int) -> bool:
    for member in members:
        if member.pointer:
            return False
        if member.inner:
            if depth > 3 or not _only_scalars(member.inner, depth + 1):
                return False
        elif member.ctype not in BUILTIN and not member.ctype.startswith("enum "):
            inner = aliased(member.ctype)
            if inner in BUILTIN or inner.startswith("enum "):
                continue
            if not is_scalar_struct(inner, depth + 1):
                return False
    return True


def aliased(name: str) -> str:
    """What a typedef stands for, through typedefs of typedefs; `name` itself when it is none or a struct's own."""
    for _ in range(8):
        definition = declaration_of(name) if " " not in name and name not in BUILTIN else ""
        if not definition or "{" in definition:
            break
        ctype, _, pointer = taken_apart(definition)
        if pointer or "(" in definition:
            return f"{ctype} *"
        name = ctype
    return name
