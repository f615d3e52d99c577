"""C text in small pieces: prototypes taken apart, comments and declarations wrapped, names made."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

WIDTH = 100
"""Columns of generated C; the kernel's own limit."""

TAB = 8


def split_prototype(text: str) -> tuple[str, str, tuple[str, ...]]:
    """(result type, name, parameter declarations) of a one-line prototype; `(void)` has no parameters.

    ValueError when `text` is no prototype (specs are checked when loaded, so that is a fault of ours).

    `int f(u32 a, void (*cb)(int, int))` -> `("int", "f", ("u32 a", "void (*cb)(int, int)"))`
    """
    match = re.fullmatch(r"\s*(.+?)\s*\b(\w+)\s*\((.*)\)\s*;?\s*", text, re.DOTALL)
    if not match:
        raise ValueError(f"no prototype: {text}")
    result, name, inside = match.groups()
    params, depth, start = [], 0, 0
    for position, char in enumerate(inside):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            params.append(inside[start:position].strip())
            start = position + 1
    params.append(inside[start:].strip())
    return result.strip(), name, () if params in (["void"], [""]) else tuple(params)


def join_type(result: str, rest: str) -> str:
    """A type and a declarator, without a blank after `*`."""
    return f"{result}{rest}" if result.endswith("*") else f"{result} {rest}"


def declaration(head: str, params: tuple[str, ...], tail: str = "") -> str:
    """`head(params)tail`: on one line if it fits, else parameters aligned after the parenthesis."""
    plain = f"{head}({', '.join(params) or 'void'}){tail}"
    if len(plain) <= WIDTH:
        return plain
    indent = len(head) + 1
    lines, current = [], f"{head}("
    for index, param in enumerate(params):
        piece = param + ("," if index + 1 < len(params) else f"){tail}")
        joined = f"{current}{piece}" if current.endswith("(") or not current.strip() else f"{current} {piece}"
        if len(joined.expandtabs(TAB)) > WIDTH and current.strip() and not current.endswith("("):
            lines.append(current)
            joined = "\t" * (indent // TAB) + " " * (indent % TAB) + piece
        current = joined
    return "\n".join([*lines, current])


def comment_lines(text: str, width: int = WIDTH - 3) -> tuple[str, ...]:
    """`text` wrapped for a C comment; what would end the comment is broken up."""
    safe = " ".join(text.replace("*/", "* /").split())
    return tuple(textwrap.wrap(safe, width, break_long_words=False, break_on_hyphens=False))


def comment(paragraphs: Iterable[str], indent: str = "") -> str:
    """A C comment in kernel style: on one line when it fits there, else one paragraph after the other.

    No newline at the end; `indent` stands before each line (tabs count eight columns). "" without any text.
    """
    width = WIDTH - len(indent.expandtabs(TAB))
    lines = [line for paragraph in paragraphs for line in comment_lines(paragraph, width - 3)]
    if len(lines) == 1 and len(lines[0]) + 6 <= width:
        return f"{indent}/* {lines[0]} */"
    if not lines:
        return ""
    return "\n".join([f"{indent}/*", *(f"{indent} * {line}" for line in lines), f"{indent} */"])


def c_string(text: str) -> str:
    """`text` as a C string literal, printable ASCII only."""
    plain = " ".join(text.split()).encode("ascii", "replace").decode()
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def string_pieces(text: str, width: int) -> tuple[str, ...]:
    """`text` as adjacent C string literals of at most `width` columns, for what is too long for a line."""
    words = textwrap.wrap(" ".join(text.split()), width - 3, break_on_hyphens=False)
    pieces = [c_string(word)[:-1] + ' "' for word in words[:-1]]
    return (*pieces, c_string(words[-1] if words else ""))


def stem(name: str) -> str:
    """A kernel name without `bpf_`, to which `kfg_` is put: `bpf_xfrm_state_opts` -> `xfrm_state_opts`."""
    return name.removeprefix("bpf_")


def strip_declarator(param: str) -> tuple[str, str]:
    """(type text, name) of a parameter declaration; the name is "" when it has none.

    `const struct bpf_dynptr *p` -> `("const struct bpf_dynptr *", "p")`
    """
    pointer = re.search(r"\(\s*\**\s*(\w+)\s*\)\s*(?=\(|$)", param)
    if pointer:
        return param, pointer[1]
    match = re.fullmatch(r"(.*?[\s*])(\w+)\s*((?:\[\w*\])*)", param, re.DOTALL)
    if not match or re.fullmatch(r"\s*(?:const\s+)?(?:struct|union|enum|unsigned|signed|const)\s+", match[1]):
        return param, ""
    return match[1].strip() + match[3], match[2]


def struct_text(text: str) -> str:
    """A struct definition, one member a line; anything else as it is. Ends with a semicolon."""
    match = re.fullmatch(r"\s*(struct\s+\w+)\s*\{(.*)\}\s*;?\s*", text, re.DOTALL)
    if not match:
        return text.strip().rstrip(";") + ";"
    members = [" ".join(member.split()) for member in match[2].split(";") if member.strip()]
    return "\n".join([f"{match[1]} {{", *(f"\t{member};" for member in members), "};"])
