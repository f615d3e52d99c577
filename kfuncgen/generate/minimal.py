"""Exactly the C types that some kfuncs or names need, for builds without a vmlinux.h.

Definitions come from options structs of the specs, then from templates/_types/*.h, a small library of kernel
types: what BPF programs touch of them, marked `preserve_access_index` where libbpf has to find the real offsets.
A struct or union that neither describes becomes a forward declaration, which is enough for pointers. Reading
further types from a kernel's BTF is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.generate import resources
from kfuncgen.generate.ctext import split_prototype, strip_declarator, struct_text
from kfuncgen.generate.resources import TemplateFault
from kfuncgen.spec.model import SpecSet

_NOT_TYPES = frozenset(
    ("const", "volatile", "unsigned", "signed", "char", "short", "int", "long", "void", "_Bool", "struct", "union")
)
"""Words of C in a type that name no type of the library."""

LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */"

_TAG = re.compile(r"\b(struct|union|enum)\s+(\w+)")


@dataclass(slots=True)
class _Item:
    """One top-level declaration. `text` includes the comment before it; `code` is `text` without comments."""

    text: str
    code: str
    order: int
    names: tuple[str, ...] = field(default=())


@cache
def _library() -> dict[str, _Item]:
    """Items of templates/_types/*.h by every name they define: `struct x`, a typedef, an enumerator, a macro."""
    folder = resources.folder_of("_types")
    library: dict[str, _Item] = {}
    order = 0
    for node in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not node.name.endswith(".h") or node.name == "base.h":
            continue
        text = resources.read_text(folder, node.name)
        line = 1
        for block in re.split(r"\n\s*\n", text):
            item = _item(block.strip("\n"), order)
            order += 1
            if item is not None:
                for name in item.names:
                    if name in library:
                        where = Place(f"templates/_types/{node.name}", line)
                        raise TemplateFault(f"'{name}' is defined twice", where)
                    library[name] = item
            line += block.count("\n") + 2
    return library


def _item(block: str, order: int) -> _Item | None:
    """A blank-line separated block of a header as an item; None when it defines nothing (licence, guards)."""
    code = re.sub(r"/\*.*?\*/", " ", block, flags=re.DOTALL)
    names = re.findall(r"^#define\s+(\w+)", code, re.MULTILINE)
    definition = re.search(r"^(struct|union|enum)\s+(\w+)\s*\{", code, re.MULTILINE)
    if definition:
        names.append(f"{definition[1]} {definition[2]}")
    names += re.findall(r"\btypedef\b[^{};]*\b(\w+)\s*;", code)
    names += re.findall(r"\}\s*(\w+)\s*;", code)
    if re.search(r"\benum\b[^;{]*\{", code):
        names += re.findall(r"^\s+(\w+)\s*(?:=|,|\})", code, re.MULTILINE)
    return _Item(block, code, order, tuple(dict.fromkeys(names))) if names else None


def render_types(names: Iterable[str], specs: SpecSet, banner: str, guard: str = "__VMLINUX_H__") -> str:
    """A header that defines `names` (`struct x`, typedefs, enumerators, macros) and all that they use.

    It stands in for vmlinux.h, hence the guard. UsageError names what no library and no spec defines.
    """
    body = minimal_types(list(names), specs)
    return f"{LICENCE}\n{banner}\n#ifndef {guard}\n#define {guard}\n\n{body}\n#endif /* {guard} */\n"


def minimal_types(roots: Sequence[str], specs: SpecSet) -> str:
    """Definitions of `roots` and of everything they use, in an order that C accepts."""
    library = _library()
    own = {f"struct {name}": struct for name, struct in specs.options.items()}
    forward: set[str] = set()
    chosen: dict[int, _Item] = {}
    queue = list(roots)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in _base_names():
            continue
        if name in own:
            queue.extend(_used(struct_text(own[name].definition), name))
        elif name in library:
            item = library[name]
            chosen[item.order] = item
            queue.extend(_used(item.code, *item.names))
        elif name.startswith(("struct ", "union ")):
            forward.add(name)
        else:
            raise UsageError(f"no definition of '{name}' is known for a minimal header, use vmlinux.h instead")
    parts = [_base()]
    if forward:
        parts.append("\n".join(f"{name};" for name in sorted(forward)))
    parts += [item.text for _, item in sorted(chosen.items())]
    for name in sorted(seen & set(own)):
        struct = own[name]
        part = [struct_text(struct.definition)]
        if struct.size_constant:
            part.append(f"enum {{\n\t{struct.size_constant} = sizeof({name}),\n}};")
        part.append(
            f'_Static_assert(sizeof({name}) == {struct.size}, "{name} has the size that the kernel accepts");'
        )
        parts.append("\n\n".join(part))
    return "\n\n".join(parts) + "\n"


@cache
def _base() -> str:
    """The arithmetic types, which every minimal header has, without the file's own comment."""
    text = resources.read_text(resources.folder_of("_types"), "base.h")
    return text[text.index("typedef") :].rstrip("\n")


@cache
def _base_names() -> frozenset[str]:
    return frozenset(re.findall(r"\b(\w+);", _base())) | {"false", "true"}


def _used(code: str, *own: str) -> list[str]:
    """Names of types that `code` mentions: tags always, other words when the library knows them."""
    library = _library()
    found = [f"{kind} {tag}" for kind, tag in _TAG.findall(code)]
    rest = _TAG.sub(" ", code)
    found += [word for word in re.findall(r"[A-Za-z_]\w*", rest) if word in library]
    return [name for name in dict.fromkeys(found) if name not in own]


def prototype_types(prototype: str) -> list[str]:
    """Types that a prototype names: `struct xdp_md`, `u32`; parameter names and C's own words left out.

    `int f(u32 x, const struct a *p)` -> `["u32", "struct a"]`
    """
    result, _, params = split_prototype(prototype)
    found: list[str] = []
    for text in (result, *(strip_declarator(param)[0] for param in params)):
        pieces = re.sub(r"\(\s*\*\s*\w+\s*\)", " ", text)
        found += [f"{kind} {tag}" for kind, tag in _TAG.findall(pieces)]
        rest = _TAG.sub(" ", pieces)
        if "(" in rest:
            # Parameters of a callback may have names; only words that are surely types are looked up.
            rest = " ".join(word for word in re.findall(r"\w+", rest) if word in _library())
        found += [word for word in re.findall(r"[A-Za-z_]\w*", rest) if word not in _NOT_TYPES]
    return list(dict.fromkeys(found))
