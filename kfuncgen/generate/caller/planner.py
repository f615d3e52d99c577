"""The shortest way to every argument of a kfunc, by the types and roles of its parameters.

A search over providers: the program's own arguments, helpers and kfuncs whose result is the type, members of
objects at hand, kptrs. Each candidate is a `Piece` with its cost; the cheapest wins, the first of equal ones. What
is asked of an argument (trusted, RCU, referenced) is what check_kfunc_args() asks (CONTRACT 4.B, 4.C, 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce

from kfuncgen.generate.caller.errors import decoded, errno_macros, error_sources, told
from kfuncgen.generate.caller.plan import Guard, Item, Line, Local, NoPlan, Own, Piece, slot
from kfuncgen.generate.caller.sections import Program
from kfuncgen.generate.ctext import join_type, split_prototype, strip_declarator
from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import Contract, ErrorCause, Function, Kernel, Param, Role, SpecSet
from kfuncgen.spec.programs import ObjectType, program_facts
from kfuncgen.spec.progtypes import allows, hook_at, refused_operation
from kfuncgen.spec.trust import (
    CONST_FIELDS,
    DESTRUCTORS,
    PROJECTIONS,
    RCU_KPTRS,
    SAFE_RCU,
    SAFE_TRUSTED,
    refused_fields,
)

MAX_DEPTH = 4
"""Calls within calls; the longest way in the kernel's own programs (task, its cgroup, its state, an iterator)."""

SCALAR_STRUCTS = frozenset(("nf_inet_addr", "bpf_sock_tuple", "in6_addr", "xfrm_address_t"))
"""Structs of numbers alone: memory of the program may stand for them (btf_type_is_scalar_struct)."""

TYPES, MAPS, FUNCTIONS = 1, 2, 3
"""Ranks of items at file scope."""


class Wish(Struct, frozen=True):
    """What is asked of a pointer to a kernel object."""

    struct: str
    trust: str = "any"
    """`any`: a plain kernel pointer will do; `rcu`: trusted or RCU-protected; `trusted`."""
    owned: bool = False
    """It must carry a reference."""
    written: bool = False
    """The parameter is no pointer to const."""


class Ending(Struct, frozen=True):
    """How a reference ends: the statement, the kfuncs it calls, a goto label, variables that it needs."""

    undo: str
    calls: tuple[str, ...]
    label: str
    locals: tuple[Local, ...] = ()


def kind_of(name: str) -> ObjectType:
    """What is told of a kernel type."""
    return program_facts().types.get(name, ObjectType())


def fresh(name: str, taken: frozenset[str]) -> str:
    """`name`, or with a number behind it when it is taken."""
    if name not in taken:
        return name
    return next(f"{name}{n}" for n in range(2, 100) if f"{name}{n}" not in taken)


def reference_name(name: str, taken: frozenset[str]) -> str:
    """As `fresh`, for a reference to an object of which the caller has a pointer already."""
    return name if name not in taken else fresh(f"{name}_ref", taken)


def plain_name(param: str) -> str:
    """A parameter's name without the suffixes that only the verifier reads."""
    return param.partition("__")[0] or param


def declared_types(contract: Contract) -> tuple[str, tuple[str, ...]]:
    """(result type, type of each parameter) as the prototype spells them."""
    result, _, params = split_prototype(contract.prototype.text)
    return result, tuple(strip_declarator(param)[0] for param in params)


class _Index(Struct, frozen=True):
    """Functions in order of their names: by the struct that they return or release, by special effect."""

    results: dict[str, list[Function]]
    releases: dict[str, list[Function]]
    special: dict[str, list[Function]]


@lru_cache(maxsize=8)
def _index(specs: SpecSet, kernel: Kernel) -> _Index:
    found = _Index({}, {}, {})
    for function in sorted(specs.functions.values(), key=lambda f: f.name):
        contract = function.at(kernel)
        effects, result = contract.effects, contract.prototype.result.struct_name
        struct = program_facts().results.get(function.name, result)
        if struct:
            found.results.setdefault(struct, []).append(function)
        if effects.releases is not None and not effects.acquires:
            released = contract.params[effects.releases].ctype.struct_name
            found.releases.setdefault(released, []).append(function)
        for word in effects.special:
            found.special.setdefault(word, []).append(function)
    return found


