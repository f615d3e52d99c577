"""A call with all that belongs to it, for a place within a function that exists: what editors insert.

Unlike the snippets of `render` it takes the names that are in use there, uses variables that are at hand, and goes
in at one place and out at another: no return, no label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate.caller.emit import nested
from kfuncgen.generate.caller.plan import (
    Give,
    Guard,
    Item,
    Line,
    Local,
    Loop,
    NoPlan,
    Own,
    Step,
    code_of,
    slot,
)
from kfuncgen.generate.caller.planner import FUNCTIONS, MAPS, TYPES, Planner, fresh
from kfuncgen.generate.caller.render import Caller, extern, guarded, macro_definition
from kfuncgen.generate.caller.sections import Argument, Program, programs
from kfuncgen.generate.caller.target import plan
from kfuncgen.records import Struct, replace
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.progtypes import allowed_sections

CONTEXT = "ctx"
"""The name that plans have for a program's context."""


class Variable(Struct, frozen=True):
    """A variable that holds an object at the place: C that reads it, the kernel's struct; `local`: it is no
    argument of the function, and so may hold a reference of the function's own."""

    expr: str
    struct: str
    local: bool = True


class Surroundings(Struct, frozen=True):
    """What is around a place in a function.

    `sections`: those of the programs that the function is part of, () when that is not known. `context`: the name
    of the program's context there, "" when it is one of the variables or there is none. `arguments`: the names of
    the program's arguments, in order, where BPF_PROG() or the like names them. `taken`: names that are in use in
    the function; `file`: the file's code, whose declarations are used where they fit; `used`: names that its
    headers have.
    """

    sections: tuple[str, ...] = ()
    context: str = ""
    arguments: tuple[str, ...] | None = None
    variables: tuple[Variable, ...] = ()
    taken: frozenset[str] = frozenset()
    file: str = ""
    used: frozenset[str] = frozenset()


class Declaration(Struct, frozen=True):
    """Something that belongs at file scope. `kind` is `include`, `macro`, `extern` or `item`; `names` are what it
    declares (`struct item` for a type)."""

    kind: str
    names: tuple[str, ...]
    text: str


class Insertion(Struct, frozen=True):
    """What is inserted: lines indented by tabs in which `slots` finds what the author replaces; declarations in
    the order in which they must stand; and in a few words what there is beside the call."""

    lines: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    words: tuple[str, ...]


def insertion(name: str, specs: SpecSet, kernels: Sequence[Kernel], around: Surroundings) -> Insertion | None:
    """The safe call of the kfunc `name` at a place; None when there is nothing to it but the call, or no way.

    `kernels`: those that the program is for, oldest first; what one of them lacks is guarded.
    """
    function = specs.functions.get(name)
    kernel = kernels[-1]
    if function is None or function.kind != "kfunc" or not function.exists_at(kernel):
        return None
    contract = function.at(kernel)
    if not _begins(contract):
        return None
    for section in around.sections or allowed_sections(contract, kernel):
        try:
            found = _planned(contract, specs, kernel, section, around)
        except (NoPlan, UsageError):
            continue
        if found is not None:
            return _inserted(found, specs, kernels, around)
    return None


def _begins(contract: Contract) -> bool:
    """Whether something begins with the call: what only ends or goes on with it is called where that is."""
    effects = contract.effects
    if effects.releases is not None and not effects.acquires:
        return False
    if effects.iterator not in ("", "new") or effects.special & {"throw", "trap"}:
        return False
    return not any("unlock" in word or word in _ENDS for word in effects.special)


_ENDS = frozenset(("preempt-enable", "irq-restore"))


def _planned(
    contract: Contract, specs: SpecSet, kernel: Kernel, section: str, around: Surroundings
) -> Caller | None:
    """The shortest plan among the programs that the section can mean; None when it is no more than the call."""
    found: list[Caller] = []
    reason = NoPlan("")
    for program in programs(section, kernel, contract.function.family):
        context = around.context or next(
            (one.expr for one in around.variables if one.struct == program.info.ctx_struct != ""), ""
        )
        here = _adapted(program, around, context)
        # What is in a list or tree is taken out where something puts it in; else a node goes in first.
        filled = re.search(r"\bbpf_(list_push|rbtree_add)", around.file) is not None
        planner = Planner(specs, kernel, here, contract.function, inline=True, snippet=False, filled=filled)
        planner.taken = around.taken | {CONTEXT}
        if not planner.callable(contract.function):
            continue
        own = planner.contract(contract.function)
        try:
            piece = plan(planner, own)
        except NoPlan as error:
            reason = error
            continue
        steps = tuple(_with_context(step, context) for step in piece.steps)
        if context or not any(re.search(rf"\b{CONTEXT}\b", code_of(step)) for step in steps):
            found.append(Caller(own, here, replace(piece, steps=steps)))
    if not found:
        raise reason
    best = min(found, key=lambda one: one.piece.cost)
    return best if any(isinstance(step, Guard | Own | Loop | Give) for step in best.piece.steps) else None


