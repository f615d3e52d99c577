"""Arguments that come with calls of their own: dynptrs, iterators, local objects, map values, callbacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kfuncgen.generate.caller.plan import Guard, Item, Line, Local, Loop, NoPlan, Own, Piece, Step
from kfuncgen.generate.ctext import split_prototype
from kfuncgen.spec.model import Contract, Role
from kfuncgen.spec.trust import PACKET_WRITERS

if TYPE_CHECKING:
    from kfuncgen.generate.caller.planner import Planner

TYPES, MAPS, FUNCTIONS = 1, 2, 3

_FIELD_STRUCTS = {
    Role.WORKQUEUE: ("bpf_wq", "work"),
    Role.TIMER: ("bpf_timer", "timer"),
    Role.TASK_WORK: ("bpf_task_work", "work"),
}

LIST_ITEM = "struct item {\n\tstruct bpf_list_node node;\n\t__u64 value;\n};"
TREE_ITEM = "struct item {\n\tstruct bpf_rb_node node;\n\t__u64 value;\n};"
COUNTED_ITEM = "struct item {\n\tstruct bpf_refcount refcount;\n\t__u64 value;\n};"
PLAIN_ITEM = "struct item {\n\t__u64 value;\n};"


def _fresh(name: str, taken: frozenset[str]) -> str:
    from kfuncgen.generate.caller.planner import fresh

    return fresh(name, taken)


# -- dynptrs ---------------------------------------------------------------------------------------------------


def dynptr(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """A dynptr on the stack: to be initialised by the call, or initialised before it."""
    from kfuncgen.generate.caller.planner import plain_name

    param = contract.params[index]
    if param.nullable:
        return Piece("NULL")
    if planner.inline and not param.uninit:
        for one in planner.program.arguments:
            if one.struct == "bpf_dynptr":
                return Piece(one.expr)
    name = _fresh(plain_name(param.name), taken)
    local = Local(f"struct bpf_dynptr {name}", param.summary if depth == 0 else "", param.name)
    if param.uninit:
        return Piece(f"&{name}", (local,), names=frozenset((name,)), cost=1)
    line, items, calls = _constructed(planner, contract, name)
    return Piece(f"&{name}", (local, Line(line)), items, calls, frozenset((name,)), cost=2)


def _constructed(planner: Planner, contract: Contract, name: str) -> tuple[str, tuple[Item, ...], tuple[str, ...]]:
    """(statement, items, kfuncs) that initialise a dynptr: over the packet for slices, else over a buffer."""
    special = contract.effects.special
    may_write = planner.program.info.program_type in PACKET_WRITERS
    if "dynptr-slice-rdwr" in special and not may_write:
        raise NoPlan("programs of that type may not write to packets")
    if "dynptr-slice" in special or "dynptr-slice-rdwr" in special:
        for word in ("dynptr-from-xdp", "dynptr-from-skb"):
            try:
                source = planner.by_special(word)
            except NoPlan:
                continue
            if planner.is_context(source, source.params[0]):
                return f"{source.name}(ctx, 0, &{name});", (), (source.name,)
    buffer = f"{name}_data"
    item = Item(MAPS, buffer, f"char {buffer}[64];")
    return f"bpf_dynptr_from_mem({buffer}, sizeof({buffer}), 0, &{name});", (item,), ()


# -- iterators -------------------------------------------------------------------------------------------------


def iterated(
    planner: Planner,
    step: Contract,
    taken: frozenset[str],
    active: frozenset[str],
    depth: int,
    told: bool = False,
) -> Piece:
    """new, the loop over next, destroy after it; the value is the element, all that follows is the loop's body.

    `told`: what the errors of new mean is told; without that the loop of an iterator that failed just ends.
    """
    from kfuncgen.generate.caller.planner import declared_types, kind_of

    stem = step.name.removesuffix("_next")
    functions = planner.specs.functions
    new, destroy = functions[f"{stem}_new"], functions[f"{stem}_destroy"]
    for function in (new, destroy):
        if not planner.callable(function):
            raise NoPlan(f"{function.name}() cannot be called there")
    contract = planner.contract(new)
    iterator = _fresh("it", taken)
    taken |= {iterator}
    pieces = Piece("")
    given = []
    from kfuncgen.generate.caller.values import argument

    before: dict[int, Piece] = {}
    for index in range(1, len(contract.params)):
        before[index] = argument(planner, contract, index, taken | pieces.names, active, depth, before)
        pieces = pieces.then(before[index])
        given.append(before[index].expr)
    if pieces.rcu and (contract.effects.sleepable or step.effects.sleepable):
        raise NoPlan("it sleeps, and what it needs lasts for an RCU critical section only")
    result = declared_types(step)[0]
    struct = step.prototype.result.struct_name
    name = _fresh(kind_of(struct).variable or ("element" if struct else "number"), taken | pieces.names)
    call = f"{contract.name}({', '.join([f'&{iterator}', *given])})"
    label = f"destroy_{iterator}" if iterator != "it" else "destroy"
    steps: list[Step] = [Local(f"struct {stem} {iterator}"), Local(f"{result}{name}")]
    macros: tuple[str, ...] = ()
    if told and new.errors and not planner.inline:
        err = _fresh("err", taken | pieces.names)
        lines, macros = planner.told(new.name, new.errors, err)
        # The destroy is due even then.
        steps += [Local(f"int {err}"), Line(f"{err} = {call};"), Own(f"{destroy.name}(&{iterator});", label)]
        steps.append(Guard(f"{err} < 0", lines))
    else:
        steps += [Line(f"{call};"), Own(f"{destroy.name}(&{iterator});", label)]
    steps.append(Loop(f"({name} = {step.name}(&{iterator}))"))
    own = Piece(
        name,
        tuple(steps),
        calls=(new.name, step.name, destroy.name),
        names=frozenset((iterator, name)),
        macros=macros,
        cost=7,
        rcu=contract.effects.rcu_protected and planner.program.info.sleepable,
        sleeps=contract.effects.sleepable or step.effects.sleepable,
    )
    return pieces.then(own)


# -- local objects ---------------------------------------------------------------------------------------------


def new_object(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """A new object of the program's own type, owned."""
    counted = contract.params[index].role is Role.REFCOUNTED
    percpu = "percpu-obj-drop" in contract.effects.special
    return made_object(planner, COUNTED_ITEM if counted else PLAIN_ITEM, taken, percpu)


