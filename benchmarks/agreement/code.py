"""What of an object a program consists of: a fingerprint of its instructions and of the functions it reaches.

Two builds of one source are compared by it: a mutation that does not change a program's fingerprint is not in that
program. Places of functions and of data do not count, only which ones are meant.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PROGBITS, _SYMTAB, _REL = 1, 2, 9
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


def fingerprints(path: Path) -> dict[str, str]:
    """Function name -> fingerprint of its code and of all the code it can reach. ValueError for no BPF object."""
    try:
        return _fingerprints(path.read_bytes())
    except (struct.error, IndexError) as error:
        raise ValueError(f"{path}: malformed object: {error}") from None


def _fingerprints(data: bytes) -> dict[str, str]:
    sections = list(_sections(data))
    symbols = next(s for s in sections if s.kind == _SYMTAB)
    names = sections[symbols.link].data
    table = [struct.unpack_from("<IBBHQQ", symbols.data, at) for at in range(0, len(symbols.data), 24)]
    functions = [
        _Function(_string(names, name), section, value, size)
        for name, info, _, section, value, size in table
        if info & 15 == _FUNC and size
    ]
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
    return {name: _whole(name, codes) for name in codes}


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


def _whole(name: str, codes: Mapping[str, _Code]) -> str:
    """The fingerprint of a function together with those it reaches."""
    seen = {name}
    todo = [name]
    while todo:
        for callee in codes[todo.pop()].callees:
            if callee in codes and callee not in seen:
                seen.add(callee)
                todo.append(callee)
    parts = [codes[name].text, *((n, codes[n].text) for n in sorted(seen - {name}))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _sections(data: bytes) -> Iterator[_Section]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no little-endian 64-bit ELF object")
    offset = struct.unpack_from("<Q", data, 40)[0]
    size, count, names_index = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, offset + size * i) for i in range(count)]
    start = heads[names_index][4]
    names = data[start : start + heads[names_index][5]]
    for name, kind, flags, _, place, length, link, info, _, _ in heads:
        content = data[place : place + length] if kind != 8 else b""
        yield _Section(_string(names, name), kind, flags, link, info, content)


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode("utf-8", "replace")
