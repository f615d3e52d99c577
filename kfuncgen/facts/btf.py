"""BTF, the kernel's compact type information: kfuncs and their prototypes as C.

In: raw BTF (/sys/kernel/btf/*, `pahole --btf_encode_detached`) or an ELF file with a .BTF section (vmlinux, a
module; a module may be packed by gzip or xz), untrusted. Out: functions tagged `bpf_kfunc`, their prototypes in
the kernel's spelling, the values of enums. Format: Documentation/bpf/btf.rst (6.12). Every offset is checked: a
malformed file is a UsageError, never a traceback.
"""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.records import Struct

MAX_BTF_BYTES = 128 << 20
"""A distribution's vmlinux has 5 to 10 MB of BTF."""
MAX_MODULE_BYTES = 512 << 20
"""An unpacked module with debug information; more than that is no module."""
MAX_DEPTH = 32
"""Pointers, qualifiers and typedef-free declarators in one type; bounds recursion over hostile types."""
MAX_TYPES = 1000
"""Types in one prototype: functions that take functions multiply. The kernel's longest has 30."""

KFUNC_TAG = "bpf_kfunc"
"""The declaration tag that pahole 1.26 and newer put on kfuncs (kernels since 6.10)."""

_MAGIC = 0xEB9F
(_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _FUNC, _FUNC_PROTO) = (
    range(1, 14)
)
_VAR, _DATASEC, _FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(14, 20)

_FIXED = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
"""Bytes behind the 12 of struct btf_type, by kind."""
_EACH = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _FUNC_PROTO: 8, _DATASEC: 12, _ENUM64: 12}
"""Bytes for each of its `vlen` members, by kind."""
_SPELLED = {"long unsigned int": "unsigned long", "long long unsigned int": "unsigned long long", "_Bool": "bool"}
_SPELLED |= {"short unsigned int": "unsigned short", "long int": "long", "short int": "short"}
_SPELLED |= {"long long int": "long long"}
"""DWARF's names of C types in the kernel's spelling."""

_MALFORMED = (struct.error, IndexError, ValueError, OverflowError, KeyError)


class _Malformed(ValueError):
    """The bytes are no BTF; the message says what is wrong with them."""


class _Type(Struct, frozen=True):
    name: int
    info: int
    target: int
    offset: int

    @property
    def kind(self) -> int:
        return self.info >> 24 & 31

    @property
    def count(self) -> int:
        return self.info & 0xFFFF


