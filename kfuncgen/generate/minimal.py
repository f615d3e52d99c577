"""Exactly the C types that some kfuncs or names need, for builds without a vmlinux.h.

Definitions come from options structs of the specs, then from templates/_types/*.h (what a BTF says less well:
packet headers with bit-fields for both byte orders), then from the kernel's own types (`kerneltypes`). Those
are marked `preserve_access_index`, so that libbpf finds the real offsets: the layout here means nothing, and a
struct may have just the members that a program reads.

A struct of which only pointers are passed is *defined* without members, not just declared: libbpf compares a
kfunc's prototype with the kernel's by kinds, a declared struct is of a kind of its own (BTF_KIND_FWD), and a
weak kfunc whose prototype differs counts as missing (bpf_core_types_are_compat(), tools/lib/bpf/relo_core.c
6.12).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.generate import kerneltypes, resources
from kfuncgen.generate.ctext import split_prototype, strip_declarator, struct_text
from kfuncgen.generate.kerneltypes import Member
from kfuncgen.generate.resources import TemplateFault
from kfuncgen.records import Struct, field
from kfuncgen.spec.model import Prototype, Role, SpecSet
from kfuncgen.spec.progtypes import context_structs

LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */"

OWN_ROLES = frozenset(
    (
        *(Role.DYNPTR, Role.ITERATOR, Role.LIST_HEAD, Role.LIST_NODE, Role.RB_ROOT, Role.RB_NODE, Role.WORKQUEUE),
        *(Role.TIMER, Role.TASK_WORK, Role.RES_SPIN_LOCK),
    )
)
"""Parameters for which the program itself has the memory, so that their structs must have the kernel's size."""

_MAX_PATHS = 1000
_MAX_PARTS = 30
"""Members in one path, which are followed by recursion."""
_WHY_EMPTY = "/* Without members, yet not just declared: libbpf would not find kfuncs with such a prototype. */"
_WHY_UNKNOWN = "/* Only a vmlinux.h of a kernel that has them tells the members of these. */"
_TAG = re.compile(r"\b(struct|union|enum)\s+(\w+)")


class Wanted(Struct, frozen=True):
    """A type, enumerator or macro by name; `paths`: only these members of a struct, a.b being b of a."""

    name: str
    paths: tuple[tuple[str, ...], ...] = ()


class Tree(Struct):
    """Members that are kept, each with what is kept of it; no entries: all of it."""

    kept: dict[str, Tree] = field(default_factory=dict)


def wanted(text: str) -> Wanted:
    """`struct task_struct:pid,mm.exe_file` taken apart; the keyword may be left out. UsageError for what is
    none."""
    name, colon, members = text.partition(":")
    match = re.fullmatch(r"\s*((?:struct|union|enum)\s+)?(\w+)\s*", name)
    paths = tuple(tuple(path.strip().split(".")) for path in members.split(",")) if colon else ()
    if not match or not all(re.fullmatch(r"[A-Za-z_]\w*", part) for path in paths for part in path):
        shown = re.sub(r"[^\x20-\x7e]", "?", text)[:80]
        raise UsageError(f"bad type '{shown}', expected for example 'struct task_struct:pid,mm.exe_file'")
    if len(paths) > _MAX_PATHS or any(len(path) > _MAX_PARTS for path in paths):
        raise UsageError(f"too much of '{match[2]}', expected at most {_MAX_PATHS} members, {_MAX_PARTS} in a row")
    return Wanted(f"{match[1].split()[0]} {match[2]}" if match[1] else match[2], paths)


class _Item(Struct):
    """One top-level declaration of the library, with the comment before it."""

    text: str
    order: int


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
            item = _Item(block.strip("\n"), order)
            order += 1
            for name in _defined(block):
                if name in library:
                    raise TemplateFault(f"'{name}' is defined twice", Place(f"templates/_types/{node.name}", line))
                library[name] = item
            line += block.count("\n") + 2
    return library


