"""One argument of a call: a constant, a buffer, an options struct, the context, or what a protocol provides."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kfuncgen.generate.caller import protocols
from kfuncgen.generate.caller.plan import Item, Local, NoPlan, Piece
from kfuncgen.generate.caller.planner import (
    MAPS,
    SCALAR_STRUCTS,
    Planner,
    declared_types,
    fresh,
    plain_name,
    role_is_object,
)
from kfuncgen.generate.ctext import comment, join_type
from kfuncgen.records import replace
from kfuncgen.spec.model import Contract, OptionField, OptionsStruct, Param, Role
from kfuncgen.spec.trust import PROJECTIONS

BUFFER = 64
"""Bytes of a buffer whose size is the caller's choice."""

_PROTOCOLS = {
    Role.DYNPTR: protocols.dynptr,
    Role.MAP: protocols.map_argument,
    Role.WORKQUEUE: protocols.map_field,
    Role.TIMER: protocols.map_field,
    Role.TASK_WORK: protocols.map_field,
    Role.CALLBACK: protocols.callback,
    Role.ALLOC: protocols.new_object,
    Role.REFCOUNTED: protocols.new_object,
}


def argument(
    planner: Planner,
    contract: Contract,
    index: int,
    taken: frozenset[str],
    active: frozenset[str],
    depth: int,
    before: Mapping[int, Piece],
) -> Piece:
    """The piece for argument `index`; `before` has those already made. NoPlan when there is no way to one."""
    param = contract.params[index]
    if param.role in _PROTOCOLS:
        return _PROTOCOLS[param.role](planner, contract, index, taken, active, depth)
    if param.role is Role.PROG_AUX or (param.role is Role.IGNORED and param.ctype.is_pointer and _unread(param)):
        return Piece("NULL")
    if param.role is Role.IGNORED and param.ctype.is_pointer:
        return _address(planner, contract, index, taken, active, depth)
    if param.role in (Role.SIZE, Role.CONSTANT_SIZE):
        if before[index - 1].expr in planner.brought:
            return _supplied(planner, contract, index)
        return Piece(param.example or _size(contract, index, before[index - 1].expr))
    if not param.ctype.is_pointer:
        return _number(planner, contract, index, taken, depth)
    if param.role is Role.CONST_STRING:
        return _string(planner, contract, index, taken)
    if param.role is Role.IRQ_FLAG:
        name = fresh("flags", taken)
        return Piece(f"&{name}", (Local(f"unsigned long {name}"),), names=frozenset((name,)), cost=1)
    if param.role is not Role.POINTER:
        raise NoPlan(
            f"its parameter '{param.name}' wants a {param.role.value}, which generated callers cannot make"
        )
    return _pointer(planner, contract, index, taken, active, depth)


def _unread(param: Param) -> bool:
    """Parameters that the verifier itself fills in, or that only its own rewriting uses."""
    return plain_name(param.name) in ("meta", "aux")


def _supplied(planner: Planner, contract: Contract, index: int) -> Piece:
    """An argument that the author of a snippet brings along, under the prototype's name."""
    param = contract.params[index]
    sized = param.role in (Role.SIZE, Role.CONSTANT_SIZE)
    name = param.name.replace("__", "_") if sized else plain_name(param.name)
    planner.brought.add(name)
    planner.supplied.setdefault(join_type(declared_types(contract)[1][index], name), param.summary)
    return Piece(name, names=frozenset((name,)))


def _comment(planner: Planner, param: Param, depth: int) -> str:
    return param.summary if depth == 0 else ""


