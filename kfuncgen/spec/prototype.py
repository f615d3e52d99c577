"""C prototypes and struct definitions of specs, as the model's values.

In: one prototype or one struct definition as text (untrusted), with the kernel's own parameter names. Out: a
`Prototype` whose parameters have the role that the verifier gives them, or the fields of a struct with offsets for
the BPF target (LP64, natural alignment). What a call does is derived later, by `model.derive_effects`.

Suffix meanings and their order: check_kfunc_args() and get_kfunc_ptr_arg_type() in kernel/bpf/verifier.c, 6.12 and
6.18 (CONTRACT section 5). pycparser is imported on the first parse: a spec set from the cache never needs it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import CType, Param, Prototype, Role

MAX_LENGTH = 2000
"""Characters of one prototype or definition; the kernel's longest prototype has 190."""
MAX_PARAMS = 5
"""MAX_BPF_FUNC_REG_ARGS: a call passes its arguments in R1 to R5."""
MAX_POINTERS = 6
"""Depth of `*` and `[]` in one type; bounds recursion over hostile types."""


class PrototypeError(ValueError):
    """The text is no prototype or struct definition; the message says what was expected, without a place."""


_INTEGERS: dict[str, tuple[int, bool]] = {
    "char": (1, True),
    "signed char": (1, True),
    "unsigned char": (1, False),
    "short": (2, True),
    "unsigned short": (2, False),
    "int": (4, True),
    "unsigned int": (4, False),
    "long": (8, True),
    "unsigned long": (8, False),
    "long long": (8, True),
    "unsigned long long": (8, False),
}
"""Canonical spelling -> (bytes, signed) for the BPF target."""

_TYPEDEFS: dict[str, str] = {
    **dict.fromkeys(("u8", "__u8", "uint8_t", "u_int8_t"), "unsigned char"),
    **dict.fromkeys(("s8", "__s8", "int8_t"), "signed char"),
    **dict.fromkeys(("u16", "__u16", "uint16_t", "__be16", "__le16", "__sum16", "umode_t"), "unsigned short"),
    **dict.fromkeys(("s16", "__s16", "int16_t"), "short"),
    **dict.fromkeys(("u32", "__u32", "uint32_t", "__be32", "__le32", "__wsum", "gfp_t", "dev_t"), "unsigned int"),
    **dict.fromkeys(("s32", "__s32", "int32_t", "pid_t", "key_serial_t"), "int"),
    **dict.fromkeys(("u64", "__u64", "uint64_t", "__be64", "__le64", "__addrpair"), "unsigned long long"),
    **dict.fromkeys(("s64", "__s64", "int64_t", "loff_t", "ktime_t"), "long long"),
    **dict.fromkeys(("size_t", "uintptr_t", "sector_t"), "unsigned long"),
    **dict.fromkeys(("ssize_t", "off_t"), "long"),
    "bool": "_Bool",
}
"""Typedefs of include/linux/types.h and uapi/linux/types.h that kfuncs and options structs use."""

_AGGREGATES: dict[str, tuple[str, str, int, int]] = {
    "xfrm_address_t": ("union", "xfrm_address_t", 16, 4),
    "struct in6_addr": ("struct", "in6_addr", 16, 4),
    "union nf_inet_addr": ("union", "nf_inet_addr", 16, 4),
}
"""Aggregates that options structs embed: (kind, name, bytes, alignment); uapi/linux/{xfrm,in6,netfilter}.h."""

_ADDRESS_SPACES = re.compile(
    r"\b__(?:user|rcu|percpu|arena|iomem|force)\b|\b(?:extern|static|inline|__ksym|__weak)\b"
)
"""Sparse annotations and storage classes, which are no part of the contract."""

_STRUCT_ROLES: dict[str, Role] = {
    "bpf_list_head": Role.LIST_HEAD,
    "bpf_list_node": Role.LIST_NODE,
    "bpf_rb_root": Role.RB_ROOT,
    "bpf_rb_node": Role.RB_NODE,
}
_LATE_STRUCT_ROLES: dict[str, Role] = {
    "bpf_wq": Role.WORKQUEUE,
    "bpf_timer": Role.TIMER,
    "bpf_task_work": Role.TASK_WORK,
    "bpf_res_spin_lock": Role.RES_SPIN_LOCK,
}


