"""Open-coded iterators: new, next until NULL, destroy."""

from __future__ import annotations

from benchmarks.grammar.maker import Maker, Value, production
from benchmarks.grammar.objects import a_task, inner
from benchmarks.grammar.tree import Block, If, Line, Loop, lines


def _walk(m: Maker, kind: str, arguments: str, short: str, trust: str) -> Block:
    """A loop over all that an iterator gives, or one step of it."""
    it = m.local(f"struct bpf_iter_{kind}", "it")
    new = f"bpf_iter_{kind}_new(&{it}{', ' if arguments else ''}{arguments})"
    following = f"bpf_iter_{kind}_next(&{it})"
    end = f"bpf_iter_{kind}_destroy(&{it});"
    name = m.variable(short)
    value = Value(short, name, trust)
    begin: Block = [Line(f"{new};")]
    if m.chance(0.2):
        begin = [If(f"{new} < 0", [*lines(end), *m.leave()], [])]
    with m.holding(end):
        if m.chance(0.2):
            with m.holding(value=value):
                once: Block = [Line(f"{name} = {following};"), If(name, inner(m, value), [])]
            return [*begin, *once, *lines(end)]
        with m.looping(), m.holding(value=value):
            body = inner(m, value)
        if m.chance(0.7):
            walk: Block = [Loop(f"while (({name} = {following}))", body)]
        else:
            walk = [Loop("for (;;)", [Line(f"{name} = {following};"), If(f"!{name}", lines("break;"), []), *body])]
    return [*begin, *walk, *lines(end)]


@production(4)
def numbers(m: Maker) -> Block:
    """Numbers."""
    return _walk(m, "num", f"0, {m.pick(('5', 'knob', '3'))}", "num", "rdonly")


@production(1)
def bits(m: Maker) -> Block:
    """Bits that are set."""
    word = m.local("u64", "word", "5")
    return _walk(m, "bits", f"&{word}, 1", "num", "rdonly")


@production(3, "tasks")
def tasks(m: Maker) -> Block:
    """Tasks: all, or those of one."""
    if not m.in_rcu:
        return []
    task = m.find("task", "owned", "trusted")
    if task is not None and m.chance(0.5):
        arguments = f"{task.name}, {m.pick(('BPF_TASK_ITER_PROC_THREADS', 'BPF_TASK_ITER_ALL_THREADS'))}"
    else:
        arguments = "NULL, BPF_TASK_ITER_ALL_PROCS"
    return _walk(m, "task", arguments, "task", "rcu")


@production(2, "tasks")
def areas(m: Maker) -> Block:
    """Memory areas of a task."""
    task = a_task(m)
    return _walk(m, "task_vma", f"{task.name}, 0", "vma", "trusted") if task is not None else []


@production(2, "generic")
def subsystems(m: Maker) -> Block:
    """Children of a cgroup."""
    cgrp = m.find("cgrp", "owned", "trusted")
    if cgrp is None or not m.in_rcu:
        return []
    return _walk(m, "css", f"&{cgrp.name}->self, BPF_CGROUP_ITER_DESCENDANTS_PRE", "css", "rcu")


@production(1)
def caches(m: Maker) -> Block:
    """Caches of the kernel's allocator."""
    return _walk(m, "kmem_cache", "", "cache", "trusted") if m.sleeps else []
