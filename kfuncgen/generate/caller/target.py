"""The plan for a kfunc itself: the call in the middle of its protocol, and what becomes of its result."""

from __future__ import annotations

from kfuncgen.generate.caller import protocols
from kfuncgen.generate.caller.errors import error_sources
from kfuncgen.generate.caller.plan import (
    End,
    Give,
    Guard,
    Item,
    Line,
    Local,
    NoPlan,
    Own,
    Piece,
    Remark,
    Step,
    Use,
)
from kfuncgen.generate.caller.planner import Planner, declared_types, fresh, kind_of, reference_name
from kfuncgen.generate.caller.protocols import LIST_ITEM, MAPS, TREE_ITEM, TYPES, made_object
from kfuncgen.generate.ctext import join_type
from kfuncgen.records import replace
from kfuncgen.spec.model import Contract, Role
from kfuncgen.spec.words import REGION_ENDS

_PAIRS = {
    **REGION_ENDS,
    "res-spin-lock": "res-spin-unlock",
    "res-spin-lock-irqsave": "res-spin-unlock-irqrestore",
}
"""Special effects that begin a region, and those that end it."""

_INSIDE = {
    "rcu-lock": "What RCU protects stays valid up to the unlock; nothing here may sleep.",
    "preempt-disable": "The program stays on this CPU up to the enable; nothing here may sleep.",
    "irq-save": "No interrupt comes in up to the restore; nothing here may sleep.",
    "res-spin-lock": "What the lock protects is read and written here.",
    "res-spin-lock-irqsave": "What the lock protects is read and written here, interrupts are off.",
}

_GRAPH = frozenset((Role.LIST_HEAD, Role.LIST_NODE, Role.RB_ROOT, Role.RB_NODE))
_FORMATS = {1: "%d", 2: "%d", 4: "%d", 8: "%lld"}


def plan(planner: Planner, contract: Contract) -> Piece:
    """The whole caller of `contract` in the planner's program; NoPlan when there is none."""
    special = contract.effects.special
    for begin, end in _PAIRS.items():
        if begin in special or end in special:
            return _region(planner, begin, end)
    if contract.effects.iterator:
        return _iterator(planner, contract)
    if any(param.role in _GRAPH for param in contract.params):
        return _graph(planner, contract)
    if any(param.role is Role.WORKQUEUE for param in contract.params):
        return _workqueue(planner, contract)
    if special & {"obj-new", "percpu-obj-new"}:
        piece = made_object(planner, protocols.PLAIN_ITEM, planner.taken, "percpu-obj-new" in special)
        if "obj-new" in special:
            piece = piece.then(Piece("", (Line(f"{piece.expr}->value = 1;"),)))
        return piece
    return _with_rcu(planner, _plain(planner, contract))


def _with_rcu(planner: Planner, piece: Piece) -> Piece:
    """`piece` in an RCU critical section when it needs one and the program does not run in one."""
    if not piece.rcu:
        return piece
    lock, unlock = planner.by_special("rcu-lock").name, planner.by_special("rcu-unlock").name
    around = Piece("", (Line(f"{lock}();"), Own(f"{unlock}();", "unlock")), calls=(lock, unlock))
    return replace(around.then(piece), rcu=False)


# -- results ---------------------------------------------------------------------------------------------------


def _plain(planner: Planner, contract: Contract) -> Piece:
    """Arguments, the call, what is done with the result."""
    active = frozenset((f"call {contract.name}",))
    arguments = planner.arguments(contract, planner.taken, active)
    call = f"{contract.name}({arguments.expr})"
    steps: list[Step] = []
    if contract.effects.releases is not None and arguments.label:
        steps.append(Give(arguments.label))
        if not contract.effects.acquires:
            steps.append(Line(f"{call};"))
            return arguments.then(Piece("", tuple(steps), calls=(contract.name,)))
    after = _result(planner, contract, call, arguments)
    return arguments.then(replace(after, steps=(*steps, *after.steps)))


