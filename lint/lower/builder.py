"""The state of lowering one function: current block, scopes with their cleanups, jump targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.lower import kinds
from kfuncgen.lint.lower.text import BodyText, scan_body
from kfuncgen.lint.lower.types import TypeTable
from kfuncgen.lint.parse import Unit, evaluate, function_named, parts_of, pretty
from kfuncgen.lint.positions import span_of
from kfuncgen.lint.types import Field, Type
from kfuncgen.records import Struct, field


class Scope(Struct, eq=False):
    """A C scope; `cleanups` are its variables with a cleanup function, in order of declaration."""

    cleanups: list[tuple[ir.Variable, str]] = field(default_factory=list)


class MemberPath(NamedTuple):
    """A member: its name and place in its struct, and the anonymous structs and unions on the way to it."""

    steps: tuple[Field, ...]
    name: str
    offset: int
    tags: tuple[str, ...]
    bits: tuple[int, int] | None


class PendingGoto(Struct, eq=False):
    block: ir.Block
    label: str
    scopes: list[tuple[Scope, int]]
    span: Span


class ModuleContext:
    """What functions of one module share while they are lowered."""

    def __init__(self, module: ir.Module, unit: Unit) -> None:
        self.module = module
        self.unit = unit
        self.types = TypeTable()
        self.globals: dict[int, ir.GlobalVariable] = {}
        self.members: dict[tuple[int, int], MemberPath] = {}
        """What is known of members, by their declaration and the type that they are reached through."""
        self.declared: Mapping[str, Sequence[Any]] = {}
        """The declarations of functions at file scope that were seen, by name: all, or all but headers'."""
        self.wanted: dict[str, Any] = {}
        """Functions referred to, in the order met: a cursor of each by its name."""

    def declaration(self, cursor: Any) -> None:
        """Remember a function that is referred to, and whether it is a weak or ksym extern."""
        name = cursor.spelling
        self.wanted.setdefault(name, cursor)
        if name not in self.module.declarations:
            self.module.declarations[name] = self._declare(cursor, name)

    def want(self, name: str) -> None:
        """Remember a function that is only named, in an attribute."""
        cursor = next(iter(self.declared.get(name, ())), None) or function_named(self.unit, name)
        if cursor is not None:
            self.wanted.setdefault(name, cursor)

    def declarations_of(self, cursor: Any) -> list[Any]:
        """The declarations of a function: all that were seen, and of compiled headers the first, the last and the
        definition."""
        found = list(self.declared.get(cursor.spelling, ()))
        for other in (cursor.get_definition(), cursor, cursor.canonical):
            if other is not None and other not in found:
                found.insert(0, other)
        return found

    def _declare(self, cursor: Any, name: str) -> ir.Declaration:
        # Attributes of one declaration hold for all of them.
        text = " ".join(pretty(c) for c in self.declarations_of(cursor))
        return ir.Declaration(
            name,
            self.types.of(cursor),
            "weak" in text and "((weak))" in text,
            'section(".ksyms")' in text,
            span_of(cursor),
        )


