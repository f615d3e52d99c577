"""What flows where in one function: which numbers each statement reads, where they go, what else it may do.

The facts that `slicing` works on. A number is known by what holds it: the index of a local, or a global variable.
Locals count while nothing but their name reaches them (no pointer to them, not volatile).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence, Set

from kfuncgen.lint import ir
from kfuncgen.lint.postdominance import dependent, meeting, postdominators
from kfuncgen.records import Struct, field

Key = int | ir.GlobalVariable
"""What holds a number: a local by its index, or a global."""

ELSEWHERE = -1
"""The result of a call is put where it is not followed."""


class InlineCall(Struct, eq=False):
    """A call of a function whose body is walked in its caller."""

    call: ir.Call
    callee: str
    result: Key | None
    """What gets the result: ELSEWHERE for what is not followed, None when it is dropped."""
    args: tuple[frozenset[Key], ...]
    """The numbers that each argument reads."""
    plain: bool
    """Reading the arguments and keeping the result is all that happens in the caller."""


class Fork(Struct, eq=False):
    """The end of a block (`order`) that takes several ways: the numbers that decide, and where the ways meet again
    (`end`, None when they do not, or perhaps never)."""

    order: int
    terminator: ir.Branch | ir.Switch
    reads: frozenset[Key]
    end: ir.Block | None


class BlockFlow(Struct, eq=False):
    """A block that may only compute (`plain`): what it assigns, which functions it calls."""

    plain: bool = True
    targets: set[Key] = field(default_factory=set)
    calls: list[InlineCall] = field(default_factory=list)


class Flows(Struct, eq=False):
    """The flows of one function."""

    function: ir.Function
    locals: frozenset[int]
    """The locals that are followed."""
    needed: set[Key] = field(default_factory=set)
    """Numbers that something other than a number depends on: an address, a contract's argument."""
    assigns: list[tuple[Key, frozenset[Key]]] = field(default_factory=list)
    returned: set[Key] = field(default_factory=set)
    calls: list[InlineCall] = field(default_factory=list)
    forks: list[Fork] = field(default_factory=list)
    blocks: list[BlockFlow] = field(default_factory=list)
    decided: dict[int, list[int]] = field(default_factory=dict)
    """Blocks by which forks decide whether they are run (both by order). What lies between the ways of a fork is
    found through the forks among it: to keep all of it would take the square of their number."""
    computing: list[tuple[ir.Instruction | ir.Return, Key | None]] = field(default_factory=list)
    """Statements that do nothing but give their target a number."""
    places: list[tuple[ir.Place, Key]] = field(default_factory=list)
    """Where a number is read as a whole."""
    outlined: set[str] = field(default_factory=set)
    """Functions that are called and not inlined."""
    handed: set[str] = field(default_factory=set)
    """Functions whose address is taken: callbacks."""


def flows_of(function: ir.Function, inlined: Set[str], unread: Callable[[str], Container[int]]) -> Flows:
    """The flows of a function; `inlined` names the functions that are walked inline where they are called.

    `unread` tells of the others which of their arguments may be any number (indices)."""
    return _Reader(function, inlined, unread).read()


