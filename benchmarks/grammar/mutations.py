"""What breaks contracts: changes of a program's tree. Which ones do harm, the kernel decides."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from benchmarks.grammar.kinds import KINDS
from benchmarks.grammar.tree import Block, Function, If, Line, Node, Tree, blocks, well_formed

Place = tuple[Function, Block, int]
_LEAVING = re.compile(r"(?:return\b.*|break|continue|goto \w+);$")
_ENDS = re.compile(
    r"(?:release|put|drop|destroy|unlock|enable|restore|submit|discard)\w*\(|^return|^goto|^break|^continue|kptr_xchg"
)
_VARIABLE = re.compile(r"\b(?:task|cgrp|mask|key|crypto|xfrm|conn|init|sk|event|plain|item|leaf|shared|lnode|rnode"
                       r"|counter|slot|mslot|guard|it|dyn|flags|err|got|c|when)\d+\b")  # fmt: skip


def places(tree: Tree) -> list[Place]:
    """Every statement of a program: its function, its block and its position."""
    return [
        (function, block, position)
        for function in tree.functions
        for block in blocks(function.body)
        for position in range(len(block))
    ]


def _is_label(node: Node) -> bool:
    return isinstance(node, Line) and node.text.endswith(":;")


def _is_last(place: Place) -> bool:
    """Whether it is the return at a function's end: without it nothing is defined."""
    function, block, position = place
    return block is function.body and position == len(block) - 1


def _movable(tree: Tree) -> list[Place]:
    return [p for p in places(tree) if not _is_label(p[1][p[2]]) and not _is_last(p)]


def drop(tree: Tree, r: random.Random) -> bool:
    """A statement is missing."""
    found = _movable(tree)
    if not found:
        return False
    _, block, position = r.choice(found)
    del block[position]
    return True


def drop_end(tree: Tree, r: random.Random) -> bool:
    """What gives something back, or leaves, is missing."""
    found = [p for p in _movable(tree) if isinstance(n := p[1][p[2]], Line) and _ENDS.search(n.text)]
    if not found:
        return False
    _, block, position = r.choice(found)
    del block[position]
    return True


def twice(tree: Tree, r: random.Random) -> bool:
    """A statement comes twice."""
    found = [p for p in _movable(tree) if isinstance(p[1][p[2]], Line)]
    if not found:
        return False
    _, block, position = r.choice(found)
    block.insert(position, block[position])
    return True


def unwrap(tree: Tree, r: random.Random) -> bool:
    """A test is missing: what it guards happens always."""
    found = [p for p in places(tree) if isinstance(p[1][p[2]], If)]
    if not found:
        return False
    _, block, position = r.choice(found)
    node = block[position]
    assert isinstance(node, If)
    block[position : position + 1] = node.then
    return True


def negate(tree: Tree, r: random.Random) -> bool:
    """A test is the wrong way round."""
    found = [n for p in places(tree) if isinstance(n := p[1][p[2]], If)]
    if not found:
        return False
    node = r.choice(found)
    node.condition = f"!({node.condition})"
    return True


def weaken(tree: Tree, r: random.Random) -> bool:
    """A test is another one."""
    found = [n for p in places(tree) if isinstance(n := p[1][p[2]], If)]
    if not found:
        return False
    node = r.choice(found)
    old = node.condition
    swapped = old.replace("&&", "||") if "&&" in old else old.replace("||", "&&")
    node.condition = swapped if swapped != old else r.choice(("knob", f"({old}) || knob", f"({old}) && knob"))
    return True


def guard(tree: Tree, r: random.Random) -> bool:
    """A statement happens only sometimes."""
    found = _movable(tree)
    if not found:
        return False
    _, block, position = r.choice(found)
    block[position] = If("knob", [block[position]], [])
    return True


def swap(tree: Tree, r: random.Random) -> bool:
    """Two neighbours change places."""
    found = [p for p in _movable(tree) if p[2] + 1 < len(p[1]) and not _is_last((p[0], p[1], p[2] + 1))]
    if not found:
        return False
    _, block, position = r.choice(found)
    block[position], block[position + 1] = block[position + 1], block[position]
    return True


def move(tree: Tree, r: random.Random) -> bool:
    """A statement stands elsewhere in its function."""
    found = [p for p in _movable(tree) if isinstance(p[1][p[2]], Line)]
    if not found:
        return False
    function, block, position = r.choice(found)
    node = block.pop(position)
    target = r.choice(list(blocks(function.body)))
    target.insert(r.randrange(max(1, len(target))), node)
    return True