def made_object(planner: Planner, layout: str, taken: frozenset[str], percpu: bool = False) -> Piece:
    """`struct item` of `layout` from the allocator, checked, with its drop planned."""
    prefix = "percpu-" if percpu else ""
    new, drop = planner.by_special(f"{prefix}obj-new"), planner.by_special(f"{prefix}obj-drop")
    name = _fresh("item", taken)
    pointer = "struct item __percpu_kptr *" if percpu else "struct item *"
    extra = ", NULL" * (len(new.params) - 1)
    steps = (
        Local(f"{pointer}{name}"),
        Line(f"{name} = {new.name}(bpf_core_type_id_local(struct item){extra});"),
        Guard(f"!{name}"),
        Own(f"{drop.name}({name}{', NULL' * (len(drop.params) - 1)});", f"drop_{name}"),
    )
    item = Item(TYPES, "struct item", layout)
    return Piece(name, steps, (item,), (new.name, drop.name), frozenset((name,)), cost=5, label=f"drop_{name}")


# -- maps and what lies in their values ------------------------------------------------------------------------


def plain_map() -> Item:
    """A small hash map, for functions that want any map."""
    text = (
        "struct {\n\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__uint(max_entries, 1024);\n"
        '\t__type(key, __u32);\n\t__type(value, __u64);\n} counts SEC(".maps");'
    )
    return Item(MAPS, "counts", text)


def is_arena(contract: Contract) -> bool:
    """Whether a function works on an arena's pages, by its flags on any kernel: older ones did not say so."""
    flags = [*contract.flags, *(flag for change in contract.function.changes for flag in change.flags or ())]
    return any(flag.startswith("KF_ARENA") for flag in flags)