class Member(Struct, frozen=True):
    """One member of a parsed struct: `size` is that of all `count` elements together, in bytes like `offset`."""

    name: str
    ctype: str
    offset: int
    size: int
    count: int


class StructLayout(Struct, frozen=True):
    """A struct for the BPF target: total `size` in bytes, trailing padding included."""

    name: str
    size: int
    members: tuple[Member, ...]


@cache
def parse_prototype(text: str, iterator: bool = False, called: bool = True) -> tuple[str, Prototype]:
    """(function name, prototype) of the C in `text`.

    `iterator` tells that the function has a KF_ITER_ flag, by which the verifier knows the first parameter;
    `called` that programs call it, so that its arguments must fit into registers (others are only attached to).
    PrototypeError says what is wrong and what was expected.
    """
    line = _one_line(text).removesuffix(";").rstrip()
    declaration = _declare(line + ";", "prototype")
    ast = _ast()
    if not isinstance(declaration, ast.Decl) or not isinstance(declaration.type, ast.FuncDecl):
        raise PrototypeError("bad prototype: expected a function such as 'int f(u32 a, struct task_struct *p)'")
    function = declaration.type
    raw = list(function.args.params) if function.args else []
    variadic = bool(raw) and isinstance(raw[-1], ast.EllipsisParam)
    if variadic:
        raw.pop()
    if len(raw) == 1 and raw[0].name is None and _ctype(raw[0].type).kind == "void":
        raw = []
    if called and len(raw) > MAX_PARAMS:
        raise PrototypeError(f"bad prototype: {len(raw)} parameters, a BPF call has at most {MAX_PARAMS}")
    params: list[Param] = []
    for index, node in enumerate(raw):
        if getattr(node, "name", None) is None:
            raise PrototypeError(f"bad prototype: parameter {index + 1} has no name, expected the kernel's")
        if any(p.name == node.name for p in params):
            raise PrototypeError(f"bad prototype: two parameters are called '{node.name}'")
        params.append(_param(node.name, _ctype(node.type), index, params, iterator))
    result = _ctype(function.type)
    return declaration.name, Prototype(line, result, _link_sizes(params), variadic)


def _param(name: str, ctype: CType, index: int, before: list[Param], iterator: bool) -> Param:
    """The parameter with its role; `before` are those to its left (a size bounds the pointer before it)."""
    if ctype.kind in ("struct", "union", "void"):
        raise PrototypeError(
            f"bad prototype: parameter '{name}' is passed by value, expected an integer or pointer"
        )
    role = _pointer_role(name, ctype, index, iterator) if ctype.is_pointer else _scalar_role(name, before)
    return Param(
        name,
        ctype,
        role,
        nullable=name.endswith(("__nullable", "__opt")),
        uninit=name.endswith("__uninit"),
    )


def _scalar_role(name: str, before: list[Param]) -> Role:
    """check_kfunc_args(), the part before `if (!btf_type_is_ptr(t))` ends; a size needs a pointer to its left."""
    after_pointer = bool(before) and before[-1].ctype.is_pointer
    if name.endswith("__ign"):
        return Role.IGNORED
    if name.endswith("__szk") and after_pointer:
        return Role.CONSTANT_SIZE
    if name.endswith("__sz") and after_pointer:
        return Role.SIZE
    if name.endswith("__k"):
        return Role.CONSTANT
    if name in ("rdonly_buf_size", "rdwr_buf_size"):
        return Role.RETURN_SIZE
    return Role.SCALAR


def _pointer_role(name: str, ctype: CType, index: int, iterator: bool) -> Role:
    """get_kfunc_ptr_arg_type(), first match; contexts and NULL depend on the call and are left to the caller."""
    struct = ctype.struct_name
    if name.endswith("__ign"):
        return Role.IGNORED
    if name.endswith("__prog"):
        return Role.PROG_AUX
    if name.endswith("__alloc"):
        return Role.ALLOC
    if name.endswith("__refcounted_kptr"):
        return Role.REFCOUNTED
    if struct in ("bpf_dynptr", "bpf_dynptr_kern"):  # the second up to 6.10
        return Role.DYNPTR
    if name.endswith("__iter") or (iterator and index == 0):
        return Role.ITERATOR
    if struct in _STRUCT_ROLES:
        return _STRUCT_ROLES[struct]
    if name.endswith("__str"):
        return Role.CONST_STRING
    if name.endswith("__map"):
        return Role.MAP
    if name.endswith("__irq_flag"):
        return Role.IRQ_FLAG
    if struct in _LATE_STRUCT_ROLES:
        return _LATE_STRUCT_ROLES[struct]
    if ctype.pointee is not None and ctype.pointee.kind == "function":
        return Role.CALLBACK
    return Role.POINTER