class _Reader:
    def __init__(self, function: ir.Function, inlined: Set[str], unread: Callable[[str], Container[int]]) -> None:
        followed = {v.index for v in function.variables if _is_followed(v)}
        self.flows = Flows(function, frozenset(followed))
        self.inlined = inlined
        self.unread = unread
        self.sure = _always_set(function)

    def read(self) -> Flows:
        flows, function = self.flows, self.flows.function
        for block in function.blocks:
            flow = BlockFlow()
            for instruction in block.instructions:
                if not self._instruction(instruction, flow):
                    flow.plain = False
            if not self._terminator(block):
                flow.plain = False
            flows.blocks.append(flow)
        if flows.forks:
            after = postdominators(function)
            for fork in flows.forks:
                sides = _sides(fork.terminator)
                end = meeting(function, after, sides)
                inside = dependent(after, sides, end) if end is not None else None
                if inside is not None:
                    fork.end = end
                    for order in inside:
                        flows.decided.setdefault(order, []).append(fork.order)
        return flows

    def _terminator(self, block: ir.Block) -> bool:
        """Take in how a block ends; whether it only decides where to go on."""
        end = block.terminator
        if isinstance(end, ir.Branch | ir.Switch):
            reads: set[Key] = set()
            condition = end.condition if isinstance(end, ir.Branch) else end.value
            plain = self._expression(condition, reads)
            if has_pointers(condition):
                self.flows.needed |= reads
                return False
            self.flows.forks.append(Fork(block.order, end, frozenset(reads), None))
            return plain
        if isinstance(end, ir.Return):
            if end.value is not None and self._expression(end.value, self.flows.returned):
                self.flows.computing.append((end, None))
            return True
        return isinstance(end, ir.Jump)

    def _instruction(self, instruction: ir.Instruction, flow: BlockFlow) -> bool:
        """Take in an instruction; whether it does nothing but compute numbers."""
        flows = self.flows
        if isinstance(instruction, ir.Assign):
            reads: set[Key] = set()
            plain = self._expression(instruction.value, reads)
            target = self._target(instruction.place)
            if target is None:
                flows.needed |= reads
                return False
            if has_pointers(instruction.value):
                flows.needed.add(target)  # a pointer that is kept as a number
            flows.assigns.append((target, frozenset(reads)))
            flow.targets.add(target)
            if plain:
                flows.computing.append((instruction, target))
            return plain
        if isinstance(instruction, ir.Call):
            return self._call(instruction, flow)
        if isinstance(instruction, ir.Declare):
            return True
        if isinstance(instruction, ir.Evaluate):
            plain = self._expression(instruction.value, set())
            if plain:
                flows.computing.append((instruction, None))
            return plain
        places = instruction.places if isinstance(instruction, ir.Opaque) else (instruction.place,)
        if isinstance(instruction, ir.Copy):
            places = (*places, instruction.source)
        for place in places:
            root = ir.root_of(place)
            if isinstance(root, ir.Local):
                flows.needed.add(root.var.index)
            self._place(place)
        return False

    def _call(self, call: ir.Call, flow: BlockFlow) -> bool:
        flows = self.flows
        result = self._target(call.result) if call.result is not None else None
        if call.result is not None and result is None:
            result = ELSEWHERE
        if not isinstance(call.callee, str):
            self._expression(call.callee, flows.needed)
        if not isinstance(call.callee, str) or call.callee not in self.inlined:
            unread: Container[int] = ()
            if isinstance(call.callee, str):
                flows.outlined.add(call.callee)
                unread = self.unread(call.callee)
            for index, argument in enumerate(call.args):
                ignored = index in unread and argument.ctype.is_integer
                self._expression(argument, set() if ignored else flows.needed)
            return False
        plain = result != ELSEWHERE
        args = []
        for argument in call.args:
            reads: set[Key] = set()
            if not self._expression(argument, reads):
                plain = False
            if not argument.ctype.is_integer:
                flows.needed |= reads
            args.append(frozenset(reads))
        made = InlineCall(call, call.callee, result, tuple(args), plain)
        flows.calls.append(made)
        flow.calls.append(made)
        if result is not None and result != ELSEWHERE:
            flow.targets.add(result)
        return plain

    def _target(self, place: ir.Place) -> Key | None:
        """What a store to a place gives a new number; None where that is not followed."""
        if isinstance(place, ir.Local):
            return place.var.index if place.var.index in self.flows.locals else None
        self._place(place)
        root = _global_number(place)
        return root if root is not None and not root.frozen else None

    def _place(self, place: ir.Place) -> bool:
        """Take in what finding a place reads; whether it is always at the same spot of our own memory."""
        fixed = True
        while isinstance(place, ir.Member | ir.Element):
            if isinstance(place, ir.Element):
                self._expression(place.index, self.flows.needed)
                fixed = fixed and isinstance(place.index, ir.Const)
            place = place.base
        if isinstance(place, ir.Deref):
            self._expression(place.pointer, self.flows.needed)
            return False
        return fixed

    def _expression(self, expression: ir.Expr, reads: set[Key]) -> bool:
        """Take in an expression: its numbers go to `reads`. Whether finding it is mere computing: it cannot be a
        fault, and nobody wants to know that it was read."""
        if isinstance(expression, ir.Load):
            return self._load(expression, reads)
        if isinstance(expression, ir.AddressOf):
            self._place(expression.place)
            return False
        if isinstance(expression, ir.Unary | ir.Cast):
            if expression.ctype.is_pointer:
                self._expression(expression.operand, self.flows.needed)
                return False
            return self._expression(expression.operand, reads)
        if isinstance(expression, ir.Binary):
            if expression.ctype.is_pointer:
                reads = self.flows.needed
            left = self._expression(expression.left, reads)
            return self._expression(expression.right, reads) and left and not expression.ctype.is_pointer
        if isinstance(expression, ir.FunctionRef):
            self.flows.handed.add(expression.name)
        return not expression.ctype.is_pointer

    def _load(self, load: ir.Load, reads: set[Key]) -> bool:
        place = load.place
        if isinstance(place, ir.Local):
            index = place.var.index
            if index not in self.flows.locals:
                return False
            reads.add(index)
            self.flows.places.append((place, index))
            return index in self.sure
        fixed = self._place(place)
        root = _global_number(place)
        if root is None:
            return False
        reads.add(root)
        if fixed:
            self.flows.places.append((place, root))
        return fixed


def _is_followed(var: ir.Variable) -> bool:
    return var.ctype.is_integer and not (var.address_taken or var.volatile or var.ctype.volatile)


def _global_number(place: ir.Place) -> ir.GlobalVariable | None:
    """The global whose number, or one of whose numbers, a place is."""
    root = ir.root_of(place)
    if not isinstance(root, ir.Global) or not place.ctype.is_integer or root.var.extern:
        return None
    return None if root.var.section == ".maps" or root.var.ctype.volatile else root.var


def _sides(end: ir.Branch | ir.Switch) -> Sequence[ir.Block]:
    if isinstance(end, ir.Branch):
        return (end.if_true, end.if_false)
    return [*(block for _, _, block in end.cases), end.default]


def has_pointers(expression: ir.Expr) -> bool:
    """Whether a pointer takes part in an expression; what one points to does not count."""
    if expression.ctype.is_pointer or isinstance(expression, ir.AddressOf | ir.FunctionRef | ir.Text):
        return True
    if isinstance(expression, ir.Unary | ir.Cast):
        return has_pointers(expression.operand)
    if isinstance(expression, ir.Binary):
        return has_pointers(expression.left) or has_pointers(expression.right)
    return False


def _always_set(function: ir.Function) -> set[int]:
    """Locals that have a value wherever they are read: parameters, temporaries, those set as they are declared."""
    found = {v.index for v in function.variables if v.is_param or v.is_temp}
    for block in function.blocks:
        declared: int | None = None
        for instruction in block.instructions:
            if isinstance(instruction, ir.Declare):
                declared = instruction.var.index
            else:
                place = None
                if isinstance(instruction, ir.Assign):
                    place = instruction.place
                elif isinstance(instruction, ir.Call):
                    place = instruction.result
                if isinstance(place, ir.Local) and place.var.index == declared:
                    found.add(declared)
                elif isinstance(place, ir.Local) and place.var.is_temp:
                    continue  # part of the initialiser
                declared = None
    return found
