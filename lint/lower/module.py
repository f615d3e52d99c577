"""One translation unit to one `Module`: programs, the functions they reach, globals, the licence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from clang.cindex import CursorKind as K
from clang.cindex import StorageClass, TypeKind

from kfuncgen.lint import ir
from kfuncgen.lint.lower.builder import ModuleContext
from kfuncgen.lint.lower.place import make_global, operations
from kfuncgen.lint.lower.statement import lower_function
from kfuncgen.lint.parse import Unit, pretty, top_level
from kfuncgen.lint.positions import begin_unit, span_of
from kfuncgen.lint.values import plain_name

_SECTION = re.compile(r'section\("([^"]*)"\)')
_DECL_TAG = re.compile(r'btf_decl_tag\("([^"]*)"\)')
_KEPT = re.compile(r"__attribute__\(\((?:noinline|weak)\)\)")
"""Attributes that keep a global function from being inlined (weak ones may be replaced at link time)."""
_HIDDEN = re.compile(r'visibility\("(?:hidden|internal)"\)')
"""Of global functions that libbpf makes static ones (libbpf.c: bpf_object__add_programs)."""
_FUNCTION = K.FUNCTION_DECL.value
_VARIABLE = K.VAR_DECL.value


def lower(unit: Unit) -> ir.Module:
    """Lower a parsed unit. Only functions that SEC() programs can reach get bodies."""
    begin_unit(unit)
    module = ir.Module(unit.file)
    context = ModuleContext(module, unit)
    functions: dict[str, list[Any]] = {}
    main_file = unit.tu.cursor.spelling
    for cursor in top_level(unit, (_FUNCTION, _VARIABLE)):
        kind = cursor._kind_id
        if kind == _FUNCTION:
            functions.setdefault(cursor.spelling, []).append(cursor)
        else:
            file = cursor.location.file
            if file is not None and (file.name == main_file or _may_be_licence(cursor)):
                _global(context, cursor)
    context.declared = functions
    definitions = {
        name: definition
        for name, cursors in functions.items()
        if (definition := next((c for c in cursors if c.is_definition()), None)) is not None
    }
    for name, definition in definitions.items():
        if definition.storage_class != StorageClass.STATIC:
            text = " ".join(pretty(c) for c in functions[name])
            if "section(" in text or _in_file(definition, main_file):
                _function(context, name, definition, text)
    done: set[str] = set()
    while todo := [name for name in context.wanted if name not in done]:
        for name in todo:
            done.add(name)
            cursor = context.wanted[name]
            definition = definitions.get(name) or cursor.get_definition()
            if definition is not None and name not in module.functions:
                text = " ".join(pretty(c) for c in context.declarations_of(cursor))
                _function(context, name, definition, text)
    straight: dict[str, bool] = {}
    for function in module.functions.values():
        _is_straight(function.name, module, straight)
    for function in module.functions.values():
        split_at_calls(function, module, straight)
        finish(function)
    module.struct = context.types.structs
    module.release = context.types.release
    return module


def _is_straight(name: str, module: ir.Module, known: dict[str, bool]) -> bool:
    """Whether a function has one way through, its callees too: then no paths come back to meet."""
    if name not in known:
        known[name] = False  # recursion
        body = module.functions[name]
        known[name] = len(body.blocks) == 1 and all(
            callee not in module.functions or _is_straight(callee, module, known) for callee in body.calls
        )
    return known[name]


def split_at_calls(function: ir.Function, module: ir.Module, straight: Mapping[str, bool]) -> None:
    """End blocks behind calls of functions with branches: the paths that come back meet there."""
    for block in list(function.blocks):
        current = block
        position = 0
        while position < len(current.instructions) - 1:
            instruction = current.instructions[position]
            position += 1
            if not isinstance(instruction, ir.Call):
                continue
            if _may_fork(instruction, straight):
                rest = ir.Block(
                    len(function.blocks), current.instructions[position:], current.terminator, joins=True
                )
                function.blocks.append(rest)
                del current.instructions[position:]
                current.terminator = ir.Jump(rest)
                current, position = rest, 0


def _may_fork(call: ir.Call, straight: Mapping[str, bool]) -> bool:
    """Whether a call may come back on several paths: branching bodies, callbacks that run many times."""
    if not isinstance(call.callee, str) or not straight.get(call.callee, True):
        return True
    return any(isinstance(_bare(argument), ir.FunctionRef) for argument in call.args)


def _bare(expression: ir.Expr) -> ir.Expr:
    while isinstance(expression, ir.Cast):
        expression = expression.operand
    return expression


def _may_be_licence(cursor: Any) -> bool:
    """A character array that a header defines: the licence may stand there."""
    return bool(cursor.type._kind_id == TypeKind.CONSTANTARRAY.value and cursor.storage_class == StorageClass.NONE)


def _in_file(cursor: Any, name: str) -> bool:
    file = cursor.location.file
    return file is not None and file.name == name


def _global(context: ModuleContext, cursor: Any) -> None:
    made = make_global(context, cursor)
    if made.section.startswith((".struct_ops", "struct_ops")):
        for member, function in operations(cursor):
            context.module.struct_ops.setdefault(function, (plain_name(made.ctype.name), member))
    if made.section == "license" and context.module.licence is None:
        context.module.licence = made.text or ""


def _function(context: ModuleContext, name: str, cursor: Any, text: str) -> None:
    types = context.types
    section = _SECTION.search(text)
    params = []
    tags = []
    for index, param in enumerate(cursor.get_arguments()):
        params.append(ir.Variable(param.spelling, types.get(param.type), index, is_param=True))
        tags.append(tuple(_DECL_TAG.findall(pretty(param))) if "btf_decl_tag" in text else ())
    own = pretty(cursor).split("{", 1)[0] if "btf_decl_tag" in text else ""
    on_params = {tag for found in tags for tag in found}
    function = ir.Function(
        name=name,
        params=tuple(params),
        result=types.get(cursor.result_type),
        section=section[1] if section else "",
        static=cursor.storage_class == StorageClass.STATIC,
        span=span_of(cursor),
        tags=tuple(tags),
        decl_tags=tuple(dict.fromkeys(tag for tag in _DECL_TAG.findall(own) if tag not in on_params)),
    )
    function.outlined = _KEPT.search(text) is not None
    function.always_inline = "always_inline" in text
    function.noinline = not function.static and function.outlined and _HIDDEN.search(text) is None
    context.module.functions[name] = function
    lower_function(context, function, cursor)


def finish(function: ir.Function) -> None:
    """Number the blocks in reverse post-order and compute which locals are live where."""
    order: list[ir.Block] = []
    seen: set[int] = set()
    first = function.blocks[0]
    stack = [(first, iter(first.successors()))]
    seen.add(first.index)
    while stack:
        block, rest = stack[-1]
        following = next((other for other in rest if other.index not in seen), None)
        if following is not None:
            seen.add(following.index)
            stack.append((following, iter(following.successors())))
        else:
            order.append(block)
            stack.pop()
    for number, block in enumerate(reversed(order)):
        block.order = number
    function.blocks = list(reversed(order))
    edges = Counter(b.index for block in function.blocks for b in _targets(block))
    for block in function.blocks:
        block.joins |= edges[block.index] + (block.order == 0) > 1
        for target in block.successors():
            target.repeats |= target.order <= block.order
    _liveness(function)


def _targets(block: ir.Block) -> Iterator[ir.Block]:
    """Where the edges out of a block lead, a block once per edge."""
    end = block.terminator
    if isinstance(end, ir.Branch):
        yield from (end.if_true, end.if_false)
    elif isinstance(end, ir.Switch):
        yield from (target for _, _, target in end.cases)
        yield end.default
    elif isinstance(end, ir.Jump):
        yield end.target


def _liveness(function: ir.Function) -> None:
    """Backward data flow over locals whose address is not taken; the others live as long as the frame."""
    always = frozenset(v.index for v in function.variables if v.address_taken)
    uses: dict[int, tuple[set[int], set[int]]] = {}
    for block in function.blocks:
        used: set[int] = set()
        killed: set[int] = set()
        for instruction in block.instructions:
            _instruction_uses(instruction, used, killed)
        end = block.terminator
        if isinstance(end, ir.Branch):
            _reads(end.condition, used, killed)
        elif isinstance(end, ir.Switch | ir.Return) and end.value is not None:
            _reads(end.value, used, killed)
        uses[block.index] = (used, killed)
    # Sets of locals as bits: the data flow goes round many times.
    live = dict.fromkeys(uses, 0)
    masks = [
        (
            block.index,
            _bits(uses[block.index][0]),
            ~_bits(uses[block.index][1]),
            [f.index for f in block.successors()],
        )
        for block in reversed(function.blocks)
    ]
    changed = True
    while changed:
        changed = False
        for index, used_here, kept, following in masks:
            out = 0
            for successor in following:
                out |= live[successor]
            now = used_here | (out & kept)
            if now != live[index]:
                live[index] = now
                changed = True
    known: dict[int, frozenset[int]] = {}
    for block in function.blocks:
        bits = live[block.index]
        if bits not in known:
            known[bits] = frozenset(i for i in range(bits.bit_length()) if bits >> i & 1) | always
        block.live = known[bits]


def _bits(indices: set[int]) -> int:
    found = 0
    for index in indices:
        found |= 1 << index
    return found


def _instruction_uses(instruction: ir.Instruction, used: set[int], killed: set[int]) -> None:
    if isinstance(instruction, ir.Assign):
        _reads(instruction.value, used, killed)
        _writes(instruction.place, used, killed)
    elif isinstance(instruction, ir.Fill):
        _writes(instruction.place, used, killed)
    elif isinstance(instruction, ir.Copy):
        _place_reads(instruction.source, used, killed)
        _place_reads(instruction.place, used, killed, writing=True)
    elif isinstance(instruction, ir.Declare):
        if instruction.var.index not in used:
            killed.add(instruction.var.index)
    elif isinstance(instruction, ir.Call):
        if not isinstance(instruction.callee, str):
            _reads(instruction.callee, used, killed)
        for argument in instruction.args:
            _reads(argument, used, killed)
        if instruction.result is not None:
            _writes(instruction.result, used, killed)
    elif isinstance(instruction, ir.Evaluate):
        _reads(instruction.value, used, killed)
    elif isinstance(instruction, ir.Opaque):
        for place in instruction.places:
            _place_reads(place, used, killed)


def _writes(place: ir.Place, used: set[int], killed: set[int]) -> None:
    if isinstance(place, ir.Local):
        if place.var.index not in used:
            killed.add(place.var.index)
    else:
        _place_reads(place, used, killed, writing=True)


def _place_reads(place: ir.Place, used: set[int], killed: set[int], writing: bool = False) -> None:
    while isinstance(place, ir.Member | ir.Element):
        if isinstance(place, ir.Element):
            _reads(place.index, used, killed)
        place = place.base
    if isinstance(place, ir.Local):
        if place.var.index not in killed and not writing:
            used.add(place.var.index)
    elif isinstance(place, ir.Deref):
        _reads(place.pointer, used, killed)


def _reads(expression: ir.Expr, used: set[int], killed: set[int]) -> None:
    if isinstance(expression, ir.Load | ir.AddressOf):
        _place_reads(expression.place, used, killed)
    elif isinstance(expression, ir.Unary | ir.Cast):
        _reads(expression.operand, used, killed)
    elif isinstance(expression, ir.Binary):
        _reads(expression.left, used, killed)
        _reads(expression.right, used, killed)
