"""Small BTFs for tests, built by hand as Documentation/bpf/btf.rst describes the format."""

from __future__ import annotations

import struct

PTR, ENUM, TYPEDEF, CONST, FUNC, FUNC_PROTO, DECL_TAG, TYPE_TAG = 2, 6, 8, 10, 12, 13, 17, 18


class Builder:
    """Types get the ids 1, 2, ... as they are added; `first_id` and `first_name` are for a split BTF."""

    def __init__(self, first_id: int = 1, first_name: int = 0) -> None:
        self.next = first_id
        self.first_name = first_name
        self.types = b""
        self.names = b"" if first_name else b"\0"

    def name(self, text: str) -> int:
        """The offset of `text`, added to the names."""
        if not text:
            return 0
        at = self.first_name + len(self.names)
        self.names += text.encode() + b"\0"
        return at

    def add(self, kind: int, name: str = "", target: int = 0, extra: bytes = b"", count: int = 0) -> int:
        """A type, and its id."""
        self.types += struct.pack("<III", self.name(name), kind << 24 | count, target) + extra
        self.next += 1
        return self.next - 1

    def integer(self, name: str) -> int:
        """A 32-bit integer."""
        return self.add(1, name, 4, struct.pack("<I", 32))

    def structure(self, name: str, *members: tuple[str, int]) -> int:
        """A struct with members of the given types, all at offset 0."""
        extra = b"".join(struct.pack("<III", self.name(n), t, 0) for n, t in members)
        return self.add(4, name, 0, extra, len(members))

    def function(self, name: str, result: int, *params: tuple[str, int], tagged: bool = True) -> int:
        """A function, with the kfunc tag unless told otherwise."""
        extra = b"".join(struct.pack("<II", self.name(n), t) for n, t in params)
        function = self.add(FUNC, name, self.add(FUNC_PROTO, "", result, extra, len(params)))
        if tagged:
            self.add(DECL_TAG, "bpf_kfunc", function, struct.pack("<i", -1))
        return function

    def data(self) -> bytes:
        """The finished BTF."""
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.names))
        return header + self.types + self.names