class Btf:
    """One BTF, possibly on top of another one (a module's on the kernel's), whose ids and names it goes on."""

    def __init__(self, data: bytes, file: str, base: Btf | None = None) -> None:
        """Read `data`, which was found in `file`; UsageError when it is malformed."""
        self.file = file
        self.base = base
        self._left = 0
        try:
            self._read(data)
        except _MALFORMED as error:
            what = str(error) if isinstance(error, _Malformed) else "is cut off or damaged"
            raise UsageError(f"malformed BTF: {what}", Place(file)) from None

    def _read(self, data: bytes) -> None:
        if len(data) < 24:
            raise _Malformed("shorter than its header")
        self._order = "<" if data[:2] == _MAGIC.to_bytes(2, "little") else ">"
        magic, version, _, header, types, types_len, strings, strings_len = struct.unpack_from(
            self._order + "HBBIIIII", data
        )
        if magic != _MAGIC or version != 1:
            raise _Malformed("not BTF version 1")
        self._types = data[header + types : header + types + types_len]
        self._strings = data[header + strings : header + strings + strings_len]
        if len(self._types) < types_len or len(self._strings) < strings_len:
            raise _Malformed("its sections end behind the file")
        self._first_name: int = self.base._names_end if self.base is not None else 0
        self._first_id: int = self.base._end if self.base is not None else 1
        self._names_end: int = self._first_name + strings_len
        self._starts = list(self._walk())
        self._end: int = self._first_id + len(self._starts)

    def _walk(self) -> Iterator[int]:
        """The offset of every type."""
        at, unpack = 0, struct.Struct(self._order + "4xI").unpack_from
        while at < len(self._types):
            yield at
            info = unpack(self._types, at)[0]
            kind = info >> 24 & 31
            if not 1 <= kind <= _ENUM64:
                raise _Malformed(f"type kind {kind} is unknown")
            at += 12 + _FIXED.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)

    @property
    def ids(self) -> range:
        """The type ids of this BTF alone, without its base."""
        return range(self._first_id, self._end)

    def _type(self, number: int) -> tuple[Btf, _Type]:
        """The type `number`, and the BTF that holds it."""
        if number < self._first_id and self.base is not None:
            return self.base._type(number)
        at = self._starts[number - self._first_id] if number >= self._first_id else -1
        if at < 0:
            raise _Malformed(f"type {number} does not exist")
        name, info, target = struct.unpack_from(self._order + "III", self._types, at)
        return self, _Type(name, info, target, at + 12)

    def _name(self, offset: int) -> str:
        if offset < self._first_name and self.base is not None:
            return self.base._name(offset)
        start = offset - self._first_name
        return self._strings[start : self._strings.index(b"\0", start)].decode("utf-8", "replace")

    def function_name(self, number: int) -> str:
        """The name of the function with the type id `number`; "" when that is no function."""
        try:
            owner, entry = self._type(number)
            return owner._name(entry.name) if entry.kind == _FUNC else ""
        except _MALFORMED:
            return ""

    def kfuncs(self) -> dict[str, str]:
        """Prototype by name of the functions of this BTF that carry the tag `bpf_kfunc`."""
        found = {}
        try:
            for number in self.ids:
                owner, entry = self._type(number)
                if entry.kind == _DECL_TAG and owner._name(entry.name) == KFUNC_TAG:
                    function = owner._type(entry.target)[1]
                    if function.kind == _FUNC:
                        found[owner._name(function.name)] = self.prototype(entry.target)
        except _MALFORMED:
            raise UsageError("malformed BTF: a tag leads nowhere", Place(self.file)) from None
        return dict(sorted(found.items()))

    def functions(self) -> dict[str, int]:
        """Type id by name of all functions of this BTF."""
        return {name: number for number in self.ids if (name := self.function_name(number))}

    def named_types(self) -> dict[str, int]:
        """Type id by name of all structs and typedefs of this BTF."""
        try:
            entries = ((number, *self._type(number)) for number in self.ids)
            named = ((owner._name(e.name), n) for n, owner, e in entries if e.kind in (_STRUCT, _TYPEDEF))
            return {name: number for name, number in named if name}
        except _MALFORMED:
            raise UsageError("malformed BTF: a type without a name", Place(self.file)) from None

    def type_tags(self) -> set[str]:
        """The words of all type tags."""
        try:
            entries = (self._type(number) for number in self.ids)
            return {owner._name(entry.name) for owner, entry in entries if entry.kind == _TYPE_TAG}
        except _MALFORMED:
            raise UsageError("malformed BTF: a tag without a word", Place(self.file)) from None

    def tagged_members(self) -> set[tuple[str, str, str]]:
        """(struct, member, tag) of the members that point to a tagged struct or union.

        Members of anonymous structs count as those of the struct around them. Of several tags the verifier reads
        the first."""
        found: set[tuple[str, str, str]] = set()
        try:
            for number in self.ids:
                owner, entry = self._type(number)
                if entry.kind in (_STRUCT, _UNION) and entry.name:
                    found |= {(owner._name(entry.name), *pair) for pair in self._tagged(number, 0)}
        except _MALFORMED:
            raise UsageError("malformed BTF: a struct's members", Place(self.file)) from None
        return found

    def _tagged(self, number: int, depth: int) -> Iterator[tuple[str, str]]:
        owner, entry = self._type(number)
        if depth > MAX_DEPTH:
            raise _Malformed("a struct is nested too deeply")
        for index in range(entry.count):
            name, target, _ = struct.unpack_from(owner._order + "III", owner._types, entry.offset + 12 * index)
            kind = self._type(target)[1].kind if target else 0
            if not owner._name(name) and kind in (_STRUCT, _UNION):
                yield from self._tagged(target, depth + 1)
            elif kind == _PTR:
                tag_owner, tag = self._type(self._type(target)[1].target or target)
                if tag.kind == _TYPE_TAG and self._behind(tag.target) in (_STRUCT, _UNION):
                    yield owner._name(name), tag_owner._name(tag.name)

    def _behind(self, number: int, depth: int = 0) -> int:
        """The kind of `number` behind tags, qualifiers and typedefs; 0 for void."""
        if number == 0 or depth > MAX_DEPTH:
            return 0
        entry = self._type(number)[1]
        if entry.kind in (_TYPE_TAG, _CONST, _VOLATILE, _RESTRICT, _TYPEDEF):
            return self._behind(entry.target, depth + 1)
        return entry.kind

    def enum(self, name: str) -> dict[str, int]:
        """Value by name of the members of `enum name`, empty when there is none."""
        try:
            for number in self.ids:
                owner, entry = self._type(number)
                if entry.kind == _ENUM and entry.count and owner._name(entry.name) == name:
                    pairs = [struct.unpack_from(self._order + "Ii", self._types, entry.offset + 8 * i)
                             for i in range(entry.count)]  # fmt: skip
                    return {owner._name(offset): value for offset, value in pairs}
        except _MALFORMED:
            raise UsageError(f"malformed BTF: enum {name}", Place(self.file)) from None
        return {}

    def prototype(self, number: int) -> str:
        """The function with the type id `number` as a C prototype in one line, without `;`."""
        try:
            owner, entry = self._type(number)
            if entry.kind != _FUNC:
                raise _Malformed(f"type {number} is no function")
            self._left = MAX_TYPES
            return self._declare(entry.target, owner._name(entry.name), 0)
        except _MALFORMED:
            raise UsageError(f"malformed BTF: the function with the id {number}", Place(self.file)) from None

    def _declare(self, number: int, inner: str, depth: int) -> str:
        """The C declaration of `inner` with the type `number`: types are read from the inside out."""
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise _Malformed("a type is nested too deeply")
        if number == 0:
            return _join("void", inner)
        owner, entry = self._type(number)
        if entry.kind == _TYPE_TAG:
            return self._declare(entry.target, inner, depth + 1)
        if entry.kind in (_CONST, _VOLATILE, _RESTRICT):
            word = {_CONST: "const", _VOLATILE: "volatile", _RESTRICT: "restrict"}[entry.kind]
            if self._is_pointer(entry.target):
                return self._declare(entry.target, _join(word, inner), depth + 1)
            return f"{word} {self._declare(entry.target, inner, depth + 1)}"
        if entry.kind == _PTR:
            target = self._kind(entry.target)
            pointer = f"*{inner}"
            return self._declare(
                entry.target, f"({pointer})" if target in (_FUNC_PROTO, _ARRAY) else pointer, depth + 1
            )
        if entry.kind == _ARRAY:
            element, _, length = struct.unpack_from(owner._order + "III", owner._types, entry.offset)
            return self._declare(element, f"{inner}[{length}]", depth + 1)
        if entry.kind == _FUNC_PROTO:
            return self._declare(entry.target, f"{inner}({self._parameters(owner, entry, depth)})", depth + 1)
        name = owner._name(entry.name)
        if entry.kind in (_FUNC, _VAR, _DATASEC, _DECL_TAG):
            raise _Malformed(f"type {number} is no type")
        if entry.kind == _FWD:
            return _join(f"{'union' if entry.info >> 31 else 'struct'} {name}", inner)
        word = {_STRUCT: "struct ", _UNION: "union ", _ENUM: "enum ", _ENUM64: "enum "}.get(entry.kind, "")
        return _join(word + _SPELLED.get(name, name), inner)

    def _parameters(self, owner: Btf, entry: _Type, depth: int) -> str:
        parts = []
        for index in range(entry.count):
            name, number = struct.unpack_from(owner._order + "II", owner._types, entry.offset + 8 * index)
            variadic = number == 0 and index == entry.count - 1
            parts.append("..." if variadic else self._declare(number, owner._name(name), depth + 1))
        return ", ".join(parts) or "void"

    def _kind(self, number: int, depth: int = 0) -> int:
        """The kind of `number` behind tags of pointers."""
        if number == 0 or depth > MAX_DEPTH:
            return 0
        entry = self._type(number)[1]
        return self._kind(entry.target, depth + 1) if entry.kind == _TYPE_TAG else entry.kind

    def _is_pointer(self, number: int) -> bool:
        return self._kind(number) == _PTR


