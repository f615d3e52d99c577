"""Which structs clang writes into a program's BTF with their members, and which it only declares.

The kernel finds a kptr, list or tree only when the struct that it is about is complete in the program's BTF.
clang before 20 follows no pointers from struct to struct (BTFDebug::visitDerivedType of LLVM 17 to 19: pointees
of members become forward declarations unless something else brings them in). What brings a struct in is a global
variable, the value or key of a map, a function's parameter or result, a CO-RE relocation, or a complete struct
that has it inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from kfuncgen.lint import ir
from kfuncgen.lint.mentions import expressions, places
from kfuncgen.lint.types import Type
from kfuncgen.toolchain.headers import kernel_declares_struct


class EmittedTypes:
    """The complete structs of one module's BTF. Types are told apart by tag, as they are in BTF."""

    def __init__(self, module: ir.Module) -> None:
        self.module = module

    def has(self, ctype: Type) -> bool:
        """Whether a struct is complete in the BTF."""
        name = ctype.name
        if not name:
            return True
        if name in self._near or name in self._relocated:
            return True
        return name in self._far

    def own_structs(self) -> tuple[Type, ...]:
        """Complete structs that the program defines itself, in the order met; those of the kernel left out."""
        return tuple(t for t in self._near_types if t.kind == "struct" and not _is_kernel(t))

    # -- what brings types in ----------------------------------------------------------------------------

    @cached_property
    def _near_types(self) -> tuple[Type, ...]:
        """Everything reached without entering a struct of the kernel."""
        return tuple(_closure(self._roots(), enter_kernel=False))

    @cached_property
    def _near(self) -> frozenset[str]:
        return frozenset(t.name for t in self._near_types)

    @cached_property
    def _far(self) -> frozenset[str]:
        """Everything reached, through the members of kernel structs too: asked only when nothing nearer helps."""
        relocated = (self.module.struct[n] for n in sorted(self._relocated) if n in self.module.struct)
        return frozenset(t.name for t in _closure([*self._roots(), *relocated], enter_kernel=True))

    def _roots(self) -> Iterator[Type]:
        module = self.module
        for var in module.globals.values():
            if self.is_dropped(var):
                continue
            if var.section == ".maps":
                for field in var.ctype.fields:
                    yield field.ctype
            yield var.ctype
        for function in module.functions.values():
            if not self._is_inlined(function):
                yield function.result
                yield from (param.ctype for param in function.params)
            for name in sorted(function.calls):
                declaration = module.declarations.get(name)
                if declaration is not None and name not in module.functions:
                    yield declaration.ctype
        yield from self._type_ids

    def is_dropped(self, var: ir.GlobalVariable) -> bool:
        """Whether nothing is left of a variable: static, mentioned in no function, and not kept by SEC()."""
        return var.static and not var.section and id(var) not in self._mentioned

    @cached_property
    def _mentioned(self) -> frozenset[int]:
        return frozenset(
            id(place.var) for e in self._expressions for place in places(e) if isinstance(place, ir.Global)
        )

    def _is_inlined(self, function: ir.Function) -> bool:
        """Whether nothing of a function is left but its body in another: -O2 inlines what is called once."""
        if function.outlined or not function.static:
            return False
        return function.always_inline or self._uses.get(function.name, 0) == 1

    @cached_property
    def _uses(self) -> dict[str, int]:
        """How often each function is called; one that is referred to otherwise counts as called often."""
        count: dict[str, int] = {}
        for function in self.module.functions.values():
            for block in function.blocks:
                for instruction in block.instructions:
                    if isinstance(instruction, ir.Call) and isinstance(instruction.callee, str):
                        count[instruction.callee] = count.get(instruction.callee, 0) + 1
        for expression in self._expressions:
            if isinstance(expression, ir.FunctionRef):
                count[expression.name] = count.get(expression.name, 0) + 2
        return count

    @cached_property
    def _type_ids(self) -> tuple[Type, ...]:
        """Types that bpf_core_type_id_local() and other CO-RE questions name."""
        return tuple(e.of for e in self._expressions if isinstance(e, ir.Unknown) and e.of is not None)

    @cached_property
    def _relocated(self) -> frozenset[str]:
        """Kernel structs of which a member is reached: CO-RE relocations name them."""
        return frozenset(
            place.struct.name
            for expression in self._expressions
            for place in places(expression)
            if isinstance(place, ir.Member) and place.struct.name
            if kernel_declares_struct(place.struct.name)
        )

    @cached_property
    def _expressions(self) -> tuple[ir.Expr, ...]:
        return tuple(e for function in self.module.functions.values() for e, _ in expressions(function))


def _is_kernel(ctype: Type) -> bool:
    return bool(ctype.name) and kernel_declares_struct(ctype.name)


def _closure(roots: Iterable[Type], enter_kernel: bool) -> Iterator[Type]:
    """The named structs and unions that become complete when the roots are written to BTF."""
    todo: list[tuple[Type, bool]] = [(root, False) for root in roots]
    todo.reverse()
    seen: set[tuple[Type, bool]] = set()
    while todo:
        ctype, member = todo.pop()
        if (ctype, member) in seen:
            continue
        seen.add((ctype, member))
        if ctype.is_pointer:
            target = ctype.target
            # From a member only pointers to structs without a tag are followed.
            while member and target is not None and target.is_pointer:
                target = target.target
            if target is not None and not (member and target.kind in ("struct", "union") and target.name):
                todo.append((target, member))
        elif ctype.kind == "array" and ctype.target is not None:
            todo.append((ctype.target, False))
        elif ctype.kind == "function":
            todo += [(p, False) for p in (*ctype.params, *([ctype.target] if ctype.target is not None else []))]
        elif ctype.kind in ("struct", "union"):
            if ctype.name and not ctype.incomplete:
                yield ctype
            if enter_kernel or not _is_kernel(ctype):
                todo += [(f.ctype, True) for f in reversed(ctype.fields)]