def map_argument(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """The map itself: an arena, or the map whose value the other arguments lie in."""
    if is_arena(contract):
        text = (
            "struct {\n\t__uint(type, BPF_MAP_TYPE_ARENA);\n\t__uint(map_flags, BPF_F_MMAPABLE);\n"
            "\t__uint(max_entries, 16); /* pages */\n"
            "\t__ulong(map_extra, 1ull << 44); /* where user space maps it; arm64: 1ull << 32 */\n"
            '} arena SEC(".maps");'
        )
        arena = "#define __arena __attribute__((address_space(1)))"
        items = (Item(0, "__arena", arena), Item(MAPS, "arena", text))
        return Piece("&arena", (), items, names=frozenset(("arena",)))
    if any(param.role in _FIELD_STRUCTS for param in contract.params):
        return Piece("&elements", names=frozenset(("elements",)))
    item = plain_map()
    return Piece(f"&{item.key}", (), (item,), names=frozenset((item.key,)), cost=1)


def map_field(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """A special field in the value of an array, looked up."""
    struct, member = _FIELD_STRUCTS[contract.params[index].role]
    planner.refuse_fields(struct)
    layout = f"struct element {{\n\tstruct {struct} {member};\n}};"
    elements = (
        "struct {\n\t__uint(type, BPF_MAP_TYPE_ARRAY);\n\t__uint(max_entries, 1);\n"
        '\t__type(key, __u32);\n\t__type(value, struct element);\n} elements SEC(".maps");'
    )
    items = (Item(TYPES, "struct element", layout), Item(MAPS, "elements", elements))
    key, name = _fresh("key", taken), _fresh("element", taken)
    steps = (
        Local(f"struct element *{name}"),
        Local(f"__u32 {key} = 0"),
        Line(f"{name} = bpf_map_lookup_elem(&elements, &{key});"),
        Guard(f"!{name}"),
    )
    return Piece(f"&{name}->{member}", steps, items, names=frozenset((key, name, "elements")), cost=5)


def callback(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """A function of the program that the kernel calls later, with the parameters of the prototype."""
    from kfuncgen.generate.ctext import declaration

    text = split_prototype(contract.prototype.text)[2][index]
    match = re.fullmatch(r"(.+?)\s*\(\s*\*?\s*(\w+)\s*\)\s*\((.*)\)", text)
    if not match:
        raise NoPlan(f"how its callback '{contract.params[index].name}' is called is not known")
    result, name, inside = match[1], match[2], tuple(part.strip() for part in match[3].split(","))
    name = f"{contract.params[index].name}_fn" if name == "callback" else name
    head = declaration(f"static {result} {name}", inside)
    sleeps = "\t/* Runs later, and may sleep. */\n" if "async-callback" in contract.effects.special else ""
    item = Item(FUNCTIONS, name, f"{head}\n{{\n{sleeps}\treturn 0;\n}}")
    return Piece(name, (), (item,), names=frozenset((name,)), cost=1)


def arena_page(
    planner: Planner, contract: Contract, index: int, taken: frozenset[str], active: frozenset[str], depth: int
) -> Piece:
    """An address within an arena: none asked for by what makes pages, else pages that were made."""
    maker = None
    for function in sorted(planner.specs.functions.values(), key=lambda f: f.name):
        if function.prototype.result.is_pointer and is_arena(planner.contract(function)):
            maker = planner.contract(function) if planner.callable(function) else maker
    if maker is None or contract.prototype.result.is_pointer or contract.prototype.result.kind == "int":
        return Piece("NULL")
    from kfuncgen.generate.caller.values import argument

    pieces = Piece("")
    given = []
    before: dict[int, Piece] = {}
    for at in range(len(maker.params)):
        before[at] = argument(planner, maker, at, taken | pieces.names, active, depth + 1, before)
        pieces = pieces.then(before[at])
        given.append(before[at].expr)
    name = _fresh("page", taken | pieces.names)
    steps = (
        Local(f"void __arena *{name}"),
        Line(f"{name} = {maker.name}({', '.join(given)});"),
        Guard(f"!{name}"),
    )
    own = Piece(name, steps, calls=(maker.name,), names=frozenset((name,)), cost=3, sleeps=True)
    return pieces.then(own)
