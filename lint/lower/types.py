"""clang types to `Type`, interned; struct members are read when first asked for."""

from __future__ import annotations

import re
from typing import Any

from clang.cindex import CursorKind, TypeKind, conf

from kfuncgen.lint.parse import first_part, identity, pretty, type_key
from kfuncgen.lint.types import VOID, Field, Type
from kfuncgen.records import replace

_TAG = re.compile(r'btf_type_tag\("([^"]*)"\)')
_DECL_TAG = re.compile(r'btf_decl_tag\("([^"]*)"\)')
_INTS = {
    TypeKind.CHAR_U.value: (1, False),
    TypeKind.UCHAR.value: (1, False),
    TypeKind.CHAR_S.value: (1, True),
    TypeKind.SCHAR.value: (1, True),
    TypeKind.SHORT.value: (2, True),
    TypeKind.USHORT.value: (2, False),
    TypeKind.INT.value: (4, True),
    TypeKind.UINT.value: (4, False),
    TypeKind.LONG.value: (8, True),
    TypeKind.ULONG.value: (8, False),
    TypeKind.LONGLONG.value: (8, True),
    TypeKind.ULONGLONG.value: (8, False),
    TypeKind.INT128.value: (16, True),
    TypeKind.UINT128.value: (16, False),
}
_ARRAYS = (
    TypeKind.CONSTANTARRAY.value,
    TypeKind.INCOMPLETEARRAY.value,
    TypeKind.VARIABLEARRAY.value,
)
_POINTERS = (TypeKind.POINTER.value, TypeKind.BLOCKPOINTER.value)
_FUNCTIONS = (TypeKind.FUNCTIONPROTO.value, TypeKind.FUNCTIONNOPROTO.value)
_RECORDS = (CursorKind.STRUCT_DECL.value, CursorKind.UNION_DECL.value)


class TypeTable:
    """Interns types by clang's own identity of their canonical form."""

    def __init__(self) -> None:
        self._types: dict[int, Type] = {}
        self._records: dict[int, Type] = {}
        self.structs: dict[str, Type] = {}

    def release(self) -> None:
        """Let go of the parsed unit: types that nobody has asked for their members have none from now on."""
        for known in (*self._types.values(), *self._records.values()):
            known._load = known._probe = None
        self._types.clear()
        self._records.clear()

    def of(self, cursor: Any) -> Type:
        """The `Type` of an expression or declaration."""
        return self._types.get(type_key(cursor) or 0) or self.get(cursor.type)

    def get(self, clang_type: Any) -> Type:
        """The `Type` of a clang type; unknown kinds become void."""
        key = clang_type.data[0]
        found = self._types.get(key) if key else VOID
        if found is None:
            canonical = clang_type.get_canonical()
            key2 = canonical.data[0]
            found = self._types.get(key2)
            if found is None:
                found = self._make(canonical, key2)
                self._types[key2] = found
            self._types[key] = found
        return found

    def _make(self, canonical: Any, key: int) -> Type:
        kind = canonical._kind_id
        volatile = bool(conf.lib.clang_isVolatileQualifiedType(canonical))
        const = bool(conf.lib.clang_isConstQualifiedType(canonical))
        if kind in _INTS:
            size, signed = _INTS[kind]
            name = canonical.spelling
            return Type("int", size, name, signed, volatile=volatile, const=const)
        if kind == TypeKind.BOOL.value:
            return Type("bool", 1, "bool", volatile=volatile, const=const)
        if kind == TypeKind.VOID.value:
            return Type("void", name="void", const=const)
        if kind in _POINTERS:
            made = Type("pointer", 8, volatile=volatile, const=const)
            self._types[key] = made
            made.target = self.get(canonical.get_pointee())
            return made
        if kind == TypeKind.RECORD.value:
            return self._record(canonical, volatile, const)
        if kind == TypeKind.ENUM.value:
            declaration = canonical.get_declaration()
            integer = self.get(declaration.enum_type)
            return Type("enum", integer.size or 4, declaration.spelling, integer.signed, const=const)
        if kind in _ARRAYS:
            element = self.get(canonical.element_type)
            count = canonical.element_count if kind == TypeKind.CONSTANTARRAY.value else 0
            return Type("array", element.size * count, target=element, count=count, volatile=volatile, const=const)
        if kind in _FUNCTIONS:
            made = Type("function", target=self.get(canonical.get_result()))
            if kind == TypeKind.FUNCTIONPROTO.value:
                made.params = tuple(self.get(t) for t in canonical.argument_types())
            return made
        size = canonical.get_size()
        return Type("float" if size > 0 else "void", max(size, 0), canonical.spelling)

    def _record(self, canonical: Any, volatile: bool, const: bool) -> Type:
        declaration = canonical.get_declaration()
        key = identity(declaration)
        plain = self._records.get(key)
        if plain is None:
            union = declaration._kind_id == CursorKind.UNION_DECL.value
            name = "" if declaration.is_anonymous() else declaration.spelling
            if "(" in name:
                name = ""
            size = canonical.get_size()
            plain = Type("union" if union else "struct", max(size, 0), name, incomplete=size < 0)
            plain._load = lambda: self._fields(canonical)
            plain._probe = lambda: _relocated(declaration)
            self._records[key] = plain
            if name:
                self.structs.setdefault(name, plain)
        if not volatile and not const:
            return plain
        same = plain
        qualified = replace(plain, volatile=volatile, const=const)
        qualified._load = lambda: same.fields
        qualified._probe = plain._probe
        return qualified

    def _fields(self, record: Any) -> tuple[Field, ...]:
        result = []
        for cursor in record.get_fields():
            bits = conf.lib.clang_Cursor_getOffsetOfField(cursor)
            result.append(
                Field(
                    "" if "(" in cursor.spelling else cursor.spelling,
                    max(bits, 0) // 8,
                    self.get(cursor.type),
                    type_tags(cursor.type),
                )
            )
            if result[-1].ctype.name in ("bpf_list_head", "bpf_rb_root"):
                result[-1] = replace(result[-1], decl_tags=decl_tags(pretty(cursor)))
        return tuple(result)


def _relocated(declaration: Any) -> bool:
    """Whether a record has an attribute that libclang has no kind for: preserve_access_index is the one in use.

    It covers the anonymous records within.
    """
    first = first_part(declaration)
    if first is not None and first._kind_id == CursorKind.UNEXPOSED_ATTR.value:
        return True
    around = declaration.semantic_parent
    anonymous = "(" in declaration.spelling or not declaration.spelling
    return anonymous and around is not None and around._kind_id in _RECORDS and _relocated(around)


def decl_tags(text: str) -> tuple[str, ...]:
    """btf_decl_tag words in the pretty text of a declaration."""
    return tuple(_DECL_TAG.findall(text))


def type_tags(clang_type: Any) -> tuple[str, ...]:
    """btf_type_tag words of a declared type, which only its spelling shows (`T __kptr *p`)."""
    text = clang_type.spelling
    return tuple(_TAG.findall(text)) if "btf_type_tag" in text else ()
