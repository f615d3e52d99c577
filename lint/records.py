"""Special fields of types as the kernel finds them in a program's BTF: locks, timers, lists, trees, kptrs.

A record is all or nothing: one field that the kernel does not take, and the map (or object, or section) has none.
Sources: btf_parse_fields(), btf_find_field_one(), btf_find_kptr(), btf_parse_kptr(), btf_parse_graph_root(),
btf_parse_struct_metas(), btf_check_and_fixup_fields() (kernel/bpf/btf.c of 6.12 and 6.18) and map_check_btf()
(kernel/bpf/syscall.c); CONTRACT 2.4, 4.D and 4.E (graph-decl).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from kfuncgen.lint import ir
from kfuncgen.lint.emitted import EmittedTypes
from kfuncgen.lint.types import Type
from kfuncgen.records import Struct, replace
from kfuncgen.spec.trust import DESTRUCTORS, LOCKS, ROOTS
from kfuncgen.toolchain.headers import kernel_declares_struct

MAX_FIELDS = 11
"""BTF_FIELDS_MAX."""

MAX_DEPTH = 32
"""MAX_RESOLVE_DEPTH of nested structs and arrays."""

_ONCE = LOCKS | {"bpf_timer", "bpf_wq", "bpf_task_work"}
"""Fields of which a type has one at most."""
KPTRS = frozenset(("kptr", "percpu_kptr", "kptr_untrusted"))
IN_VALUES = _ONCE | set(ROOTS) | {"bpf_refcount", "kptr"}
"""What the kernel looks for in values of maps and in global data ("kptr" stands for all its kinds)."""
IN_OBJECTS = LOCKS | set(ROOTS) | set(ROOTS.values()) | {"bpf_refcount", "kptr"}
"""What it looks for in structs of the program."""

_PLAIN_MAPS = (1, 2)
_HASHES_AND_ARRAYS = (1, 2, 9)
_KPTR_MAPS = (1, 2, 5, 6, 9, 10, 24, 28, 29, 32)
_STORAGES = (19, 24, 28, 29, 32)
_MAPS: dict[str, tuple[int, ...]] = {
    "bpf_spin_lock": (*_PLAIN_MAPS, *_STORAGES),
    "bpf_res_spin_lock": (*_PLAIN_MAPS, *_STORAGES),
    "bpf_timer": _HASHES_AND_ARRAYS,
    "bpf_wq": _HASHES_AND_ARRAYS,
    "bpf_task_work": _HASHES_AND_ARRAYS,
    "bpf_list_head": _HASHES_AND_ARRAYS,
    "bpf_rb_root": _HASHES_AND_ARRAYS,
    "bpf_refcount": _KPTR_MAPS,
    "kptr": _KPTR_MAPS,
    "percpu_kptr": _KPTR_MAPS,
    "kptr_untrusted": _KPTR_MAPS,
}
"""Map types whose values may have the field (map_check_btf); a map of another type is made without BTF."""


class SpecialField(Struct, frozen=True):
    """One field: `kind` is its struct's name, or the tag of a kptr. `target` is what a kptr points to;
    `contains` the struct and member that a head or root names."""

    kind: str
    offset: int
    size: int
    target: Type | None = None
    contains: tuple[str, str] = ("", "")

    @property
    def is_kptr(self) -> bool:
        return self.kind in KPTRS

    @property
    def is_kernel(self) -> bool:
        """Whether a kptr holds a kernel object and not one of the program's own."""
        return self.target is not None and is_kernel_struct(self.target.name)


class Record(Struct, frozen=True):
    """The special fields of a type, by offset. `error`: why the kernel takes none of them, "" when it does."""

    fields: tuple[SpecialField, ...] = ()
    error: str = ""

    def at(self, offset: int) -> SpecialField | None:
        """The field that begins at an offset."""
        return next((f for f in self.fields if f.offset == offset), None)

    def touched(self, low: int, high: int) -> Iterator[SpecialField]:
        """Fields with a byte in [low, high)."""
        return (f for f in self.fields if low < f.offset + f.size and f.offset < high)

    def only(self, *kinds: str) -> SpecialField | None:
        """The first field of one of these kinds."""
        return next((f for f in self.fields if f.kind in kinds), None)