class Builder:
    """Blocks, temporaries and scopes of the function being lowered."""

    def __init__(self, context: ModuleContext, function: ir.Function, cursor: Any) -> None:
        self.context = context
        self.types = context.types
        self.function = function
        self.cursor = cursor
        self.scopes: list[Scope] = [Scope()]
        self.breaks: list[tuple[ir.Block, int]] = []
        self.continues: list[tuple[ir.Block, int]] = []
        self.labels: dict[str, ir.Block] = {}
        self.label_scopes: dict[str, list[Scope]] = {}
        self.gotos: list[PendingGoto] = []
        self.variables: dict[int, ir.Variable] = {}
        self.block = self.new_block()
        self._text: BodyText | None = None
        self.for_count = 0
        self.asm_count = 0

    @property
    def text(self) -> BodyText:
        """The scanned pretty text of the function, made when first needed."""
        if self._text is None:
            self._text = scan_body(pretty(self.cursor, terse=False))
        return self._text

    def new_block(self) -> ir.Block:
        block = ir.Block(len(self.function.blocks))
        self.function.blocks.append(block)
        return block

    def emit(self, instruction: ir.Instruction) -> None:
        self.block.instructions.append(instruction)

    def end(self, terminator: ir.Terminator) -> None:
        """Close the current block; what follows without a label is unreachable but still lowered."""
        if self.block.terminator is None:
            self.block.terminator = terminator

    def start(self, block: ir.Block) -> None:
        """Fall through into `block` and go on there."""
        self.end(ir.Jump(block))
        self.block = block

    def variable(self, name: str, ctype: Type, is_param: bool = False, temp: bool = False) -> ir.Variable:
        var = ir.Variable(name, ctype, len(self.function.variables), is_param, temp, volatile=ctype.volatile)
        self.function.variables.append(var)
        return var

    def temporary(self, ctype: Type) -> ir.Local:
        return ir.Local(self.variable(f"%{len(self.function.variables)}", ctype, temp=True), ctype)

    def opaque(self, what: str, span: Span, places: tuple[ir.Place, ...] = ()) -> None:
        """Record a construct that is not understood."""
        instruction = ir.Opaque(what, places, span)
        self.function.opaque.append(instruction)
        self.emit(instruction)

    def leave(self, depth: int, span: Span) -> None:
        """Run the cleanups of all scopes deeper than `depth`, innermost and latest first."""
        for scope in reversed(self.scopes[depth:]):
            self.run_cleanups(scope, len(scope.cleanups), span)

    def run_cleanups(self, scope: Scope, count: int, span: Span) -> None:
        """Call the cleanup functions of the first `count` variables of a scope, latest first."""
        for var, name in reversed(scope.cleanups[:count]):
            place = ir.Local(var, var.ctype)
            pointer = Type("pointer", 8, target=var.ctype)
            argument = ir.AddressOf(place, pointer, span)
            self.emit(ir.Call(None, name, (argument,), Type("void"), span, implicit=True))

    # What the layers of the expression builder ask of each other.

    def value(self, cursor: Any) -> ir.Expr:
        """The rvalue of an expression."""
        raise NotImplementedError

    def convert(self, value: ir.Expr, ctype: Type, cursor: Any) -> ir.Expr:
        """A value converted to another type."""
        raise NotImplementedError

    def arithmetic(self, symbol: str, a: ir.Expr, b: ir.Expr, ctype: Type, span: Span) -> ir.Expr:
        """A binary operation, scaled where a pointer is moved."""
        raise NotImplementedError

    def effect(self, cursor: Any) -> None:
        """An expression whose value is dropped."""
        raise NotImplementedError

    def in_order(self, cursors: list[Any]) -> list[ir.Expr]:
        """The values of operands, evaluated from left to right."""
        raise NotImplementedError

    def initialise(self, place: ir.Place, cursor: Any, span: Span) -> None:
        """Give a place its initialiser."""
        raise NotImplementedError

    def statement(self, cursor: Any) -> None:
        """Lower a statement."""
        raise NotImplementedError

    def statement_value(self, cursor: Any) -> ir.Expr:
        """The value of a statement expression."""
        raise NotImplementedError

    def type_of(self, cursor: Any) -> Type:
        """The type of an expression or declaration."""
        return self.types.of(cursor)

    def child(self, cursor: Any) -> Any:
        """The first child that is no type reference, the cursor itself when there is none."""
        for child in parts_of(cursor):
            if child._kind_id != kinds.TYPE_REF:
                return child
        return cursor

    def fallback(self, cursor: Any) -> ir.Expr:
        """An expression that is not understood: its constant value if it has one, else a counted unknown."""
        constant = evaluate(cursor)
        if isinstance(constant, int):
            return ir.Const(constant, self.type_of(cursor))
        self.opaque(f"expression {kinds.kind_name(cursor)}", span_of(cursor))
        return ir.Unknown(self.type_of(cursor))

    def finish(self) -> None:
        """Resolve gotos: their cleanups depend on where the label stands."""
        for pending in self.gotos:
            target = self.labels.get(pending.label)
            if target is None:
                pending.block.terminator = ir.Unreachable(pending.span)
                continue
            staying = set(map(id, self.label_scopes[pending.label]))
            self.block = pending.block
            self.block.terminator = None
            for scope, count in reversed(pending.scopes):
                if id(scope) not in staying:
                    self.run_cleanups(scope, count, pending.span)
            self.end(ir.Jump(target))
