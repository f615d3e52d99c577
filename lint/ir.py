"""The small language that programs are lowered to: modules, functions, blocks, instructions, expressions.

Plain data without clang. Side effects are instructions; expressions are pure trees over places. Short
circuits, `?:`, loops and switches are already blocks and jumps here. Everything carries the span where the
user wrote it (the macro's use, not its definition).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from kfuncgen.diagnostic import Span
from kfuncgen.lint.types import Type
from kfuncgen.records import Struct, field


class Variable(Struct, eq=False):
    """A local, a parameter or a temporary. `index` is unique within its function."""

    name: str
    ctype: Type
    index: int
    is_param: bool = False
    is_temp: bool = False
    address_taken: bool = False
    volatile: bool = False

    @property
    def in_register(self) -> bool:
        """Whether it is a declared local of which compilers keep but the value."""
        plain = not self.ctype.is_aggregate and not self.volatile and not self.ctype.volatile
        return plain and not (self.address_taken or self.is_param or self.is_temp)


class GlobalVariable(Struct, eq=False):
    """A variable of file scope. `value` is its constant initialiser when it is a known integer.

    `frozen`: `const`, in read-only data at load time, so the verifier knows the value (CONTRACT 10.4).
    """

    name: str
    ctype: Type
    section: str = ""
    frozen: bool = False
    static: bool = False
    value: int | None = None
    text: str | None = None
    initialised: bool = False
    weak: bool = False
    extern: bool = False
    hidden: bool = False
    """Not visible to other objects: libbpf treats it as static."""
    span: Span | None = None
    tags: tuple[str, ...] = ()
    """btf_type_tag words of its type: a kptr may live in global data."""
    decl_tags: tuple[str, ...] = ()
    """btf_decl_tag words: what a list or tree contains."""


# Places: what can be read from and written to.


class Local(Struct, eq=False):
    var: Variable
    ctype: Type


class Global(Struct, eq=False):
    var: GlobalVariable
    ctype: Type


class Deref(Struct, eq=False):
    """What `pointer` points to."""

    pointer: Expr
    ctype: Type
    span: Span


class Member(Struct, eq=False):
    """A member of `base`; `offset` in bytes within it, `struct` the type that declares it."""

    base: Place
    name: str
    offset: int
    struct: Type
    ctype: Type
    tags: tuple[str, ...] = ()
    bits: tuple[int, int] | None = None
    """(first bit behind `offset`, width) of a bit-field."""


class Element(Struct, eq=False):
    base: Place
    index: Expr
    ctype: Type


Place = Local | Global | Deref | Member | Element


# Expressions: pure.


class Const(Struct, eq=False):
    value: int
    ctype: Type
    size_of_pointer: bool = False
    """It was written as sizeof() of a pointer: a common slip where a struct was meant."""


class Text(Struct, eq=False):
    """A string literal (without its terminating NUL)."""

    value: str
    ctype: Type


class Load(Struct, eq=False):
    place: Place
    ctype: Type
    span: Span


class AddressOf(Struct, eq=False):
    place: Place
    ctype: Type
    span: Span


class FunctionRef(Struct, eq=False):
    name: str
    ctype: Type


class Unary(Struct, eq=False):
    """`op` is one of - ~ !"""

    op: str
    operand: Expr
    ctype: Type
    span: Span


class Binary(Struct, eq=False):
    """`op` is one of + - * / % & | ^ << >> == != < <= > >= ; pointer + integer has the integer on the right,
    scaled to bytes already (`ctype` is then the pointer)."""

    op: str
    left: Expr
    right: Expr
    ctype: Type
    span: Span


class Cast(Struct, eq=False):
    operand: Expr
    ctype: Type
    span: Span


class Unknown(Struct, eq=False):
    """A value nothing is known of (inline asm, unknown constructs); of CO-RE type ids, the type they name.

    `ids`: whose id it is, the program's (`local`) or the kernel's; `typedef`: the type is named by a typedef,
    which has an id of its own.
    """

    ctype: Type
    of: Type | None = None
    ids: Literal["", "local", "kernel"] = ""
    typedef: bool = False


Expr = Const | Text | Load | AddressOf | FunctionRef | Unary | Binary | Cast | Unknown


# Instructions.


class Assign(Struct, eq=False):
    place: Place
    value: Expr
    span: Span


class Fill(Struct, eq=False):
    """Set every byte of a place to zero (initialisers, memset), or to unknown when `zero` is false."""

    place: Place
    zero: bool
    span: Span
    size: int | None = None


class Copy(Struct, eq=False):
    """memcpy() and memmove() of `size` bytes, None when not constant."""

    place: Place
    source: Place
    size: int | None
    span: Span


class Declare(Struct, eq=False):
    """A local comes into scope: what it held before (the last round of a loop) is gone."""

    var: Variable
    span: Span


class Call(Struct, eq=False):
    """`callee` is a function's name, or an expression for calls through pointers. `result` gets the value.

    `implicit`: made by the compiler (cleanup attribute), not written at this place.
    """

    result: Place | None
    callee: str | Expr
    args: tuple[Expr, ...]
    ctype: Type
    span: Span
    implicit: bool = False
    prototype: Type | None = None


class Evaluate(Struct, eq=False):
    """An expression statement: its reads happen, its value is dropped."""

    value: Expr
    span: Span


class Opaque(Struct, eq=False):
    """Something the lowering does not understand; counted, and what it names becomes unknown."""

    what: str
    places: tuple[Place, ...]
    span: Span


Instruction = Assign | Fill | Copy | Declare | Call | Evaluate | Opaque


# Terminators: how a block ends.


class Jump(Struct, eq=False):
    target: Block


class Branch(Struct, eq=False):
    condition: Expr
    if_true: Block
    if_false: Block
    span: Span


class Switch(Struct, eq=False):
    """`cases`: (low, high, block), bounds inclusive."""

    value: Expr
    cases: list[tuple[int, int, Block]]
    default: Block
    span: Span


class Return(Struct, eq=False):
    value: Expr | None
    span: Span


class Unreachable(Struct, eq=False):
    span: Span


Terminator = Jump | Branch | Switch | Return | Unreachable


class Block(Struct, eq=False):
    index: int
    instructions: list[Instruction] = field(default_factory=list)
    terminator: Terminator | None = None
    order: int = -1
    """Position in reverse post-order; -1 = unreachable."""
    live: frozenset[int] = frozenset()
    """Indices of the locals whose value may still be read from here on."""
    joins: bool = False
    """Whether paths can meet here: more than one edge leads here, or a call that may come back on several."""
    repeats: bool = False
    """Whether an edge leads back here: the head of a loop."""

    def successors(self) -> tuple[Block, ...]:
        """The blocks that may follow, without repeats."""
        end = self.terminator
        if isinstance(end, Jump):
            return (end.target,)
        if isinstance(end, Branch):
            return (end.if_true, end.if_false)
        if isinstance(end, Switch):
            return tuple(dict.fromkeys([*(block for _, _, block in end.cases), end.default]))
        return ()


class Function(Struct, eq=False):
    """A function with a body. `section` is its SEC(), "" when it has none."""

    name: str
    params: tuple[Variable, ...]
    result: Type
    section: str
    static: bool
    span: Span
    tags: tuple[tuple[str, ...], ...] = ()
    """btf_decl_tag words of each parameter (arg:trusted ...)."""
    decl_tags: tuple[str, ...] = ()
    variables: list[Variable] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    opaque: list[Opaque] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    """Names of functions called or referred to."""
    indirect: bool = False
    """Whether it calls through pointers."""
    assigned: frozenset[int] | None = None
    """Indices of the locals that are set somewhere in the body, None until somebody asks."""
    noinline: bool = False
    """A global function that the compiler keeps: the verifier checks it alone. Others are inlined by -O2."""
    outlined: bool = False
    """It says itself that it is to be kept as a function (noinline, weak), static or not."""
    always_inline: bool = False

    def sets(self, var: Variable) -> bool:
        """Whether anything in the body gives a local a value."""
        if self.assigned is None:
            found = set()
            for block in self.blocks:
                for instruction in block.instructions:
                    for place in _written(instruction):
                        if isinstance(place, Local):
                            found.add(place.var.index)
            self.assigned = frozenset(found)
        return var.index in self.assigned


def _written(instruction: Instruction) -> tuple[Place, ...]:
    """The variables that an instruction gives a value, or a part of one."""
    places: tuple[Place, ...] = ()
    if isinstance(instruction, Call) and instruction.result is not None:
        places = (instruction.result,)
    elif isinstance(instruction, Opaque):
        places = instruction.places
    elif isinstance(instruction, Assign | Fill | Copy):
        places = (instruction.place,)
    return tuple(root_of(place) for place in places)


def root_of(place: Place) -> Place:
    """The variable, or the dereference, that a place is a part of."""
    while isinstance(place, Member | Element):
        place = place.base
    return place


class Declaration(Struct, eq=False):
    """A function declared without body: a kfunc, a helper or an unknown external."""

    name: str
    ctype: Type
    weak: bool
    ksym: bool
    span: Span


class Module(Struct, eq=False):
    """One translation unit. `functions` holds the bodies that programs can reach."""

    file: str
    functions: dict[str, Function] = field(default_factory=dict)
    declarations: dict[str, Declaration] = field(default_factory=dict)
    globals: dict[str, GlobalVariable] = field(default_factory=dict)
    licence: str | None = None
    struct_ops: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Programs that implement a kernel's operations: (struct, member) by name of the function."""
    struct: dict[str, Type] = field(default_factory=dict)
    """Structs of the program by tag, as they were met."""
    release: Callable[[], None] = lambda: None
    """To be called when nothing more is asked: what was not loaded by then holds the parsed unit in memory."""