EMPTY = Record()


class Refused(Exception):
    """The kernel does not take a declaration; the text says what is wrong with it."""


def is_kernel_struct(name: str) -> bool:
    """Whether the kernel has a struct of that name: kptrs are matched with kernel types by name."""
    return name in DESTRUCTORS or kernel_declares_struct(name)


class Records:
    """The records of one module, each computed once."""

    def __init__(self, module: ir.Module) -> None:
        self.module = module
        self.emitted = EmittedTypes(module)
        self._values: dict[tuple[Type, int], Record] = {}
        self._objects: dict[Type, Record] = {}
        self._sections: dict[str, Record] = {}
        self._refusal: str | None = None

    # -- questions ---------------------------------------------------------------------------------------

    def value(self, ctype: Type, map_type: int = 0) -> Record:
        """The record of a map's value; `map_type` 0 = not known."""
        key = (ctype, map_type)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = self._of_map(self._parse(ctype, IN_VALUES), map_type)
        return found

    def object(self, ctype: Type) -> Record:
        """The record of a struct of the program (btf_find_struct_meta)."""
        found = self._objects.get(ctype)
        if found is None:
            found = self._objects[ctype] = self._parse(ctype, IN_OBJECTS)
        return found

    def variable(self, var: ir.GlobalVariable) -> Record:
        """The record of the part of a data section that a global variable is."""
        section = self._section(section_of(var))
        if section.error:
            return section
        return Record(tuple(self._variable_fields(var, set())))

    def whole_section(self, var: ir.GlobalVariable) -> Record:
        """The record of the data section that a variable is in; offsets are those within their variables."""
        return self._section(section_of(var))

    def in_globals(self) -> bool:
        """Whether global data of the module has special fields, or is meant to."""
        sections = {section_of(v) for v in self.module.globals.values() if v.section != ".maps" and not v.extern}
        return any(self._section(s).fields or self._section(s).error for s in sorted(sections))

    def refusal(self) -> str:
        """Why the kernel refuses the BTF of the whole program, "" when it takes it.

        libbpf then loads the program without BTF: no map has special fields, and no object can be allocated.
        """
        if self._refusal is None:
            self._refusal = ""
            self._refusal = next(self._refusals(), "")
        return self._refusal

    # -- parsing -----------------------------------------------------------------------------------------

    def _parse(self, ctype: Type, wanted: frozenset[str] | set[str]) -> Record:
        try:
            if ctype.kind != "struct":
                return EMPTY
            fields = list(self._struct(ctype, wanted, set(), 0))
            self._whole(fields)
        except Refused as refused:
            return Record(error=str(refused))
        if fields and self.refusal():
            return Record(error=self.refusal())
        return Record(tuple(sorted(fields, key=lambda f: f.offset)))

    def _of_map(self, record: Record, map_type: int) -> Record:
        """What a type of maps cannot have in its values it is made without."""
        for field in record.fields:
            if map_type and map_type not in _MAPS[field.kind]:
                return Record(error=f"maps of this type cannot have a {field_word(field)} in their values")
        return record

    def _section(self, section: str) -> Record:
        """The record of a whole data section: the fields of all its variables stand or fall together."""
        found = self._sections.get(section)
        if found is None:
            self._sections[section] = EMPTY
            fields: list[SpecialField] = []
            seen: set[str] = set()
            try:
                for var in self.module.globals.values():
                    if not var.extern and section_of(var) == section:
                        fields += self._variable_fields(var, seen)
                self._whole(fields)
                found = Record(tuple(fields))
                if fields and section.startswith(".rodata"):
                    found = Record(error="read-only data cannot have special fields")
                elif fields and self._is_mapped(section):
                    found = Record(error=f"user space maps '{section}', as not all in it is static or __hidden")
                elif fields and self.refusal():
                    found = Record(error=self.refusal())
            except Refused as refused:
                found = Record(error=str(refused))
            self._sections[section] = found
        return found

    def _is_mapped(self, section: str) -> bool:
        """Whether libbpf maps a section into user space, which the kernel refuses when it has special fields
        (bpf_map_mmap(); libbpf's map_is_mmapable())."""
        return any(
            section_of(var) == section and not (var.static or var.hidden or var.extern)
            for var in self.module.globals.values()
        )

    def _variable_fields(self, var: ir.GlobalVariable, seen: set[str]) -> list[SpecialField]:
        return self._one(var.name, var.ctype, var.tags, var.decl_tags, 0, IN_VALUES, seen, 0)

    def _whole(self, fields: list[SpecialField]) -> None:
        """What must hold of all fields together."""
        kinds = {f.kind for f in fields}
        if len(fields) > MAX_FIELDS:
            raise Refused(f"there are {len(fields)} special fields in it, {MAX_FIELDS} are possible")
        roots = kinds & set(ROOTS)
        if roots and not kinds & LOCKS:
            raise Refused(f"a {min(roots)} needs a bpf_spin_lock beside it")
        if {"bpf_list_node", "bpf_rb_node"} <= kinds and "bpf_refcount" not in kinds:
            raise Refused("a struct with both a bpf_list_node and a bpf_rb_node needs a bpf_refcount")

    def _struct(
        self, ctype: Type, wanted: frozenset[str] | set[str], seen: set[str], depth: int
    ) -> Iterator[SpecialField]:
        for member in ctype.fields:
            name = f"{ctype.name}.{member.name}" if ctype.name and member.name else member.name
            yield from self._one(
                name, member.ctype, member.tags, member.decl_tags, member.offset, wanted, seen, depth
            )

    def _one(
        self,
        name: str,
        ctype: Type,
        tags: tuple[str, ...],
        decl_tags: tuple[str, ...],
        offset: int,
        wanted: frozenset[str] | set[str],
        seen: set[str],
        depth: int,
    ) -> list[SpecialField]:
        """The fields of one member or variable (btf_find_field_one)."""
        count = 1
        while ctype.kind == "array" and ctype.target is not None:
            count *= ctype.count
            ctype = ctype.target
        if not count or depth >= MAX_DEPTH:
            return []
        if ctype.kind == "struct" and ctype.name in wanted:
            if ctype.name in _ONCE:
                if ctype.name in seen:
                    raise Refused(f"there is more than one {ctype.name}")
                seen.add(ctype.name)
            elif ctype.name in ROOTS:
                return self._repeat(self._root(name, ctype, decl_tags, offset), ctype.size, count)
            return self._repeat([SpecialField(ctype.name, offset, ctype.size)], ctype.size, count)
        if ctype.is_pointer and "kptr" in wanted:
            return self._repeat(self._kptr(name, ctype, tags, offset), 8, count)
        if ctype.kind != "struct":
            return []
        inner = list(self._struct(ctype, wanted, seen, depth + 1))
        moved = [replace(f, offset=f.offset + offset) for f in inner]
        return self._repeat(moved, ctype.size, count)

    def _repeat(self, fields: list[SpecialField], size: int, count: int) -> list[SpecialField]:
        """Fields of an array's elements (btf_repeat_fields)."""
        if not fields or count == 1:
            return fields
        fixed = next((f for f in fields if not f.is_kptr and f.kind not in ROOTS), None)
        if fixed is not None:
            raise Refused(f"a {fixed.kind} cannot be in an array")
        if len(fields) * count > MAX_FIELDS:
            raise Refused(f"there are {len(fields) * count} special fields in it, {MAX_FIELDS} are possible")
        return [replace(f, offset=f.offset + n * size) for n in range(count) for f in fields]

    def _root(self, name: str, ctype: Type, decl_tags: tuple[str, ...], offset: int) -> list[SpecialField]:
        kind = ctype.name
        tags = [t.removeprefix("contains:") for t in decl_tags if t.startswith("contains:")]
        if not tags:
            raise Refused(f"'{name}' does not say what it contains: __contains(type, member)")
        if len(tags) > 1:
            raise Refused(f"'{name}' says twice what it contains")
        struct, _, member = tags[0].partition(":")
        target = self.module.struct.get(struct)
        if target is None or target.kind != "struct" or not target.fields:
            raise Refused(f"'{name}' contains struct {struct}, which the program does not define")
        if not self.emitted.has(target):
            raise Refused(
                f"'{name}' contains struct {struct}, which is only declared in the program's BTF: clang before 20 "
                "writes a struct there only when something else than pointers in structs mentions it"
            )
        field = next((f for f in target.fields if f.name == member), None)
        if field is None or field.ctype.name != ROOTS[kind]:
            raise Refused(f"'{name}' names '{member}' of struct {struct}, which is no {ROOTS[kind]}")
        return [SpecialField(kind, offset, ctype.size, contains=(struct, member))]

    def _kptr(self, name: str, ctype: Type, tags: tuple[str, ...], offset: int) -> list[SpecialField]:
        if not tags:
            return []
        kind = tags[0]
        if kind == "uptr":
            return []
        if kind not in KPTRS:
            raise Refused(f"pointers tagged '{kind}', as '{name}', cannot be beside special fields")
        target = ctype.target
        if target is None or target.kind != "struct":
            raise Refused(f"the kptr '{name}' does not point to a struct")
        if not self.emitted.has(target):
            raise Refused(
                f"the kptr '{name}' points to struct {target.name}, which is only declared in the program's BTF: "
                "clang before 20 writes one there only when something else than pointers in structs mentions it"
            )
        if kind == "kptr" and is_kernel_struct(target.name) and target.name not in DESTRUCTORS:
            raise Refused(f"the kernel has no destructor for the struct {target.name} in the kptr '{name}'")
        return [SpecialField(kind, offset, 8, target)]

    # -- the program's BTF as a whole --------------------------------------------------------------------

    def _refusals(self) -> Iterator[str]:
        """Structs of the program that the kernel does not take; one is enough to refuse all of the BTF."""
        metas: dict[Type, Record] = {}
        for ctype in self.emitted.own_structs():
            if any(self._is_special(f.ctype, f.tags) for f in ctype.fields):
                record = self._parse(ctype, IN_OBJECTS)
                if record.error:
                    yield f"struct {ctype.name}: {record.error}" if ctype.name else record.error
                metas[ctype] = record
        for ctype, record in metas.items():
            if not record.only(*ROOTS.values()):
                continue
            for field in record.fields:
                owned = self.module.struct.get(field.contains[0]) if field.kind in ROOTS else None
                below = metas.get(owned) if owned is not None else None
                if below is not None and below.only(*ROOTS):
                    yield (
                        f"struct {ctype.name} can be in a list or tree and has one of struct {field.contains[0]}, "
                        "which has lists or trees of its own"
                    )

    def _is_special(self, ctype: Type, tags: tuple[str, ...]) -> bool:
        """Whether a member makes its struct one that the kernel looks into (alloc_obj_fields and kptrs)."""
        if ctype.kind == "struct":
            return ctype.name in IN_OBJECTS
        target = ctype.target if ctype.is_pointer else None
        return bool(
            tags
            and tags[0] in KPTRS
            and target is not None
            and target.kind == "struct"
            and self.emitted.has(target)
        )


@lru_cache(maxsize=2)
def records_of(module: ir.Module) -> Records:
    """The records of a module; those of the last two modules are kept."""
    return Records(module)


def field_word(field: SpecialField) -> str:
    """What people call a field."""
    return "kptr" if field.is_kptr else field.kind


def section_of(var: ir.GlobalVariable) -> str:
    """The data section of a global variable; all of a section are one map."""
    if var.section:
        return var.section
    if var.frozen:
        return ".rodata"
    return ".data" if var.initialised else ".bss"