def _result(planner: Planner, contract: Contract, call: str, arguments: Piece) -> Piece:
    effects, result = contract.effects, contract.prototype.result
    taken = arguments.names | planner.taken
    text = declared_types(contract)[0]
    kfunc = Piece("", calls=(contract.name,), sleeps=effects.sleepable)
    if result.kind == "void":
        return replace(kfunc, steps=(Line(f"{call};"),))
    if "cast-to-kern-ctx" in effects.special:
        struct = _kernel_context(planner)
        name = fresh(kind_of(struct).variable or "kern", taken)
        steps: tuple[Step, ...] = (
            Local(f"struct {struct} *{name}"),
            Line(f"{name} = {call};"),
            _shown(name, struct),
        )
        return replace(kfunc, steps=steps)
    if "rdonly-cast" in effects.special:
        cast = fresh("task", taken)
        return replace(
            kfunc,
            steps=(Local(f"struct task_struct *{cast}"), Line(f"{cast} = {call};"), _shown(cast, "task_struct")),
        )
    if result.is_pointer:
        return kfunc.then(_pointer_result(planner, contract, call, arguments, text, taken))
    if contract.function.errors:
        name = fresh("err" if text in ("int", "long", "s32") else "ret", taken)
        lines, macros = planner.told(contract.name, contract.function.errors, name)
        told = Guard(f"{name} < 0", lines, leave=False)
        return replace(
            kfunc,
            steps=(
                Local(join_type(text, name)),
                Line(f"{name} = {call};"),
                told,
            ),
            macros=macros,
        )
    name = fresh("ret", taken)
    form = "%llu" if result.size == 8 and not result.signed else _FORMATS.get(result.size, "%d")
    if result.size == 4 and not result.signed and result.kind == "int":
        form = "%u"
    return replace(
        kfunc,
        steps=(
            Local(join_type(text, name)),
            Line(f"{name} = {call};"),
            Use(f'bpf_printk("{contract.name}: {form}", {name});'),
        ),
    )


def _kernel_context(planner: Planner) -> str:
    struct = planner.program.kernel_context
    if not struct:
        raise NoPlan("programs of that type have no context struct of the kernel's")
    return struct


def _shown(name: str, struct: str) -> Use:
    """A use of an object: what tells it from others, or that it is there."""
    shows = kind_of(struct).shows
    if shows is None:
        return Use(f'bpf_printk("{struct} %p", {name});')
    return Use(f'bpf_printk("{struct} {shows[0]} {shows[1]}", {name}->{shows[0]});')


def _pointer_result(
    planner: Planner, contract: Contract, call: str, arguments: Piece, text: str, taken: frozenset[str]
) -> Piece:
    effects, result = contract.effects, contract.prototype.result
    struct = result.struct_name
    owned_item = "refcount-acquire" in effects.special
    default = "item" if owned_item else "page" if protocols.is_arena(contract) else "data"
    pick = reference_name if effects.acquires else fresh
    name = pick(kind_of(struct).variable or ("object" if struct else default), taken)
    if owned_item:
        text = "struct item *"
    if protocols.is_arena(contract):
        text = "void __arena *"
    elif text.replace("const ", "").startswith("void"):
        text = text if owned_item else "__u8 *"
    steps: list[Step] = [Local(join_type(text, name)), Line(f"{name} = {call};")]
    macros: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    for source, causes in error_sources(contract, arguments):
        lines, macros = planner.told(contract.name, causes, source)
    # What takes another reference to an object that is owned cannot fail (check_kfunc_call()).
    nullable = effects.may_be_null and not owned_item
    if nullable or "untrusted-result" in effects.special or protocols.is_arena(contract):
        steps.append(Guard(f"!{name}", lines))
    calls: tuple[str, ...] = ()
    if effects.acquires:
        if owned_item:
            drop = planner.by_special("obj-drop")
            undo, label = f"{drop.name}({name}, NULL);", f"drop_{name}"
            calls = (drop.name,)
            steps.append(Own(undo, label))
        else:
            ending = planner.ending(contract, name, taken | {name})
            steps = [*ending.locals, *steps, Own(ending.undo, ending.label)]
            calls = ending.calls
    if struct and (kind_of(struct).shows or not effects.acquires):
        steps.append(_shown(name, struct))
    elif owned_item:
        steps.append(Use(f'bpf_printk("value %llu", {name}->value);'))
    elif not struct and not protocols.is_arena(contract):
        form = "%llu" if result.pointee is not None and result.pointee.size == 8 else "%d"
        steps.append(Use(f'bpf_printk("{contract.name}: {form}", *{name});'))
    return Piece(name, tuple(steps), calls=calls, names=frozenset((name,)), macros=macros)