def leave(tree: Tree, r: random.Random) -> bool:
    """The function is left in the middle."""
    function, block, position = r.choice(places(tree))
    if "void " in function.head.split("(")[0] or "*" in function.head.split("(")[0]:
        return False
    block.insert(position, If("knob", [Line("return 0;")], []))
    return True


def rename(tree: Tree, r: random.Random) -> bool:
    """Another variable of the same type."""
    function = r.choice(tree.functions)
    declared = {name for text in function.variables for name in _VARIABLE.findall(text.split("=")[0])}
    found: list[tuple[Node, str]] = []
    for block in blocks(function.body):
        for node in block:
            text = node.text if isinstance(node, Line) else node.condition if isinstance(node, If) else ""
            found += [(node, name) for name in _VARIABLE.findall(text) if name in declared]
    if not found:
        return False
    node, name = r.choice(found)
    word = name.rstrip("0123456789")
    others = sorted(n for n in declared if n.rstrip("0123456789") == word and n != name)
    if not others:
        return False
    other = r.choice(others)
    if isinstance(node, Line):
        node.text = re.sub(rf"\b{name}\b", other, node.text, count=1)
    elif isinstance(node, If):
        node.condition = re.sub(rf"\b{name}\b", other, node.condition, count=1)
    return True


_EXTRA = (
    "bpf_rcu_read_lock();", "bpf_rcu_read_unlock();", "bpf_preempt_disable();", "bpf_preempt_enable();",
    "bpf_spin_lock(&lock_a);", "bpf_spin_unlock(&lock_a);", "bpf_spin_lock(&lock_b);", "bpf_spin_unlock(&lock_b);",
    "bpf_copy_from_user_str(bytes, 16, NULL, 0);", "bpf_throw(0);", "bpf_task_from_pid(1);",
    "bpf_list_pop_front(&items_a);", "sink = bpf_ktime_get_ns();", "bpf_rbtree_first(&leaves_b);",
)  # fmt: skip
_BY_TYPE = {
    "task": ("bpf_task_release(<>);", "sink = <>->pid;", "<> = bpf_task_acquire(<>);", "<>->pid = 1;",
             "<> = NULL;", "<> = <>->group_leader;", "bpf_cgroup_release((void *)<>);",
             "sink = bpf_task_pt_regs(<>)->ip;"),
    "cgrp": ("bpf_cgroup_release(<>);", "sink = <>->level;", "<> = bpf_cgroup_acquire(<>);", "<> = NULL;"),
    "mask": ("bpf_cpumask_release(<>);", "bpf_cpumask_set_cpu(0, <>);", "<> = NULL;"),
    "key": ("bpf_key_put(<>);",),
    "crypto": ("bpf_crypto_ctx_release(<>);",),
    "xfrm": ("bpf_xdp_xfrm_state_release(<>);", "sink = <>->id.spi;"),
    "conn": ("bpf_ct_release(<>);", "sink = <>->status;", "<>->status = 3;"),
    "init": ("bpf_ct_release((void *)<>);", "bpf_ct_insert_entry(<>);", "bpf_ct_set_timeout(<>, 3);"),
    "sk": ("bpf_sk_release(<>);", "sink = <>->family;"),
    "event": ("bpf_ringbuf_submit(<>, 0);", "bpf_ringbuf_discard(<>, 0);", "<>->kind = 1;", "sink = <>[1].kind;"),
    "plain": ("bpf_obj_drop(<>);", "<>->key = 1;", "<> = NULL;", "sink = <>[1].key;"),
    "item": ("bpf_obj_drop(<>);", "<>->key = 1;", "bpf_list_push_front(&items_a, &<>->node);"),
    "leaf": ("bpf_obj_drop(<>);", "<>->key = 1;", "bpf_rbtree_add(&leaves_b, &<>->node, leaf_less);"),
    "shared": ("bpf_obj_drop(<>);", "<> = bpf_refcount_acquire(<>);", "<>->key = 1;",
               "bpf_list_push_front(&shared_a, &<>->node);"),
    "lnode": ("bpf_obj_drop(<>);", "sink = (long)<> == 1;"),
    "rnode": ("bpf_rbtree_remove(&leaves_b, <>);", "bpf_obj_drop(container_of(<>, struct leaf, node));"),
    "counter": ("<>->hits++;", "bpf_obj_drop(<>);", "sink = <>[1].hits;"),
    "slot": ("<>->n++;", "sink = <>->task->pid;", "<>->task = NULL;", "bpf_kptr_xchg(&<>->task, NULL);"),
    "guard": ("bpf_spin_lock(&<>->lock);", "bpf_spin_unlock(&<>->lock);", "<>->n++;"),
    "resguard": ("bpf_res_spin_lock(&<>->lock);", "bpf_res_spin_unlock(&<>->lock);"),
    "dyn": ("bpf_dynptr_from_mem(bytes, 8, 0, &<>);", "sink = bpf_dynptr_size(&<>);",
            "bpf_ringbuf_submit_dynptr(&<>, 0);", "bpf_dynptr_clone(&<>, &<>);"),
    "flags": ("bpf_local_irq_save(&<>);", "bpf_local_irq_restore(&<>);"),
    "eth": ("sink = <>->h_proto;", "<>->h_proto = 1;"),
    "mem": ("sink = *<>;", "*<> = 1;"),
    "num": ("sink = *<>;", "*<> = 1;"),
    "vma": ("sink = <>->vm_start;",),
    "css": ("sink = <>->id;",),
}  # fmt: skip