class Planner:
    """Plans for calls of `function` in one program.

    `snippet`: arguments that need no protocol are left to the author. `inline`: the plan goes into a function that
    has other things to do: values that the author is to choose are marked (plan.slot), errors told in short.
    `filled`: lists and trees are filled elsewhere.
    """

    def __init__(
        self,
        specs: SpecSet,
        kernel: Kernel,
        program: Program,
        function: Function,
        snippet: bool = False,
        inline: bool = False,
        filled: bool = False,
    ) -> None:
        self.specs = specs
        self.function = function
        self.kernel = kernel
        self.program = program
        self.snippet = snippet
        self.inline = inline
        self.filled = snippet or filled
        self.supplied: dict[str, str] = {}
        self.brought: set[str] = set()
        """What the author of a snippet brings along: declarations with their documentation, and names."""
        self._hook = hook_at(program.info, kernel)
        self.taken = frozenset(("ctx",) if snippet else ("ctx", *program.names))
        """Names that variables cannot have: the program's own arguments."""

    def value(self, text: str) -> str:
        """A value that the author may want to be another."""
        return slot(text) if self.inline else text

    def told(
        self, function: str, causes: tuple[ErrorCause, ...], source: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Lines that tell an error of `function`, and the constants in them."""
        if self.inline:
            return (told(function, source),), ()
        return tuple(decoded(function, causes, source)), errno_macros(causes)

    # -- which functions may be called ------------------------------------------------------------------------

    def contract(self, function: Function) -> Contract:
        """The function's contract for this program."""
        return function.at(self.kernel, self._hook)

    def callable(self, function: Function) -> bool:
        """Whether this program may call the function, its arguments aside."""
        if not function.exists_at(self.kernel):
            return False
        contract, info = self.contract(function), self.program.info
        if contract.effects.sleepable and not info.sleepable:
            return False
        if not allows(contract, info, self.kernel):
            return False
        return info.attach != "struct_ops" or not refused_operation(
            contract, self.program.operations, self.program.member
        )

    def by_special(self, word: str) -> Contract:
        """The callable function with the special effect `word`; NoPlan without one."""
        for function in _index(self.specs, self.kernel).special.get(word, ()):
            if self.callable(function):
                return self.contract(function)
        raise NoPlan(f"no function with the effect '{word}' can be called there")

    # -- kernel objects ---------------------------------------------------------------------------------------

    def object(self, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int = 0) -> Piece:
        """The cheapest way to an object; NoPlan when there is none."""
        found = [piece for piece in self._objects(wish, taken, active, depth) if self._together(piece)]
        if not found:
            what = "a reference to a" if wish.owned else "a trusted" if wish.trust == "trusted" else "a"
            raise NoPlan(f"nothing that it may call or read gives it {what} struct {wish.struct}")
        return min(found, key=lambda piece: piece.cost)

    def _together(self, piece: Piece) -> bool:
        """Nothing can sleep in an RCU critical section, the kfunc that is called in the end neither."""
        sleeps = piece.sleeps or self.contract(self.function).effects.sleepable
        return not (piece.rcu and sleeps)

    def _objects(self, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int) -> Iterator[Piece]:
        yield from self._arguments(wish, taken)
        yield from self._kernel_context(wish, taken)
        if depth >= MAX_DEPTH:
            return
        inner = active | {f"struct {wish.struct}"}
        if f"struct {wish.struct}" not in active:
            if not wish.owned:
                yield from self._within(wish, taken, inner, depth)
            yield from self._results(wish, taken, inner, depth)
        yield from self._kptrs(wish, taken)

    def _arguments(self, wish: Wish, taken: frozenset[str]) -> Iterator[Piece]:
        for argument in self.program.arguments:
            if argument.struct != wish.struct or (wish.owned and not argument.reference):
                continue
            if wish.trust != "any" and argument.trust != "trusted":
                continue
            if not argument.null:
                yield Piece(argument.expr)
                continue
            name = fresh(kind_of(wish.struct).variable or "object", taken)
            steps = (
                Local(f"struct {wish.struct} *{name} = {argument.expr}"),
                Guard(f"!{name}"),
            )
            yield Piece(name, steps, names=frozenset((name,)), cost=2)

    def _kernel_context(self, wish: Wish, taken: frozenset[str]) -> Iterator[Piece]:
        if wish.owned or not self.program.context or self.program.kernel_context != wish.struct:
            return
        cast = self.by_special("cast-to-kern-ctx")
        name = fresh(kind_of(wish.struct).variable or "kern", taken)
        steps = (Local(f"struct {wish.struct} *{name}"), Line(f"{name} = {cast.name}(ctx);"))
        yield Piece(name, steps, calls=(cast.name,), names=frozenset((name,)), cost=2)

    def _within(self, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int) -> Iterator[Piece]:
        """Objects that lie in others, and what their fields point to."""
        for outer, kind in program_facts().types.items():
            for member, struct in (kind.embeds or {}).items():
                if struct == wish.struct:
                    yield from self._reached(replace(wish, struct=outer), taken, active, depth, "&{}->" + member)
        for fields, rcu in ((SAFE_TRUSTED, False), (SAFE_RCU, True)):
            for (outer, member), struct in fields.items():
                if struct != wish.struct or outer.startswith("bpf_iter") or (rcu and wish.trust == "trusted"):
                    continue
                if wish.written and (outer, member) in CONST_FIELDS:
                    continue
                asked = Wish(outer, "rcu" if rcu else "trusted")
                for piece in self._reached(asked, taken, active, depth, "{}->" + member):
                    yield replace(piece, rcu=piece.rcu or (rcu and self.program.info.sleepable))

    def _reached(
        self, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int, form: str
    ) -> Iterator[Piece]:
        try:
            piece = self.object(wish, taken, active, depth + 1)
        except NoPlan:
            return
        if form.startswith("&") and piece.expr.startswith(("&", "(")):
            return
        yield replace(piece, expr=form.format(piece.expr), cost=piece.cost + 1)

    def _results(self, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int) -> Iterator[Piece]:
        for function in _index(self.specs, self.kernel).results.get(wish.struct, ()):
            if f"call {function.name}" in active or not self._gives(function, wish):
                continue
            if not self.callable(function) or not self._at_hand(function):
                continue
            contract = self.contract(function)
            with_call = active | {f"call {function.name}"}
            try:
                if contract.effects.iterator == "next":
                    if not wish.owned:
                        yield self._iterated(contract, wish, taken, with_call, depth)
                elif contract.effects.acquires or "current-task-btf" in contract.effects.special:
                    yield self._called(contract, taken, with_call, depth)
            except NoPlan:
                continue

    def _at_hand(self, function: Function) -> bool:
        """Whether kernels that have the kfunc can be taken to have `function`: no module for the call's sake."""
        return not function.module or function.family == self.function.family

    def _gives(self, function: Function, wish: Wish) -> bool:
        contract = function.at(self.kernel)
        pointee = contract.prototype.result.pointee
        if wish.written and pointee is not None and pointee.const:
            return False
        return contract.effects.acquires or (
            not wish.owned and (contract.effects.iterator == "next" or "current-task-btf" in function.special)
        )

    def _iterated(
        self, step: Contract, wish: Wish, taken: frozenset[str], active: frozenset[str], depth: int
    ) -> Piece:
        from kfuncgen.generate.caller.protocols import iterated

        new = self.specs.functions[step.name.removesuffix("_next") + "_new"]
        if not self.callable(new):
            raise NoPlan(f"{new.name}() cannot be called there")
        if self.contract(new).effects.rcu_protected and wish.trust == "trusted":
            raise NoPlan("its elements are protected by RCU alone")
        return iterated(self, step, taken, active, depth)

    def _called(self, contract: Contract, taken: frozenset[str], active: frozenset[str], depth: int) -> Piece:
        """A call whose result is an object: the check and the obligation with it."""
        arguments = self.arguments(contract, taken, active, depth + 1)
        result, _ = declared_types(contract)
        struct = contract.prototype.result.struct_name
        real = program_facts().results.get(contract.name, struct)
        plain = kind_of(real).variable or "object"
        if contract.effects.acquires:
            name = reference_name(plain, taken | arguments.names)
        else:
            name = fresh(plain if plain not in taken else "current", taken | arguments.names)
        if not contract.effects.acquires and contract.name.startswith("bpf_get_current"):
            local = Local(join_type(result, f"{name} = {contract.name}()"))
            return Piece(name, (local,), names=frozenset((name,)), cost=1)
        steps: list[Local | Line | Guard | Own] = [
            Local(join_type(result if real == struct else f"struct {real} *", name)),
            Line(f"{name} = {'' if real == struct else f'(struct {real} *)'}{contract.name}({arguments.expr});"),
        ]
        if contract.effects.may_be_null:
            lines = [told(contract.name, source) for source, _ in error_sources(contract, arguments)]
            steps.append(Guard(f"!{name}", tuple(lines)))
        label = ""
        calls: tuple[str, ...] = (contract.name,) if contract.is_kfunc else ()
        if contract.effects.acquires:
            ending = self.ending(contract, name, taken | arguments.names | {name})
            steps = [*ending.locals, *steps, Own(ending.undo, ending.label)]
            calls += ending.calls
            label = ending.label
        own = Piece(
            name,
            tuple(steps),
            calls=calls,
            names=frozenset((name,)),
            cost=3 if set(contract.function.config) <= set(self.function.config) else 4,
            sleeps=contract.effects.sleepable,
            label=label,
        )
        return arguments.then(own)

    def ending(self, contract: Contract, name: str, taken: frozenset[str]) -> Ending:
        """What ends the reference that `contract` acquired into `name`; NoPlan when this program may not do it."""
        for candidate in contract.release:
            function = self.specs.functions.get(candidate)
            if function is None or not self.callable(function):
                continue
            last = self.contract(function)
            if last.effects.releases is None or "kptr-xchg" in last.effects.special:
                continue
            call = f"{candidate}({name}{', NULL' * len(last.params[1:])})"
            calls = (candidate,) if last.is_kfunc else ()
            if not last.effects.acquires:
                return Ending(f"{call};", calls, f"{'put' if '_put' in candidate else 'release'}_{name}")
            # It takes the reference and gives another (bpf_ct_insert_entry()), which must be ended too.
            other = fresh(f"new_{name}", taken)
            inner = self.ending(last, other, taken | {other})
            local = Local(join_type(declared_types(last)[0], other))
            undo = f"{other} = {call};\nif ({other})\n\t{inner.undo}"
            return Ending(undo, (*calls, *inner.calls), f"finish_{name}", (local, *inner.locals))
        raise NoPlan(f"no function that ends the reference of {contract.name}() can be called there")

    def _kptrs(self, wish: Wish, taken: frozenset[str]) -> Iterator[Piece]:
        """An object kept in a kptr of global data: exchanged for NULL, or looked at under RCU."""
        if wish.struct not in DESTRUCTORS:
            return
        kind = kind_of(wish.struct)
        name = fresh(kind.variable or "object", taken)
        item = Item(
            MAPS,
            f"kptr {wish.struct}",
            f'struct {wish.struct} __kptr *kept_{kind.variable or "object"} __hidden SEC(".data.kept");',
        )
        kept = f"kept_{kind.variable or 'object'}"
        local = Local(f"struct {wish.struct} *{name}")
        if not wish.owned and wish.trust != "trusted" and wish.struct in RCU_KPTRS:
            yield Piece(
                name,
                (local, Line(f"{name} = {kept};"), Guard(f"!{name}")),
                (item,),
                names=frozenset((name,)),
                cost=5,
                rcu=self.program.info.sleepable,
            )
        for function in _index(self.specs, self.kernel).releases.get(wish.struct, ()):
            if not self.callable(function):
                continue
            steps = (
                local,
                Line(f"{name} = bpf_kptr_xchg(&{kept}, NULL);"),
                Guard(f"!{name}"),
                Own(f"{function.name}({name});", f"release_{name}"),
            )
            yield Piece(
                name,
                steps,
                (item,),
                (function.name,),
                frozenset((name,)),
                cost=8,
                label=f"release_{name}",
            )

    # -- arguments --------------------------------------------------------------------------------------------

    def arguments(
        self, contract: Contract, taken: frozenset[str], active: frozenset[str], depth: int = 0
    ) -> Piece:
        """All arguments of a call; `expr` is the list between the parentheses.

        The argument whose reference the call consumes is obtained last: nothing that can fail comes between.
        """
        from kfuncgen.generate.caller.values import argument

        order = sorted(range(len(contract.params)), key=lambda index: index == contract.effects.releases)
        pieces: dict[int, Piece] = {}
        names = taken
        for index in order:
            pieces[index] = argument(self, contract, index, names, active, depth, pieces)
            names |= pieces[index].names
        whole = reduce(lambda a, b: a.then(b), (pieces[index] for index in order), Piece(""))
        label = pieces[contract.effects.releases].label if contract.effects.releases is not None else ""
        expr = ", ".join(pieces[index].expr for index in range(len(contract.params)))
        if not self._together(whole):
            raise NoPlan("what it needs lasts for an RCU critical section only, in which it may not sleep")
        return replace(whole, expr=expr, label=label)

    def wish_of(self, contract: Contract, param: Param, index: int) -> Wish:
        """What the verifier asks of a pointer to a kernel object."""
        effects = contract.effects
        trust = "rcu" if effects.rcu_args else "trusted" if effects.trusted_args else "any"
        pointee = param.ctype.pointee
        written = pointee is not None and not pointee.const
        return Wish(param.ctype.struct_name, trust, effects.releases == index, written)

    def is_context(self, contract: Contract, param: Param) -> str:
        """C for a parameter that is the program's context, "" when it is none."""
        context, struct = self.program.context, param.ctype.struct_name
        if "cast-to-kern-ctx" in contract.effects.special:
            return "ctx"
        if context and param.name == "ctx" and str(param.ctype) == "void *":
            return "ctx"
        if not struct or not context:
            return ""
        same = struct == context or PROJECTIONS.get(struct, "-") == PROJECTIONS.get(context, "+")
        return "ctx" if same else ""

    def refuse_fields(self, *kinds: str) -> None:
        """NoPlan when this program may not refer to maps or data with such a field."""
        refused = refused_fields(self.program.info.program_type)
        for kind in kinds:
            if kind in refused:
                raise NoPlan(f"programs of that type may not refer to a struct {kind}")


def role_is_object(param: Param) -> bool:
    """Whether a pointer parameter wants a kernel object and no memory."""
    struct = param.ctype.struct_name
    return (
        param.role is Role.POINTER
        and bool(struct)
        and param.size_param is None
        and struct not in SCALAR_STRUCTS
        and struct != "bpf_map"
    )