# -- regions, iterators ----------------------------------------------------------------------------------------


def _region(planner: Planner, begin: str, end: str) -> Piece:
    """A region with nothing in it but the word of what it is good for."""
    first, last = planner.by_special(begin), planner.by_special(end)
    items: tuple[Item, ...] = ()
    steps: list[Step] = []
    given = ""
    if "res-spin" in begin:
        planner.refuse_fields("bpf_res_spin_lock")
        items = (Item(MAPS, "lock", 'struct bpf_res_spin_lock lock __hidden SEC(".data.lock");'),)
        given = "&lock"
    if "irq" in begin:
        flags = fresh("flags", planner.taken)
        steps.append(Local(f"unsigned long {flags}"))
        given = f"{given}, &{flags}" if given else f"&{flags}"
    if "res-spin" in begin:
        steps.append(Guard(f"{first.name}({given})"))
    else:
        steps.append(Line(f"{first.name}({given});"))
    label = "unlock" if "lock" in begin else "restore" if "irq" in begin else "enable"
    steps += [Own(f"{last.name}({given});", label), Remark(_INSIDE[begin], place=True)]
    return Piece("", tuple(steps), items, (first.name, last.name))


def _iterator(planner: Planner, contract: Contract) -> Piece:
    stem = contract.name.rpartition("_")[0]
    step = planner.contract(planner.specs.functions[f"{stem}_next"])
    if not planner.callable(step.function):
        raise NoPlan(f"{step.name}() cannot be called there")
    active = frozenset((f"call {step.name}",))
    piece = protocols.iterated(planner, step, planner.taken, active, 0, told=contract.effects.iterator == "new")
    struct = step.prototype.result.struct_name
    use = _shown(piece.expr, struct) if struct else Use(f'bpf_printk("{piece.expr} %d", *{piece.expr});')
    return _with_rcu(planner, piece.then(Piece("", (use,))))


# -- lists and trees -------------------------------------------------------------------------------------------


def _graph(planner: Planner, contract: Contract) -> Piece:
    """A list or tree under its lock: an item put in, taken out, or looked at."""
    tree = contract.params[0].role is Role.RB_ROOT
    head = "root" if tree else "head"
    struct, layout = ("bpf_rb_root", TREE_ITEM) if tree else ("bpf_list_head", LIST_ITEM)
    planner.refuse_fields(struct, "bpf_spin_lock")
    items = (
        Item(TYPES, "struct item", layout),
        Item(
            MAPS,
            head,
            'struct bpf_spin_lock lock __hidden SEC(".data.items");\n'
            f'struct {struct} {head} __hidden SEC(".data.items")\n'
            '\t__attribute__((btf_decl_tag("contains:item:node")));',
        ),
    )
    lock = Piece("", (Line("bpf_spin_lock(&lock);"), Own("bpf_spin_unlock(&lock);", "unlock")), items)
    if contract.effects.special & {"list-push", "rbtree-add"}:
        made = _new_item(planner, layout)
        note = Piece("", (Remark("The item is the kernel's now, whatever the call returns."),))
        return made.then(lock).then(note).then(_insertion(planner, contract, head, made))
    if planner.filled:
        return _looked_up(planner, contract, head, lock)
    # Without a program that puts items in there is nothing to find, nor does BTF know their type.
    made = _new_item(planner, layout)
    insert = planner.by_special("rbtree-add" if tree else "list-push")
    put = made.then(lock).then(_insertion(planner, insert, head, made))
    return put.then(_looked_up(planner, contract, head, Piece("", names=made.names)))


def _new_item(planner: Planner, layout: str) -> Piece:
    made = made_object(planner, layout, planner.taken)
    return made.then(Piece(made.expr, (Line(f"{made.expr}->value = 1;"),), label=made.label))