_ANY = (
    "vault = (void *)<>;", "<> = vault;", "<> = (void *)(long)(u64)<>;", "<> = (void *)<> + 8;",
    "sink = *(char *)<>;", "sink = (long)<>;", "bpf_probe_read_kernel(bytes, 8, <>);",
    "<> = (void *)((long)<> | 1);",
    "bpf_ringbuf_output(&ring, <>, 8, 0);", "*(char *)<> = 1;", "sink = ((u64 *)<>)[1];", "<> = <> ?: NULL;",
    "bpf_map_update_elem(&tallies, &(u32){1}, <>, 0);", "<> = NULL;",
)  # fmt: skip
_PLACE = ("__builtin_memset(&<>, 0, sizeof(<>));", "sink = *(char *)&<>;", "*(int *)&<> = 1;", "sink = (long)&<>;")
"""What may be done to any pointer, and to what is only handed on by its address."""


def insert(tree: Tree, r: random.Random) -> bool:
    """One more statement, mostly about a variable of the function."""
    function, block, position = r.choice(places(tree))
    names = [m[0] for text in function.variables for m in [re.search(r"\b[a-z]+\d+\b", text.split("=")[0])] if m]
    names = [name for name in names if name.rstrip("0123456789") in _BY_TYPE]
    iterators = [text.split()[1] for text in function.variables if text.startswith("struct bpf_iter_")]
    text = r.choice(_EXTRA)
    if names and r.random() < 0.75:
        name = r.choice(names)
        own = _BY_TYPE[name.rstrip("0123456789")]
        common = _ANY if name.rstrip("0123456789") not in ("dyn", "flags", "it") else _PLACE
        text = r.choice(own if r.random() < 0.7 else common).replace("<>", name)
    elif iterators and r.random() < 0.5:
        kind, name = r.choice([(t.split()[1].removeprefix("bpf_iter_"), t.split()[2].rstrip(";")) for t in
                               function.variables if t.startswith("struct bpf_iter_")])  # fmt: skip
        text = f"bpf_iter_{kind}_{r.choice(('next', 'destroy'))}(&{name});"
    block.insert(position, Line(text))
    return True


_SPELLINGS = (
    "(long)<> > 0", "(u64)<> > 4095", "(u32)(u64)<>", "(long)<> != -22", "<> == ANOTHER", "<> && <> != ANOTHER",
    "(u64)<>", "!!(long)<>", "(void *)<> != (void *)ctx_or_null", "(long)<> == 0 ? 0 : 1", "(long)<> & 1",
)  # fmt: skip
"""Conditions about a pointer: some of them are a test for NULL, to the verifier, and some are not."""


def respell(tree: Tree, r: random.Random) -> bool:
    """A test of a pointer is written otherwise, or tests something else about it."""
    found = []
    for function, block, position in places(tree):
        node = block[position]
        names = [m[0] for m in _VARIABLE.finditer(node.condition)] if isinstance(node, If) else []
        if len(names) == 1 and names[0].rstrip("0123456789") in _BY_TYPE.keys() - {"dyn", "flags"}:
            found.append((function, node, names[0]))
    if not found:
        return False
    function, node, name = r.choice(found)
    assert isinstance(node, If)
    word = name.rstrip("0123456789")
    others = sorted(n for text in function.variables for n in _VARIABLE.findall(text.split("=")[0])
                    if n.rstrip("0123456789") == word and n != name)  # fmt: skip
    spelling = r.choice(_SPELLINGS).replace("ANOTHER", r.choice(others) if others else "NULL")
    spelling = spelling.replace("ctx_or_null", "NULL").replace("<>", name)
    negative = node.condition.startswith("!") or "== NULL" in node.condition
    node.condition = f"!({spelling})" if negative else spelling
    return True


