"""Which functions of a module are verified on their own, and in which state each begins (CONTRACT 2.2, 3.2)."""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.explore import reachable_calls
from kfuncgen.lint.run import Program, Run
from kfuncgen.lint.state import State
from kfuncgen.lint.values import ANY, Pointer, Value, plain_name, scalar_of
from kfuncgen.spec.model import SpecSet
from kfuncgen.spec.progtypes import section_info

_CONTEXTS = frozenset(
    ("__sk_buff", "xdp_md", "bpf_sock", "bpf_sock_addr", "bpf_sock_ops", "sk_msg_md", "bpf_sk_lookup",
     "sk_reuseport_md", "bpf_sysctl", "bpf_sockopt", "bpf_cgroup_dev_ctx", "pt_regs", "bpf_perf_event_data",
     "user_pt_regs", "bpf_raw_tracepoint_args", "bpf_nf_ctx")
)  # fmt: skip


def programs(module: ir.Module, specs: SpecSet) -> list[Program]:
    """The programs of a module that can reach a contract call, in order of name.

    SEC() functions first; then global functions that some program calls, and asynchronous callbacks, which
    the verifier checks with a state of their own.
    """
    found: list[Program] = []
    called: dict[str, Program] = {}
    callbacks: dict[str, Program] = {}
    for name in sorted(module.functions):
        function = module.functions[name]
        if not function.section or function.section.startswith("."):
            continue
        info = section_info(function.section)
        names = set(reachable_calls(module, function))
        asynchronous = any(_has(specs, n, "async-callback") for n in names)
        for callee in sorted(names):
            body = module.functions.get(callee)
            if body is None or body.section:
                continue
            if body.noinline:
                called.setdefault(callee, Program(body, function.section, info, "global", name))
            elif body.static and asynchronous and _is_async_callback(module, body, names):
                callbacks.setdefault(callee, Program(body, function.section, info, "async", name))
        if any(known(specs, n) for n in names) or (info is not None and info.attach == "iter"):
            found.append(Program(function, function.section, info))
    for group in (called, callbacks):
        for name in sorted(group):
            if any(known(specs, n) for n in reachable_calls(module, group[name].function)):
                found.append(group[name])
    return found


def known(specs: SpecSet, name: str) -> bool:
    """Whether the specs have a function, also under a CO-RE flavour of its name."""
    return name in specs.functions or plain_name(name) in specs.functions


def _has(specs: SpecSet, name: str, effect: str) -> bool:
    function = specs.get(name)
    return function is not None and effect in function.special


def _is_async_callback(module: ir.Module, body: ir.Function, names: set[str]) -> bool:
    """Timer and workqueue callbacks: (map, key, value) and an int back, only ever referred to."""
    if len(body.params) != 3 or not all(p.ctype.is_pointer for p in body.params):
        return False
    return not any(
        isinstance(i, ir.Call) and i.callee == body.name
        for n in sorted(names)
        if (f := module.functions.get(n)) is not None
        for b in f.blocks
        for i in b.instructions
    )


def entry_state(run: Run) -> State:
    """The state in which a program begins: its arguments."""
    state = State()
    function = run.program.function
    for index, param in enumerate(function.params):
        value: Value
        if run.program.kind == "main":
            value = _main_argument(run, state, index, param)
        elif run.program.kind == "async":
            value = run.new(state, Pointer("opaque", trust="trusted"), param.name)
        else:
            tags = function.tags[index] if index < len(function.tags) else ()
            value = _global_argument(run, state, param, tags)
        state.regions[param.index] = ("uninit", {0: (param.ctype.size or 8, value)})
    return state


def _main_argument(run: Run, state: State, index: int, param: ir.Variable) -> Value:
    info = run.program.info
    if index == 0 and (info is None or info.args != "unknown"):
        target = param.ctype.target if param.ctype.is_pointer else None
        return run.new(state, Pointer("ctx", target, trust="trusted", origin="ctx"), param.name)
    if param.ctype.is_pointer:
        return run.new(state, Pointer("opaque", trust="trusted"), param.name)
    return run.new(state, scalar_of(param.ctype) if param.ctype.is_integer else ANY, param.name)


def _global_argument(run: Run, state: State, param: ir.Variable, tags: tuple[str, ...]) -> Value:
    """Arguments of a global function are what its prototype and tags say, whoever calls it."""
    if not param.ctype.is_pointer:
        return run.new(state, scalar_of(param.ctype) if param.ctype.is_integer else ANY, param.name)
    target = param.ctype.target
    name = target.name if target is not None else ""
    if name in _CONTEXTS or "arg:ctx" in tags:
        return run.new(state, Pointer("ctx", target, trust="trusted", origin="ctx"), param.name)
    null = "arg:nullable" in tags
    if "arg:trusted" in tags:
        made = Pointer("kernel", target, null=null, trust="trusted", origin="argument")
        return run.new(state, made, param.name)
    if "arg:untrusted" in tags:
        return run.new(state, Pointer("kernel", target, trust="untrusted", origin="argument"), param.name)
    if name == "bpf_dynptr" or "arg:arena" in tags:
        return run.new(state, Pointer("opaque", trust="trusted"), param.name)
    size = target.size or None if target is not None else None
    null = "arg:nonnull" not in tags
    made = Pointer("memory", target, null=null, trust="trusted", size=size, origin="argument")
    return run.new(state, made, param.name)