def _insertion(planner: Planner, contract: Contract, head: str, made: Piece) -> Piece:
    """The object goes into the list or tree, under the lock that is held."""
    items: tuple[Item, ...] = ()
    rest = ["NULL", "0"]
    if any(param.role is Role.CALLBACK for param in contract.params):
        less = (
            "static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)\n{\n"
            "\treturn container_of(a, struct item, node)->value <\n"
            "\t       container_of(b, struct item, node)->value;\n}"
        )
        items = (Item(protocols.FUNCTIONS, "less", less),)
        rest = ["less", *rest]
    given = ", ".join([f"&{head}", f"&{made.expr}->node", *rest[: len(contract.params) - 2]])
    return Piece("", (Give(made.label), Line(f"{contract.name}({given});")), items, (contract.name,))


def _looked_up(planner: Planner, contract: Contract, head: str, lock: Piece) -> Piece:
    """A node looked at under the lock, or taken out under it and dropped after it."""
    kind = "struct bpf_rb_node *" if head == "root" else "struct bpf_list_node *"
    taken = lock.names | planner.taken
    node = fresh("node", taken)
    reach = f"container_of({node}, struct item, node)"
    steps: list[Step] = []
    calls: tuple[str, ...] = (contract.name,)
    if len(contract.params) > 1:
        lookup, first = planner.by_special("rbtree-first").name, fresh("first", taken)
        calls = (lookup, contract.name)
        steps += [Local(f"{kind}{node} = NULL"), Local(f"{kind}{first}"), Line(f"{first} = {lookup}(&{head});")]
        steps.append(Guard(first, (f"{node} = {contract.name}(&{head}, {first});",), leave=False))
    else:
        steps += [Local(f"{kind}{node}"), Line(f"{node} = {contract.name}(&{head});")]
    if not contract.effects.acquires:
        value = fresh("value", taken)
        steps += [
            Local(f"__u64 {value} = 0"),
            Guard(node, (f"{value} = {reach}->value;",), leave=False),
            End("unlock"),
            Use(f'bpf_printk("value %llu", {value});'),
        ]
        return lock.then(Piece("", tuple(steps), calls=calls))
    drop = planner.by_special("obj-drop")
    name = fresh("item", taken)
    steps += [
        Local(f"struct item *{name}"),
        End("unlock"),
        Guard(f"!{node}"),
        Line(f"{name} = {reach};"),
        Own(f"{drop.name}({name}{', NULL' * (len(drop.params) - 1)});", "drop_item"),
        Use(f'bpf_printk("value %llu", {name}->value);'),
    ]
    return lock.then(Piece("", tuple(steps), calls=(*calls, drop.name)))


# -- work queues -----------------------------------------------------------------------------------------------


def _workqueue(planner: Planner, contract: Contract) -> Piece:
    """Initialised, given its function, started: each call is of use with the others only."""
    from kfuncgen.generate.caller.values import argument

    group = [
        planner.contract(function)
        for function in sorted(planner.specs.functions.values(), key=lambda f: f.name)
        if function.prototype.params
        and function.prototype.params[0].role is Role.WORKQUEUE
        and planner.callable(function)
    ]

    def order(one: Contract) -> int:
        roles = {param.role for param in one.params}
        return 0 if Role.MAP in roles else 1 if Role.CALLBACK in roles else 2

    group.sort(key=order)
    whole = Piece("")
    field = ""
    for one in group:
        pieces: dict[int, Piece] = {}
        given = []
        for index in range(len(one.params)):
            if index == 0 and field:
                given.append(field)
                pieces[0] = Piece(field)
                continue
            pieces[index] = argument(planner, one, index, whole.names | planner.taken, frozenset(), 0, pieces)
            whole = whole.then(pieces[index])
            field = field or pieces[index].expr
            given.append(pieces[index].expr)
        name = fresh("err", planner.taken)
        call = f"{one.name}({', '.join(given)})"
        steps: tuple[Step, ...] = (Line(f"{name} = {call};"),)
        lines, macros = planner.told(one.name, one.function.errors, name)
        if one is group[0]:
            # -EBUSY: another run of the program initialised it, which is as good.
            steps = (Local(f"int {name}"), Line(f"{name} = {call};"))
            steps += (Guard(f"{name} && {name} != -EBUSY"),)
        elif one is group[-1]:
            steps += (Guard(f"{name} < 0", lines, leave=False),)
        else:
            steps += (Guard(name),)
        if one is group[0]:
            macros = ("EBUSY",)
        elif one is not group[-1]:
            macros = ()
        whole = whole.then(Piece("", steps, calls=(one.name,), names=frozenset((name,)), macros=macros))
    return whole