def section(tree: Tree, r: random.Random) -> bool:
    """The program is of another kind, whose context is of the same type."""
    main = tree.main
    context = main.head.split("(", 1)[1]
    if main.head.startswith("int BPF_PROG"):
        return False
    others = sorted(
        {k.section for k in KINDS if k.head.split("(", 1)[1] == context and k.section != main.section}
        | ({"syscall", "raw_tp/sched_switch", "perf_event"} - {main.section} if "void *ctx" in context else set())
    )
    if not others:
        return False
    main.section = r.choice(others)
    return True


_TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\bNULL\b", ("ctx", "(void *)1")),
    (r"&at\d+", ("NULL",)),
    (r"sizeof\((room\d+)\)", (r"sizeof(\1) + 512",)),
    (r"sizeof\((opts\d+)\)", (r"sizeof(\1) - 4", r"sizeof(\1) + 512")),
    (r"&(dyn\d+)", ("NULL", "(void *)bytes")),
    (r"sizeof\(bytes\)", ("sizeof(bytes) + 4096",)),
    (r"sizeof\(text\d+\)", ("600",)),
    (r"&lock_a", ("&lock_b",)),
    (r"&lock_b", ("&lock_a",)),
    (r"&items_a", ("&shared_a",)),
    (r"&leaves_b", ("&shared_b",)),
    (r"bpf_dynptr_slice_rdwr", ("bpf_dynptr_slice",)),
    (r"_from_pid\((.*?)\)", ("_from_pid((long)&knob)",)),
    (r"bpf_task_from_pid\(.*?\)", ("bpf_get_current_task_btf()",)),
    (r"bpf_obj_drop\((\w+)\)", (r"bpf_percpu_obj_drop(\1)", r"bpf_task_release((void *)\1)")),
    (
        r"bpf_task_release\((\w+)\)",
        (r"bpf_obj_drop(\1)", r"bpf_cgroup_release((void *)\1)", "bpf_task_release(NULL)"),
    ),
    (r"->node\b", ("->key",)),
    (r"bpf_this_cpu_ptr\((\w+)\)", (r"((struct counter *)\1)",)),
    (r"struct event\)", ("struct event) / 2",)),
    (r"&(it\d+)", ("NULL",)),
    (r"\bbpf_spin_unlock\b", ("bpf_spin_lock",)),
    (r"_destroy\b", ("_next",)),
    (r"_submit_dynptr", ("_submit",)),
    (r"(\w+)->key = knob", (r"*(long *)\1 = 1",)),
)
"""Texts and what may stand instead: another argument, another size, another function."""


def replaced(tree: Tree, r: random.Random) -> bool:
    """An argument, a size, or the function called is another one."""
    found: list[tuple[Line, str, tuple[str, ...]]] = []
    for _, block, position in places(tree):
        node = block[position]
        if isinstance(node, Line) and not node.text.endswith("= NULL;"):
            found += [(node, pattern, texts) for pattern, texts in _TEXTS if re.search(pattern, node.text)]
    if not found:
        return False
    line, pattern, texts = r.choice(found)
    line.text = re.sub(pattern, r.choice(texts), line.text, count=1)
    return True


Mutation = Callable[[Tree, random.Random], bool]
MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (drop, 3), (drop_end, 6), (twice, 3), (unwrap, 5), (negate, 3), (weaken, 3), (guard, 3), (swap, 3), (move, 3),
    (leave, 4), (rename, 4), (insert, 6), (section, 2), (replaced, 4), (respell, 4),
)  # fmt: skip


def mutate(tree: Tree, r: random.Random) -> tuple[Tree, str]:
    """A changed copy of a program and what was done to it; the program itself when nothing fits."""
    for _ in range(20):
        changed = tree.copy()
        chosen = r.choices([m for m, _ in MUTATIONS], [weight for _, weight in MUTATIONS])[0]
        if chosen(changed, r) and well_formed(changed):
            return changed, chosen.__name__
    return tree, ""