def _link_sizes(params: list[Param]) -> tuple[Param, ...]:
    """Each pointer that a size parameter follows gets that parameter's index."""
    linked = list(params)
    for index, param in enumerate(params):
        if param.role in (Role.SIZE, Role.CONSTANT_SIZE):
            linked[index - 1] = replace(linked[index - 1], size_param=index)
    return tuple(linked)


def parse_struct(text: str) -> StructLayout:
    """The layout of the struct definition `text`, by the C rules for the BPF target: each member at the next
    multiple of its alignment, the size rounded up to the largest one.

    PrototypeError when it is none, or uses what options structs do not have (bit-fields, anonymous members).
    """
    ast = _ast()
    declaration = _declare(_one_line(text).removesuffix(";").rstrip() + ";", "struct definition")
    struct = declaration.type if isinstance(declaration, ast.Decl) else None
    if not isinstance(struct, ast.Struct) or not struct.decls or not struct.name:
        raise PrototypeError("bad struct definition: expected 'struct name { ... };'")
    members: list[Member] = []
    end = 0
    align = 1
    for decl in struct.decls:
        if getattr(decl, "name", None) is None:
            raise PrototypeError("bad struct definition: anonymous members are not supported")
        if decl.bitsize is not None:
            raise PrototypeError(f"bad struct definition: bit-field '{decl.name}' is not supported")
        if any(m.name == decl.name for m in members):
            raise PrototypeError(f"bad struct definition: two members are called '{decl.name}'")
        ctype, size, member_align, count = _member(decl.type, decl.name)
        offset = -(-end // member_align) * member_align
        members.append(Member(decl.name, ctype, offset, size, count))
        end = offset + size
        align = max(align, member_align)
    return StructLayout(struct.name, -(-end // align) * align, tuple(members))


def _member(node: Any, name: str, depth: int = 0) -> tuple[str, int, int, int]:
    """(C type of one element, bytes, alignment, number of elements) of a member."""
    ast = _ast()
    if depth > MAX_POINTERS:
        raise PrototypeError(f"bad struct definition: the type of '{name}' is nested too deeply")
    if isinstance(node, ast.ArrayDecl):
        if not isinstance(node.dim, ast.Constant) or not re.fullmatch(r"[1-9]\d{0,4}", node.dim.value):
            raise PrototypeError(f"bad struct definition: the array '{name}' needs a number of elements")
        ctype, size, align, count = _member(node.type, name, depth + 1)
        return ctype, size * int(node.dim.value), align, count * int(node.dim.value)
    if isinstance(node, ast.PtrDecl):
        return str(_ctype(node)), 8, 8, 1
    inner = node.type
    spelling = " ".join(inner.names) if isinstance(inner, ast.IdentifierType) else ""
    if isinstance(inner, ast.Struct | ast.Union):
        spelling = f"{'struct' if isinstance(inner, ast.Struct) else 'union'} {inner.name}"
    if spelling in _AGGREGATES:
        size, align = _AGGREGATES[spelling][2:]
        return spelling, size, align, 1
    element = _ctype(node)
    if not element.size:
        raise PrototypeError(f"bad struct definition: the size of '{name}' ({spelling or element}) is not known")
    return spelling or str(element), element.size, element.size, 1


def _ctype(node: Any, depth: int = 0) -> CType:
    """The C type of a declarator; arrays and functions as parameters decay to pointers, as C says."""
    ast = _ast()
    if depth > MAX_POINTERS:
        raise PrototypeError("bad prototype: a type has too many levels of pointers")
    if isinstance(node, ast.PtrDecl | ast.ArrayDecl):
        inner = node.type
        const = "const" in getattr(node, "quals", [])
        if isinstance(inner, ast.FuncDecl):
            return CType("pointer", size=8, const=const, pointee=CType("function", "function"))
        return CType("pointer", size=8, const=const, pointee=_ctype(inner, depth + 1))
    if isinstance(node, ast.FuncDecl):
        return CType("pointer", size=8, pointee=CType("function", "function"))
    if isinstance(node, ast.Typename | ast.Decl):
        return _ctype(node.type, depth + 1)
    const = "const" in node.quals
    inner = node.type
    if isinstance(inner, ast.IdentifierType):
        return _named(inner.names, const)
    if isinstance(inner, ast.Enum):
        return CType("enum", inner.name or "", 4, signed=False, const=const)
    if isinstance(inner, ast.Struct | ast.Union):
        if inner.decls:
            raise PrototypeError("bad prototype: a struct is defined inside it")
        return CType("struct" if isinstance(inner, ast.Struct) else "union", inner.name or "", const=const)
    raise PrototypeError("bad prototype: unsupported type")


def _named(names: list[str], const: bool) -> CType:
    """The type spelled by `names`: a typedef of the prelude or the words of a C integer type in any order."""
    spelling = _TYPEDEFS.get(" ".join(names), " ".join(names))
    if spelling == "void":
        return CType("void", "void", const=const)
    if spelling == "_Bool":
        return CType("bool", "bool", 1, const=const)
    if spelling in _AGGREGATES:
        kind, name, _, _ = _AGGREGATES[spelling]
        return CType("union" if kind == "union" else "struct", name, const=const)
    words = spelling.split()
    unsigned = "unsigned" in words
    base = "long long" if words.count("long") > 1 else "long" if "long" in words else "int"
    for narrow in ("char", "short"):
        base = narrow if narrow in words else base
    if base == "char" and "signed" in words:
        base = "signed char"
    canonical = f"unsigned {base}" if unsigned else base
    if canonical not in _INTEGERS or set(words) - {"unsigned", "signed", "char", "short", "int", "long"}:
        raise PrototypeError(f"bad prototype: unknown type '{' '.join(names)}', expected a kernel integer type")
    size, signed = _INTEGERS[canonical]
    return CType("int", canonical, size, signed, const)


def _one_line(text: str) -> str:
    """`text` with single spaces and without sparse annotations; refuses what is no declaration at all."""
    if len(text) > MAX_LENGTH:
        raise PrototypeError(f"bad prototype: {len(text)} characters, expected at most {MAX_LENGTH}")
    if re.search(r"[#\"'\\]|__attribute__|_Pragma|/[*/]", text):
        raise PrototypeError("bad prototype: expected plain C without macros, attributes, strings or comments")
    # Nested parentheses and braces are what makes a recursive-descent parser recurse.
    if max(text.count(c) for c in "({[*") > 40:
        raise PrototypeError("bad prototype: too many nested declarators")
    words = " ".join(_ADDRESS_SPACES.sub(" ", text).split())
    return re.sub(r"\s+([,);])", r"\1", re.sub(r"([(*])\s+", r"\1", words))


def _declare(line: str, what: str) -> Any:
    """pycparser's node for the one declaration in `line`."""
    from pycparser.c_parser import ParseError

    prelude, count = _prelude(line)
    try:
        unit = _parser().parse(prelude + line, "spec")
    except (ParseError, AssertionError, RecursionError):
        # The parser's own wording differs between its releases, so it is not passed on.
        known = set(_TYPEDEFS) | {name for name in _AGGREGATES if " " not in name}
        types = re.findall(r"\b[A-Za-z_]\w*_t\b|\b_*[usbl]e?\d+\b", line)
        unknown = next((word for word in types if word not in known), "")
        hint = f"unknown type '{unknown}', expected a kernel integer type" if unknown else "not valid C"
        raise PrototypeError(f"bad {what}: {hint}") from None
    declarations = unit.ext[count:]
    if len(declarations) != 1:
        raise PrototypeError(f"bad {what}: expected one C declaration, found {len(declarations)}")
    return declarations[0]


def _ast() -> Any:
    from pycparser import c_ast

    return c_ast


@cache
def _parser() -> Any:
    from pycparser.c_parser import CParser

    return CParser()


def _prelude(line: str) -> tuple[str, int]:
    """(typedefs, how many) of the typedef names in `line`; that they are types is all the parser needs to know."""
    words = set(re.findall(r"\w+", line))
    names = [name for name in (*_TYPEDEFS, *_AGGREGATES) if name in words]
    return (f"typedef int {','.join(names)};" if names else ""), len(names)