def _defined(block: str) -> list[str]:
    """The names that a blank-line separated block of a header defines; none for licence and comments."""
    code = re.sub(r"/\*.*?\*/", " ", block, flags=re.DOTALL)
    names = re.findall(r"^#define\s+(\w+)", code, re.MULTILINE)
    definition = re.search(r"^(struct|union|enum)\s+(\w+)\s*\{", code, re.MULTILINE)
    if definition:
        names.append(f"{definition[1]} {definition[2]}")
    names += re.findall(r"\btypedef\b[^{};]*\b(\w+)\s*;", code)
    names += re.findall(r"^\}\s*(\w+)\s*;", code, re.MULTILINE)
    if re.search(r"\benum\b[^;{]*\{", code):
        names += re.findall(r"^\s+(\w+)\s*(?:=|,|\})", code, re.MULTILINE)
    return list(dict.fromkeys(names))


@cache
def _base() -> str:
    """The arithmetic types, which every minimal header has, without the file's own comment."""
    text = resources.read_text(resources.folder_of("_types"), "base.h")
    return text[text.index("typedef") :].rstrip("\n")


@cache
def _base_names() -> frozenset[str]:
    return frozenset(re.findall(r"\b(\w+);", _base())) | {"false", "true"}


def render_types(
    names: Iterable[str],
    specs: SpecSet,
    banner: str,
    guard: str = "__VMLINUX_H__",
    prototypes: Sequence[Prototype] = (),
) -> str:
    """A header that defines `names` (`struct x`, `struct x:member,...`, typedefs, enumerators, macros), what
    callers of `prototypes` need, and all that these use.

    It stands in for vmlinux.h, hence the guard. UsageError names what no library and no spec defines.
    """
    needed, opaque = prototype_needs(prototypes, specs)
    body = minimal_types([wanted(name) for name in names], specs, needed, opaque)
    return f"{LICENCE}\n{banner}\n#ifndef {guard}\n#define {guard}\n\n{body}\n#endif /* {guard} */\n"


def minimal_types(
    requests: Sequence[Wanted], specs: SpecSet, needed: Sequence[str] = (), opaque: Iterable[str] = ()
) -> str:
    """C that defines what is needed, in an order that C accepts.

    `needed`: types to be had as the kernel has them, all members, at their places; `requests`: what a program
    reads or names besides; `opaque`: structs of which pointers are passed. UsageError for a request that
    nothing defines.
    """
    closure = _Closure(specs)
    for name in needed:
        if not closure.define(name):
            raise UsageError(f"no definition of '{name}' is known for a minimal header, use vmlinux.h instead")
    closure.request(requests)
    return closure.text(opaque)


