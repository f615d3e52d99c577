"""What of an object a program consists of: its instructions and those of the functions it reaches.

Two builds of one source are compared by a fingerprint: a mutation that does not change a program's is not in that
program. Places of functions and of data do not count, only which ones are meant. Line information tells which
statements became instructions at all, symbols which functions of the kernel a program refers to.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SYMTAB, _NOBITS, _REL = 2, 8, 9
_FUNC, _SECTION = 2, 3
_CALL, _LOAD_WIDE = 0x85, 0x18
_EXECUTABLE = 4
_PSEUDO_CALL = 1


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    kind: int
    flags: int
    link: int
    info: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    section: int
    start: int
    size: int


@dataclass(slots=True)
class _Code:
    """One function in words that do not depend on where it stands."""

    text: list[tuple[object, ...]] = field(default_factory=list)
    callees: set[str] = field(default_factory=set)
    externs: set[str] = field(default_factory=set)
    places: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Code:
    """A function together with all it can reach.

    `externs` are the kernel's symbols that it refers to, `places` the lines and columns (1-based) of the source
    that became instructions.
    """

    fingerprint: str
    externs: tuple[str, ...]
    places: tuple[tuple[int, int], ...]


def read_code(path: Path, source: str) -> dict[str, Code]:
    """The functions of an object by name; places are those of the file called `source` (a base name).

    ValueError when it is no BPF object.
    """
    try:
        return _read_code(path.read_bytes(), source)
    except (struct.error, IndexError, OverflowError, StopIteration) as error:
        raise ValueError(f"{path}: malformed object: {error}") from None


def _read_code(data: bytes, source: str) -> dict[str, Code]:
    sections = list(_sections(data))
    symbols = next(s for s in sections if s.kind == _SYMTAB)
    names = sections[symbols.link].data
    table = [struct.unpack_from("<IBBHQQ", symbols.data, at) for at in range(0, len(symbols.data), 24)]
    functions = [
        _Function(_string(names, name), section, value, size)
        for name, info, _, section, value, size in table
        if info & 15 == _FUNC and size
    ]
    undefined = {_string(names, name) for name, _, _, section, _, _ in table if not section} - {""}
    relocations: dict[tuple[int, int], tuple[str, int]] = {}
    for section in sections:
        if section.kind != _REL:
            continue
        for at in range(0, len(section.data), 16):
            offset, info = struct.unpack_from("<QQ", section.data, at)
            name, kind, _, target, _, _ = table[info >> 32]
            # A section's own symbol has no name: the place within it is in the instruction.
            relocations[section.info, offset] = (
                ("", target) if kind & 15 == _SECTION else (_string(names, name), -1)
            )
    codes = {f.name: _code(f, sections, functions, relocations) for f in functions}
    for code in codes.values():
        code.externs = code.callees & undefined
    for section_name, offset, place in _line_information(sections, source):
        for function in functions:
            within = function.start <= offset < function.start + function.size
            if within and sections[function.section].name == section_name:
                codes[function.name].places.add(place)
    return {name: _whole(name, codes) for name in codes}


def _line_information(sections: list[_Section], source: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """(section, byte offset, (line, column)) of each record about `source` in .BTF.ext."""
    contents = {s.name: s.data for s in sections}
    if ".BTF" not in contents or ".BTF.ext" not in contents:
        return
    # struct btf_header: hdr_len at 4, str_off at 16; struct btf_ext_header: hdr_len at 4, line_info_off at 16
    strings, table = _part(contents[".BTF"], 16), _part(contents[".BTF.ext"], 16)
    record = struct.unpack_from("<I", table, 0)[0]
    at = 4
    while at + 8 <= len(table):
        name, count = struct.unpack_from("<II", table, at)
        at += 8
        for place in range(at, at + count * record, record):
            offset, file, _, line = struct.unpack_from("<IIII", table, place)
            if _string(strings, file).rsplit("/", 1)[-1] == source:
                yield _string(strings, name), offset, (line >> 10, line & 1023)
        at += count * record


def _part(data: bytes, field_offset: int) -> bytes:
    """The part of .BTF or .BTF.ext whose (offset, length) stand at `field_offset` of the header."""
    header = struct.unpack_from("<I", data, 4)[0]
    offset, length = struct.unpack_from("<II", data, field_offset)
    return data[header + offset : header + offset + length]


def _code(
    function: _Function,
    sections: list[_Section],
    functions: list[_Function],
    relocations: Mapping[tuple[int, int], tuple[str, int]],
) -> _Code:
    made = _Code()
    data = sections[function.section].data
    at = function.start
    while at < function.start + function.size:
        opcode, registers, offset, immediate = struct.unpack_from("<BBhi", data, at)
        meant: object = immediate
        called = relocations.get((function.section, at))
        wide = opcode == _LOAD_WIDE
        if called is not None and called[0]:
            meant = called[0]
            made.callees.add(called[0])
        elif called is not None or (opcode == _CALL and registers >> 4 == _PSEUDO_CALL):
            section = called[1] if called is not None else function.section
            place = immediate
            if opcode == _CALL:
                place = (immediate + 1) * 8 if called is not None else at + (immediate + 1) * 8
            target = _at(functions, section, place) if sections[section].flags & _EXECUTABLE else None
            meant = target or (sections[section].name, place)
            if target:
                made.callees.add(target)
        upper = struct.unpack_from("<i", data, at + 12)[0] if wide else 0
        made.text.append((opcode, registers, offset, meant, upper))
        at += 16 if wide else 8
    return made


def _at(functions: list[_Function], section: int, place: int) -> str:
    """The function that holds byte `place` of a section, "" when none does."""
    for function in functions:
        if function.section == section and function.start <= place < function.start + function.size:
            return function.name
    return ""


def _whole(name: str, codes: Mapping[str, _Code]) -> Code:
    """A function together with those it reaches."""
    seen = {name}
    todo = [name]
    while todo:
        for callee in codes[todo.pop()].callees:
            if callee in codes and callee not in seen:
                seen.add(callee)
                todo.append(callee)
    parts = [codes[name].text, *((n, codes[n].text) for n in sorted(seen - {name}))]
    externs = set().union(*(codes[n].externs for n in seen))
    places = set().union(*(codes[n].places for n in seen))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
    return Code(digest, tuple(sorted(externs)), tuple(sorted(places)))


def _sections(data: bytes) -> Iterator[_Section]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no little-endian 64-bit ELF object")
    offset = struct.unpack_from("<Q", data, 40)[0]
    size, count, names_index = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, offset + size * i) for i in range(count)]
    start = heads[names_index][4]
    names = data[start : start + heads[names_index][5]]
    for name, kind, flags, _, place, length, link, info, _, _ in heads:
        content = data[place : place + length] if kind != _NOBITS else b""
        yield _Section(_string(names, name), kind, flags, link, info, content)


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode("utf-8", "replace")
