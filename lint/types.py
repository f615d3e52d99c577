"""C types of the program under analysis, as far as contracts need them; nothing of clang is kept in them.

Sizes and offsets are bytes on the BPF target. Struct fields are loaded when first asked for: a program sees
thousands of kernel structs and touches a handful.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from kfuncgen.records import Struct

TypeKind = Literal["void", "int", "bool", "float", "pointer", "struct", "union", "array", "function", "enum"]


class Field(Struct, frozen=True):
    """A member of a struct or union; `tags` are its btf_type_tag words (kptr, percpu_kptr, rcu ...)."""

    name: str
    offset: int
    ctype: Type
    tags: tuple[str, ...] = ()
    decl_tags: tuple[str, ...] = ()
    """btf_decl_tag words of heads of lists and trees (`contains:T:field`)."""


class Type(Struct, eq=False):
    """An interned C type. `name` is a struct's tag ("" when it has none) or an arithmetic type's spelling."""

    kind: TypeKind
    size: int = 0
    name: str = ""
    signed: bool = False
    target: Type | None = None
    count: int = 0
    volatile: bool = False
    const: bool = False
    params: tuple[Type, ...] = ()
    incomplete: bool = False
    """A struct or union that is only declared; one without members is complete."""
    _load: Callable[[], tuple[Field, ...]] | None = None
    _fields: tuple[Field, ...] | None = None
    _probe: Callable[[], bool] | None = None
    _relocated: bool | None = None

    @property
    def is_pointer(self) -> bool:
        return self.kind == "pointer"

    @property
    def is_aggregate(self) -> bool:
        return self.kind in ("struct", "union", "array")

    @property
    def is_integer(self) -> bool:
        return self.kind in ("int", "bool", "enum")

    @property
    def fields(self) -> tuple[Field, ...]:
        """Members in order, () for anything but a complete struct or union."""
        if self._fields is None:
            self._fields = self._load() if self._load is not None else ()
            self._load = None
        return self._fields

    @property
    def relocated(self) -> bool:
        """Whether each access is a CO-RE relocation (`preserve_access_index`), which compilers never merge."""
        if self._relocated is None:
            self._relocated = self._probe is not None and self._probe()
        return self._relocated

    def limits(self) -> tuple[int, int]:
        """Smallest and largest value of an integer type (64 bits when unknown)."""
        bits = (self.size or 8) * 8
        if self.kind == "bool":
            return 0, 1
        return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if self.signed else (0, (1 << bits) - 1)

    def __str__(self) -> str:
        if self.kind == "pointer":
            return f"{self.target} *"
        if self.kind in ("struct", "union"):
            return f"{self.kind} {self.name or '(unnamed)'}"
        if self.kind == "array":
            return f"{self.target}[{self.count}]"
        return self.name or self.kind


VOID = Type("void", name="void")
INT = Type("int", size=4, name="int", signed=True)
LONG = Type("int", size=8, name="long", signed=True)
ULONG = Type("int", size=8, name="unsigned long")


def field_path(ctype: Type, offset: int) -> list[tuple[int, Type]]:
    """The chain of (offset within, type) of the members that start at or cover `offset`, outermost first.

    Used to match `&p->member` against a wanted type, as btf_struct_ids_match does (CONTRACT 2.3, 4.C).
    """
    chain = [(offset, ctype)]
    while True:
        if ctype.kind in ("struct", "union"):
            for member in ctype.fields:
                if member.offset <= offset < member.offset + max(member.ctype.size, 1):
                    offset -= member.offset
                    ctype = member.ctype
                    break
            else:
                return chain
        elif ctype.kind == "array" and ctype.target is not None and ctype.target.size:
            if offset >= ctype.size:
                return chain
            offset %= ctype.target.size
            ctype = ctype.target
        else:
            return chain
        chain.append((offset, ctype))


def only_scalars(ctype: Type, depth: int = 0) -> bool:
    """Whether a struct holds nothing but scalars within four levels (__btf_type_is_scalar_struct).

    Integers, arrays of integers, and structs of these are; arrays of structs or of arrays are not.
    """
    if ctype.kind in ("int", "bool", "enum"):
        return True
    if depth >= 4:
        return False
    if ctype.kind == "array":
        return ctype.target is not None and ctype.target.is_integer and ctype.count > 0
    if ctype.kind in ("struct", "union"):
        return bool(ctype.fields) and all(only_scalars(f.ctype, depth + 1) for f in ctype.fields)
    return False