def _number(planner: Planner, contract: Contract, index: int, taken: frozenset[str], depth: int) -> Piece:
    param = contract.params[index]
    words = param.summary.lower()
    special = contract.effects.special
    if special & {"list-push", "rbtree-add"}:
        return Piece("0")  # the offset is the verifier's to fill in
    if "rdonly-cast" in special:
        return Piece(param.example or "bpf_core_type_id_kernel(struct task_struct)")
    if words.startswith("must be 0") or param.role is Role.IGNORED:
        return Piece("0")
    if planner.snippet and depth == 0 and param.role is Role.SCALAR:
        return _supplied(planner, contract, index)
    value = param.example or "0"
    if "throw" in special:
        value = planner.program.value if planner.program.value.isdigit() else "0"
    if planner.inline and param.role is Role.SCALAR:
        return Piece(planner.value(value))
    if not words or param.role is not Role.SCALAR or depth:
        return Piece(value)
    if not value.lstrip("-").isdigit():
        return Piece(value)
    name = fresh(plain_name(param.name), taken)
    ctype = declared_types(contract)[1][index].removeprefix("const ")
    return Piece(
        name,
        (Local(f"{join_type(ctype, name)} = {value}", f"{param.summary}", param.name),),
        names=frozenset((name,)),
        cost=1,
    )


def _string(planner: Planner, contract: Contract, index: int, taken: frozenset[str]) -> Piece:
    """A constant string in read-only data."""
    param = contract.params[index]
    name = fresh(plain_name(param.name), taken)
    text = planner.value(param.example or '"example"')
    local = Local(f"static const char {name}[] = {text}", param.summary, param.name)
    return Piece(name, (local,), names=frozenset((name,)), cost=1)


def _address(
    planner: Planner,
    contract: Contract,
    index: int,
    taken: frozenset[str],
    active: frozenset[str],
    depth: int,
) -> Piece:
    """A pointer at which the verifier does not look: strings, addresses of other memory, arena pages."""
    param = contract.params[index]
    if protocols.is_arena(contract):
        return protocols.arena_page(planner, contract, index, taken, active, depth)
    if planner.snippet and depth == 0:
        return _supplied(planner, contract, index)
    pointee = param.ctype.pointee
    if param.example:
        return Piece(param.example)
    if pointee is not None and pointee.kind == "int" and pointee.size == 1:
        return Piece('"example"')
    name = fresh(plain_name(param.name), taken)
    if pointee is not None and pointee.kind == "int":
        ctype = declared_types(contract)[1][index].removeprefix("const ").rstrip("* ")
        local = Local(f"{ctype} {name} = 5", param.summary, param.name)
        return Piece(f"&{name}", (local,), names=frozenset((name,)), cost=1)
    # No literal is an address: the loader sets it.
    text = f"const volatile __u64 {name}; /* {param.summary or 'an address'}; set it before loading */"
    const = "const " if pointee is not None and pointee.const else ""
    return Piece(f"({const}void *){name}", (), (Item(MAPS, name, text),), names=frozenset((name,)), cost=1)


def _size(contract: Contract, index: int, pointer: str) -> str:
    """The size of what the parameter before points to."""
    for at, struct in contract.function.options:
        if at == index - 1 and struct.size_constant and pointer == "&opts":
            return struct.size_constant
    return "0" if pointer == "NULL" else f"sizeof({pointer.removeprefix('&')})"


def _pointer(
    planner: Planner,
    contract: Contract,
    index: int,
    taken: frozenset[str],
    active: frozenset[str],
    depth: int,
) -> Piece:
    param = contract.params[index]
    context = planner.is_context(contract, param)
    if context:
        return Piece(context)
    struct = next((struct for at, struct in contract.function.options if at == index), None)
    if struct is not None:
        return _options(planner, contract, index, struct, taken)
    if param.nullable and param.size_param is None:
        return Piece("NULL")
    if param.ctype.struct_name == "bpf_map":
        if planner.snippet and depth == 0:
            return _supplied(planner, contract, index)
        item = protocols.plain_map()
        return Piece(f"(struct bpf_map *)&{item.key}", (), (item,), names=frozenset((item.key,)), cost=1)
    if role_is_object(param):
        wish = planner.wish_of(contract, param, index)
        if planner.snippet and depth == 0 and not wish.owned and not wish.struct.endswith("___init"):
            return _supplied(planner, contract, index)
        behind = PROJECTIONS.get(wish.struct)
        if behind is not None:
            piece = planner.object(replace(wish, struct=behind), taken, active, depth)
            return piece.with_expr(f"(struct {wish.struct} *){piece.expr}")
        return planner.object(wish, taken, active, depth)
    if planner.snippet and depth == 0 and param.ctype.pointee is not None and param.ctype.pointee.const:
        return _supplied(planner, contract, index)
    return _memory(planner, contract, index, taken)