def _with_context(step: Step, context: str) -> Step:
    """A step for a function in which the context has another name."""
    if context in ("", CONTEXT):
        return step
    if isinstance(step, Local | Line):
        return replace(step, text=_with_names(step.text, {CONTEXT: context}))
    if isinstance(step, Guard):
        return replace(step, test=_with_names(step.test, {CONTEXT: context}))
    return replace(step, head=_with_names(step.head, {CONTEXT: context})) if isinstance(step, Loop) else step


def _adapted(program: Program, around: Surroundings, context: str) -> Program:
    """The program with what is at hand at the place: variables, then its own arguments by their names there."""
    variables = [
        Argument(slot(one.expr), one.struct, "trusted", reference=one.local)
        for one in reversed(around.variables)
        if one.expr != context
    ]
    own: list[Argument] = []
    if not program.macro and context:
        own = [one for one in program.arguments if one.expr.startswith(f"{CONTEXT}->")]
    elif program.macro and around.arguments is not None:
        for one in program.arguments:
            old = next((name for name in program.names if re.search(rf"\b{name}\b", one.expr)), "")
            index = program.names.index(old) if old else len(around.arguments)
            if index < len(around.arguments):
                own.append(replace(one, expr=re.sub(rf"\b{old}\b", around.arguments[index], one.expr)))
    return replace(program, arguments=(*variables, *own), parameters=(), macro=program.macro or not context)


# -- text ------------------------------------------------------------------------------------------------------


def _inserted(found: Caller, specs: SpecSet, kernels: Sequence[Kernel], around: Surroundings) -> Insertion:
    lines = nested(guarded(found, specs, kernels))
    words = tuple(dict.fromkeys(_words(found)))
    items = list(_missing(found.piece.items, around.file))
    names = _renamed(items, around)
    text = "\n".join(lines)
    declarations = []
    if "bpf_core_" in text:
        declarations.append(Declaration("include", ("bpf_core_type_id_local",), "#include <bpf/bpf_core_read.h>"))
    for macro in dict.fromkeys(found.piece.macros):
        definition = macro_definition(macro, specs)
        if definition:
            declarations.append(Declaration("macro", (macro,), definition))
    externs = [
        Declaration("extern", (name,), extern(specs, name, found)) for name in dict.fromkeys(found.piece.calls)
    ]
    ranked: dict[int, list[Declaration]] = {0: [], TYPES: [], MAPS: [], FUNCTIONS: []}
    for item in items:
        own = _with_names(item.text, names)
        ranked[item.rank].append(Declaration("item", declared_names(own), own))
    declarations += [*ranked[0], *ranked[TYPES], *externs, *ranked[MAPS], *ranked[FUNCTIONS]]
    return Insertion(tuple(_with_names(text, names).split("\n")), tuple(declarations), words)


def _words(found: Caller) -> Iterator[str]:
    """What there is beside the call."""
    if found.contract.function.options:
        yield "options"
    for step in found.piece.steps:
        if isinstance(step, Guard):
            yield "NULL check" if step.test.startswith("!") else "error check"
        elif isinstance(step, Loop):
            yield "loop"
        elif isinstance(step, Own):
            called = re.search(r"(\w+)\(", step.undo)
            if called:
                yield f"{called[1]}()"


def _plain(text: str) -> str:
    """C without the space between its words."""
    return re.sub(r"\s*([^\w\s])\s*", r"\1", re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)).strip()


def _missing(items: Sequence[Item], file: str) -> Iterator[Item]:
    """The items that the file does not have word by word."""
    have = _plain(file)
    for item in items:
        if _plain(item.text) not in have:
            yield item


_DECLARED = re.compile(
    r"^\#define (\w+)|^struct (\w+) \{$|(\w+)(?: __hidden)? SEC\(|^(?:const volatile )?\w+ (\w+)(?:\[\w+\])?;"
    r"|^static \w+ (\w+)\(",
    re.MULTILINE,
)


def declared_names(text: str) -> tuple[str, ...]:
    """What an item at file scope declares; types with their `struct`."""
    return tuple(
        f"struct {match[2]}" if match[2] else next(filter(None, match.groups()))
        for match in _DECLARED.finditer(text)
    )


def _renamed(items: Sequence[Item], around: Surroundings) -> dict[str, str]:
    """Other names for what the file or its headers have under these for something else."""
    words = frozenset(re.findall(r"\w+", around.file)) | around.taken | around.used
    tags = {f"struct {tag}" for tag in re.findall(r"\bstruct\s+(\w+)", around.file)} | around.used
    found: dict[str, str] = {}
    for item in items:
        for name in declared_names(item.text):
            plain = name.removeprefix("struct ")
            if name in (tags if plain != name else words):
                other = fresh(plain, words | frozenset(tag.removeprefix("struct ") for tag in tags))
                words |= {other}
                found[name] = name.replace(plain, other)
    return found


def _with_names(text: str, names: dict[str, str]) -> str:
    """C in which names are exchanged, but not those of members."""
    for old, new in names.items():
        text = re.sub(rf"(?<![\w.])(?<!->)\b{re.escape(old)}\b", new, text)
        if old.startswith("struct "):
            tags = (old.removeprefix("struct "), new.removeprefix("struct "))
            text = text.replace(f'"contains:{tags[0]}:', f'"contains:{tags[1]}:')
    return text