class _Closure:
    """Declarations in order, each after those that it needs."""

    def __init__(self, specs: SpecSet) -> None:
        self.own = {f"struct {name}": struct for name, struct in specs.options.items()}
        self.done: set[str] = set()
        self.written: set[str] = set()
        self.parts: list[str] = []
        self.printed: set[int] = set()
        self.forward: set[str] = set()
        self.trees: dict[str, Tree] = {}

    def define(self, name: str, relocated: bool = False) -> bool:
        """Adds the definition of `name` and what it needs; false when nothing defines it."""
        if name in self.done or name in _base_names():
            return True
        text = self._own_text(name)
        library = _library().get(name)
        if not text and library is not None:
            self.done.add(name)
            if library.order not in self.printed:
                self.printed.add(library.order)
                self._add(library.text, relocated=False)
            return True
        self.done.add(name)
        if text:
            self._add(text, relocated=False)
            return True
        definition = kerneltypes.declaration_of(name)
        if not definition:
            self.done.remove(name)
            return False
        tree = self.trees.get(name) if relocated else None
        if tree is not None:
            definition = _cut(definition, tree)
        elif name.partition(" ")[2] in context_structs() or kerneltypes.is_opaque(definition):
            relocated = False
        self._add(_relocated(definition) if relocated else definition, relocated)
        return True

    def _add(self, text: str, relocated: bool) -> None:
        whole, forward = kerneltypes.needs_of(text)
        own = set(_defined(text))
        for name in whole:
            if name not in own and not self.define(name, relocated) and name.startswith(("struct ", "union ")):
                self.forward.add(name)
        self.forward.update(name for name in forward if name not in self.written)
        self.parts.append(text)
        self.written |= own

    def _own_text(self, name: str) -> str:
        """An options struct of the specs, with its size constant and a test of its size; "" for anything else."""
        struct = self.own.get(name)
        if struct is None:
            return ""
        text = struct_text(struct.definition)
        if struct.size_constant:
            text += f"\n\nenum {{\n\t{struct.size_constant} = sizeof({name}),\n}};"
        told = f'"{name} has the size that the kernel accepts"'
        return f"{text}\n\n_Static_assert(sizeof({name}) == {struct.size},\n\t       {told});"

    def request(self, requests: Sequence[Wanted]) -> None:
        """Adds what a program reads or names; UsageError when nothing defines it."""
        enumerators: dict[tuple[int, str], list[str]] = {}
        whole: list[str] = []
        for request in requests:
            name = kerneltypes.named(request.name)
            if request.paths:
                for path in request.paths:
                    self._keep(name, path)
                whole.append(name)
                continue
            found = None if self._is_defined(name) else kerneltypes.enumerator(name)
            if found is not None:
                enumerators.setdefault(found[:2], []).append(found[2])
                continue
            self.trees.pop(name, None)
            whole.append(name)
        # Where a typedef is asked for, so is what it stands for.
        whole += [aliased for aliased in map(kerneltypes.aliased, whole) if kerneltypes.is_record(aliased)]
        for name in [*whole, *self.trees]:
            if not self.define(name, relocated=True):
                raise UsageError(f"no kernel type or enumerator '{name}' is known, use vmlinux.h instead")
        for (_, head), lines in enumerators.items():
            if head not in self.done:
                self.parts.append("\n".join([f"{head} {{", *dict.fromkeys(lines), "};"]))

    def _is_defined(self, name: str) -> bool:
        known = name in _base_names() or name in self.own or name in _library()
        return known or bool(kerneltypes.declaration_of(name))

    def _keep(self, name: str, path: tuple[str, ...]) -> None:
        """Notes that the member `path` of the struct `name` is read, on through pointers and embedded structs."""
        definition = kerneltypes.declaration_of(kerneltypes.aliased(name))
        if not re.match(r"(?:typedef )?(?:struct|union)\b[^;]*\{", definition):
            raise UsageError(f"no members of '{name}' are known, expected a struct of the kernel")
        tree = self.trees.setdefault(name, Tree())
        owner, members = name, kerneltypes.members_of(definition)
        for index, part in enumerate(path):
            member = _member(members, part)
            if member is None:
                raise UsageError(f"'{owner}' has no member '{part}'")
            tree = tree.kept.setdefault(part, Tree())
            rest = path[index + 1 :]
            if not rest:
                return
            if not member.inner:
                self._keep(kerneltypes.aliased(member.ctype), rest)
                return
            owner, members = f"{owner}.{part}", member.inner

    def text(self, opaque: Iterable[str]) -> str:
        """All declarations: arithmetic types, structs without members, then the rest."""
        parts = [_base()]
        empty = sorted(name for name in opaque if name not in self.done)
        known = [name for name in empty if kerneltypes.declaration_of(name)]
        unknown = [name for name in empty if name not in known]
        for why, names in ((_WHY_EMPTY, known), (_WHY_UNKNOWN, unknown)):
            if names:
                parts.append("\n".join([why, *(f"{name} {{}};" for name in names)]))
        forward = sorted(self.forward - set(empty))
        if forward:
            parts.append("\n".join(f"{name};" for name in forward))
        one_liners: list[str] = []
        for part in self.parts:
            if "\n" in part or not one_liners:
                one_liners = [part] if "\n" not in part else []
                parts.append(part)
            else:
                parts[-1] += "\n" + part
        return "\n\n".join(parts) + "\n"


