"""The little of ELF that verification reads itself: is this a BPF object, and which line is an instruction from.

Relocations name a weak kfunc that libbpf before 1.2 silently left unresolved; BTF line information (.BTF.ext) is
needed on kernels before 6.10, whose logs do not name lines. Every offset is checked: a malformed object gives
"unknown", never a traceback.
"""

from __future__ import annotations

import struct
from pathlib import Path

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.records import Struct

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""The largest BPF objects (Cilium, sched_ext schedulers) have a few MB."""

_EM_BPF = 247
_MALFORMED = (struct.error, IndexError, ValueError, OverflowError)
_STT_FUNC = 2
_SHT_SYMTAB, _SHT_REL = 2, 9
_LITTLE, _BIG = 1, 2


class _Section(Struct, frozen=True):
    name: str
    kind: int
    link: int
    info: int
    data: bytes


def read_object(path: Path, shown: str) -> bytes:
    """The bytes of the BPF object `path`; UsageError (place `shown`) when it is no regular file, too large, not
    ELF or not for BPF."""
    place = Place(shown)
    try:
        if not path.is_file():
            raise UsageError("is no file" if path.exists() else "does not exist", place)
        with path.open("rb") as stream:
            data = stream.read(MAX_OBJECT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place) from None
    if len(data) > MAX_OBJECT_BYTES:
        raise UsageError(f"larger than {MAX_OBJECT_BYTES // 1024 // 1024} MiB", place)
    if len(data) < 64 or data[:4] != b"\x7fELF":
        raise UsageError("is no ELF object, expected a BPF object file (clang -target bpf -c)", place)
    if data[4] != 2 or data[5] not in (_LITTLE, _BIG):
        raise UsageError("is no 64-bit ELF object", place)
    machine = struct.unpack_from(_order(data) + "H", data, 18)[0]
    if machine != _EM_BPF:
        raise UsageError(f"is an ELF object for machine {machine}, not for BPF ({_EM_BPF})", place)
    return data


def source_line(data: bytes, program: str, section: str, instruction: int) -> tuple[str, int]:
    """(base name, line) of instruction `instruction` of `program` by .BTF.ext, ("", 0) when unknown.

    Instructions beyond the program's own belong to subprograms that libbpf appended; they stay unknown.
    """
    try:
        return _source_line(data, program, section, instruction)
    except _MALFORMED:
        return ("", 0)


def called_symbol(data: bytes, program: str, section: str, instruction: int) -> str:
    """The name of the external function that instruction `instruction` of `program` calls, "" when unknown."""
    try:
        order = _order(data)
        sections = _sections(data)
        start, size = _function(order, sections, program, section)
        wanted = start + instruction * 8
        for table in sections:
            if table.kind != _SHT_REL or sections[table.info].name.lstrip("?") != section:
                continue
            symbols = sections[table.link]
            for position in range(0, len(table.data) - 15, 16):
                offset, info = struct.unpack_from(order + "QQ", table.data, position)
                if offset == wanted < start + size:
                    name = struct.unpack_from(order + "I", symbols.data, (info >> 32) * 24)[0]
                    return _string(sections[symbols.link].data, name)
    except _MALFORMED:
        pass
    return ""


def _order(data: bytes) -> str:
    return "<" if data[5] == _LITTLE else ">"


def _sections(data: bytes) -> list[_Section]:
    order = _order(data)
    offset = struct.unpack_from(order + "Q", data, 40)[0]
    size, count, names_index = struct.unpack_from(order + "HHH", data, 58)
    heads = [struct.unpack_from(order + "IIQQQQIIQQ", data, offset + size * i) for i in range(count)]
    names = data[heads[names_index][4] : heads[names_index][4] + heads[names_index][5]]
    return [_Section(_string(names, h[0]), h[1], h[6], h[7], data[h[4] : h[4] + h[5]]) for h in heads]


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode("utf-8", "replace")


def _source_line(data: bytes, program: str, section: str, instruction: int) -> tuple[str, int]:
    order = _order(data)
    sections = _sections(data)
    contents = {s.name: s.data for s in sections}
    btf, extension = contents.get(".BTF", b""), contents.get(".BTF.ext", b"")
    start, size = _function(order, sections, program, section)
    if not btf or not extension or not 0 <= instruction * 8 < size:
        return ("", 0)
    # struct btf_header: hdr_len at 4, str_off at 16; struct btf_ext_header: hdr_len at 4, line_info_off at 16
    strings = _part(order, btf, 16)
    table = _part(order, extension, 16)
    record = struct.unpack_from(order + "I", table, 0)[0]
    position, best = 4, ("", 0)
    wanted = start + instruction * 8
    while record >= 16 and position + 8 <= len(table):
        name, count = struct.unpack_from(order + "II", table, position)
        position += 8
        if _string(strings, name).lstrip("?") == section:
            for at in range(position, min(position + count * record, len(table) - 15), record):
                offset, file, _, line = struct.unpack_from(order + "IIII", table, at)
                if start <= offset <= wanted:
                    best = (_string(strings, file).rsplit("/", 1)[-1], line >> 10)  # 10 bits of column
        position += count * record
    return best


def _part(order: str, data: bytes, field: int) -> bytes:
    """The part of .BTF or .BTF.ext whose (offset, length) stand at `field` of the header."""
    header = struct.unpack_from(order + "I", data, 4)[0]
    offset, length = struct.unpack_from(order + "II", data, field)
    return data[header + offset : header + offset + length]


def _function(order: str, sections: list[_Section], program: str, section: str) -> tuple[int, int]:
    """(offset in its section, size) of the function `program` in bytes; (0, 0) when there is none."""
    for table in sections:
        if table.kind != _SHT_SYMTAB:
            continue
        names = sections[table.link].data
        for position in range(0, len(table.data) - 23, 24):
            name, info, _, index, value, size = struct.unpack_from(order + "IBBHQQ", table.data, position)
            if info & 15 != _STT_FUNC or index >= len(sections) or _string(names, name) != program:
                continue
            if sections[index].name.lstrip("?") == section:
                return (value, size)
    return (0, 0)