def _memory(planner: Planner, contract: Contract, index: int, taken: frozenset[str]) -> Piece:
    """A local variable or buffer. What has an example is declared by it."""
    param = contract.params[index]
    name = fresh(plain_name(param.name), taken)
    ctype = declared_types(contract)[1][index].removeprefix("const ")
    names = frozenset((name,))
    pointee = param.ctype.pointee
    if param.example:
        example = re.sub(rf"\b{plain_name(param.name)}\b", name, param.example)
        local = Local(example, param.summary, param.name)
        pointer = name if f"{name}[" in example else f"&{name}"
        return Piece(pointer, (local,), names=names, cost=1)
    if param.size_param is not None and (pointee is None or pointee.kind in ("void", "int")):
        element = "char" if pointee is None or pointee.kind == "void" else ctype.rstrip("* ")
        filled = " = {}" if pointee is not None and pointee.const else ""
        local = Local(f"{element} {name}[{BUFFER}]{filled}", param.summary, param.name)
        return Piece(name, (local,), names=names, cost=1)
    if pointee is None or pointee.kind == "void":
        raise NoPlan(f"how much memory its parameter '{param.name}' wants is not known")
    if pointee.kind in ("struct", "union") and param.size_param is None and pointee.name not in SCALAR_STRUCTS:
        raise NoPlan(f"nothing gives it a struct {pointee.name}")
    initial = "{}" if pointee.kind in ("struct", "union") else "0"
    initial = planner.value(initial) if initial == "{}" else initial
    local = Local(f"{ctype.rstrip('* ')} {name} = {initial}", param.summary, param.name)
    return Piece(f"&{name}", (local,), names=names, cost=1)


# -- options structs -------------------------------------------------------------------------------------------


def _options(
    planner: Planner, contract: Contract, index: int, struct: OptionsStruct, taken: frozenset[str]
) -> Piece:
    """A local options struct in which every documented member that the kernel reads is set."""
    name = fresh("opts" if struct.name.endswith("opts") else plain_name(contract.params[index].name), taken)
    lines = [f"struct {struct.name} {name} = {{"]
    macros: list[str] = []
    for option in struct.fields:
        if option.direction == "out" or option.reserved:
            continue
        value = _initialiser(option)
        macros += [word for word in option.values if word in value]
        lines += _documented(option)
        lines.append(f"\t.{option.name} = {planner.value(value)},")
    read = [o for o in struct.fields if o.direction != "in" and o.name != struct.error_field]
    for option in read:
        if option.direction == "out":
            lines += _remark(f"{option.name} is set by the kernel: {option.summary.rstrip('.')}")
    local = Local("\n".join([*lines, "}"]))
    pointer = Piece(f"&{name}", (local,), names=frozenset((name,)), cost=1)
    return replace(pointer, macros=tuple(dict.fromkeys(macros)))


def _initialiser(option: OptionField) -> str:
    if option.example:
        return option.example
    if option.values and option.required:
        return next(iter(option.values))
    if option.count > 1 or option.size not in (1, 2, 4, 8):
        return "{}"
    return (
        str(max(option.minimum or 0, 0)) if option.minimum is None or option.minimum <= 0 else str(option.minimum)
    )


def _documented(option: OptionField) -> list[str]:
    words = option.summary.rstrip(".")
    if len(option.values) > 1:
        words += f": {', '.join(option.values)}"
    elif option.minimum is not None and option.maximum is not None and not option.values:
        words += f" ({option.minimum} to {option.maximum})"
    return _remark(words) if words else []


def _remark(words: str) -> list[str]:
    """A comment within the initialiser of a local variable: one tab here, one more when it is written."""
    return [line.removeprefix("\t") for line in comment([words], "\t\t").split("\n")]