def _member(members: tuple[Member, ...], name: str) -> Member | None:
    """The member called `name`, also in anonymous structs and unions."""
    for member in members:
        found = member if member.name == name else _member(member.inner, name) if not member.name else None
        if found is not None:
            return found
    return None


def _cut(definition: str, tree: Tree) -> str:
    """`definition` with the members in `tree` only. Those of anonymous structs come out of them: libbpf looks a
    member up through the anonymous ones of the kernel's struct."""
    if not tree.kept:
        return definition
    lines = definition.split("\n")
    return "\n".join([lines[0], *_kept(kerneltypes.members_of(definition), tree, "\t"), lines[-1]])


def _kept(members: tuple[Member, ...], tree: Tree, indent: str) -> list[str]:
    lines: list[str] = []
    for member in members:
        if not member.name:
            lines += _kept(member.inner, tree, indent)
        elif member.name in tree.kept:
            inner = tree.kept[member.name]
            if member.inner and inner.kept:
                lines.append(indent + member.lines[0])
                lines += _kept(member.inner, inner, indent + "\t")
                lines.append(indent + member.lines[-1])
            else:
                lines += [indent + line for line in member.lines]
    return lines


def _relocated(definition: str) -> str:
    """A struct with the attribute by which libbpf moves accesses to where the running kernel has the members."""
    match = re.fullmatch(r"((?:typedef )?(?:struct|union)\b.*\n\})([^\n]*)", definition, re.DOTALL)
    return f"{match[1]} __attribute__((preserve_access_index)){match[2]}" if match else definition


def prototype_needs(prototypes: Sequence[Prototype], specs: SpecSet) -> tuple[list[str], set[str]]:
    """(types that must be defined as the kernel has them, structs of which pointers are enough) of `prototypes`.

    A program needs the definition of what it has itself (iterators, dynptrs, nodes, options, contexts, plain
    memory), and of enums and typedefs. What some kfunc returns is an object of the kernel's.
    """
    every = [function.prototype for function in specs.functions.values() if function.kind == "kfunc"]
    objects = {prototype.result.struct_name for prototype in every}
    params = [param for prototype in (*every, *prototypes) for param in prototype.params]
    own = {param.ctype.struct_name for param in params if param.role in OWN_ROLES}
    own |= context_structs() | set(specs.options)
    needed: list[str] = []
    opaque: set[str] = set()
    for prototype in prototypes:
        result, _, written = split_prototype(prototype.text)
        for text in (result, *written):
            for name in _named_types(text):
                tag = name.partition(" ")[2]
                mine = tag in own
                if name.startswith(("struct ", "union ")) and not mine:
                    mine = tag not in objects and kerneltypes.is_scalar_struct(name)
                    if not mine:
                        opaque.add(name)
                        continue
                needed.append(name)
    known = [name for name in dict.fromkeys(needed) if name not in kerneltypes.BUILTIN]
    return known, opaque - set(known)


def _named_types(text: str) -> list[str]:
    """The types that one parameter or result names: those of a callback's parameters too."""
    outer, callee, inner = text.partition(")(")
    if not callee:
        outer, _, inner = text.partition("(")
    found = []
    for piece in (outer, *inner.split(",")):
        ctype = kerneltypes.taken_apart(piece.strip("() "))[0]
        if ctype:
            found.append(ctype)
    return found


def prototype_types(prototype: str) -> list[str]:
    """Types that a prototype names: `struct xdp_md`, `u32`; parameter names and C's own words left out.

    `int f(u32 x, const struct a *p)` -> `["u32", "struct a"]`
    """
    result, _, params = split_prototype(prototype)
    found = [name for text in (result, *(strip_declarator(p)[0] for p in params)) for name in _named_types(text)]
    return [name for name in dict.fromkeys(found) if name not in kerneltypes.BUILTIN]