def _join(left: str, right: str) -> str:
    return f"{left} {right}" if right else left


def read_btf(path: Path, base: Path | None = None) -> Btf:
    """The BTF of the file `path`, raw or in an ELF file. `base` holds the kernel's when `path` is a module's.

    UsageError when the file cannot be read, has no BTF, or has a module's and `base` is not given.
    """
    data, own_base = _sections(path)
    start = _strings_start(data, path)
    if data[start : start + 1] in (b"", b"\0"):
        return Btf(data, str(path))
    if base is not None:
        return Btf(data, str(path), read_btf(base))
    if own_base:
        return Btf(data, str(path), Btf(own_base, str(path)))
    raise UsageError("holds a module's BTF, which needs the kernel's beside it (--base)", Place(str(path)))


def _strings_start(data: bytes, path: Path) -> int:
    """Where the names begin: a BTF that stands alone begins them with an empty one."""
    try:
        order = "<" if data[:2] == _MAGIC.to_bytes(2, "little") else ">"
        magic, header, strings = struct.unpack_from(order + "H2xI8xI", data)
    except struct.error:
        magic, header, strings = 0, 0, 0
    if magic != _MAGIC:
        raise UsageError("holds no BTF, expected raw BTF or an ELF file with a .BTF section", Place(str(path)))
    return int(header + strings)


def _sections(path: Path) -> tuple[bytes, bytes]:
    """(.BTF, .BTF.base) of an ELF file, (the file, nothing) of another one."""
    place = Place(str(path))
    try:
        if not path.is_file():
            raise UsageError("is no file" if path.exists() else "does not exist", place)
        with path.open("rb") as stream:
            head = stream.read(64)
            stream.seek(0)
            if head.startswith(b"\x1f\x8b"):
                with gzip.open(stream) as unpacked:
                    return _unpacked(unpacked.read(MAX_MODULE_BYTES + 1), place)
            if head.startswith(b"\xfd7zXZ"):
                with lzma.open(stream) as unpacked:
                    return _unpacked(unpacked.read(MAX_MODULE_BYTES + 1), place)
            if head.startswith(b"\x28\xb5\x2f\xfd"):
                raise UsageError("is packed by zstd; unpack it first (zstd -d)", place)
            if head.startswith(b"\x7fELF"):
                return _elf_sections(stream, place)
            data = stream.read(MAX_BTF_BYTES + 1)
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise UsageError(f"cannot be read: {getattr(error, 'strerror', None) or error}", place) from None
    if len(data) > MAX_BTF_BYTES:
        raise UsageError(f"is too large, expected at most {MAX_BTF_BYTES >> 20} MiB of BTF", place)
    return data, b""


def _unpacked(data: bytes, place: Place) -> tuple[bytes, bytes]:
    import io

    if len(data) > MAX_MODULE_BYTES:
        raise UsageError(f"is too large, expected at most {MAX_MODULE_BYTES >> 20} MiB unpacked", place)
    return _elf_sections(io.BytesIO(data), place) if data.startswith(b"\x7fELF") else (data, b"")


def _elf_sections(stream: BinaryIO, place: Place) -> tuple[bytes, bytes]:
    """The two sections, read without the rest: a vmlinux with debug information has hundreds of megabytes."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    found = {}
    try:
        elf = ELFFile(stream)
        for name in (".BTF", ".BTF.base"):
            section = elf.get_section_by_name(name)
            if section is not None and section.data_size > MAX_BTF_BYTES:
                raise UsageError(f"has more than {MAX_BTF_BYTES >> 20} MiB in {name}", place)
            found[name] = bytes(section.data()) if section is not None else b""
    except UsageError:
        raise
    except Exception as error:  # the library fails in many ways over damaged files
        what = error if isinstance(error, ELFError) and str(error) else type(error).__name__
        raise UsageError(f"is a damaged ELF file: {what}", place) from None
    if not found[".BTF"]:
        raise UsageError("has no .BTF section; was it built with CONFIG_DEBUG_INFO_BTF?", place)
    return found[".BTF"], found[".BTF.base"]
