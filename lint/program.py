"""Which functions of a module are verified on their own, and in which state each begins (CONTRACT 2.2, 3.2)."""

from __future__ import annotations

from kfuncgen.lint import ir, licence
from kfuncgen.lint.callbacks import callback_argument
from kfuncgen.lint.callgraph import reachable_calls
from kfuncgen.lint.exceptions import callback_names
from kfuncgen.lint.globalargs import global_parameter
from kfuncgen.lint.records import records_of
from kfuncgen.lint.run import Program, Run
from kfuncgen.lint.state import WORDS, Reference, State
from kfuncgen.lint.values import Pointer, Ref, Value, from_outside, plain_name
from kfuncgen.spec.helperargs import helper_arguments
from kfuncgen.spec.model import SpecSet
from kfuncgen.spec.progargs import struct_ops_references
from kfuncgen.spec.progtypes import section_info

_ASYNC_PARAMETERS = ("map", "key", "value")
"""What callbacks of timers, workqueues and task work are given (set_timer_callback_state() in verifier.c)."""


def programs(module: ir.Module, specs: SpecSet) -> list[Program]:
    """The programs of a module that can reach a contract call, in order of name.

    SEC() functions first, then exception callbacks. Global functions and asynchronous callbacks are parts that
    `parts` makes of what explored code reaches.
    """
    found: list[Program] = []
    handlers: dict[tuple[str, str], Program] = {}
    special = records_of(module).in_globals()
    for name in sorted(module.functions):
        function = module.functions[name]
        if not is_program(function):
            continue
        info = section_info(function.section)
        names = set(reachable_calls(module, function))
        made = [
            Program(module.functions[callback], function.section, info, "exception", owners=(name,))
            for callback in callback_names(function)[:1]
            if callback in module.functions
        ]
        for callback in made:
            known_one = handlers.setdefault((callback.function.name, callback.section), callback)
            if name not in known_one.owners:
                known_one.owners += (name,)
        alone = any(n in module.functions and module.functions[n].noinline for n in names)
        handed = name in module.struct_ops or (info is not None and info.attach in ("iter", "tp_btf"))
        unlawful = not licence.may_exist(module, info)
        if alone or handed or special or unlawful or any(known(specs, n) for n in names):
            found.append(Program(function, function.section, info))
    return found + [handlers[key] for key in sorted(handlers)]


def parts(run: Run) -> list[tuple[object, Program]]:
    """What else is verified with a program, with a state of its own: the global functions that were called, and
    the callbacks that were handed to timers, workqueues or task work. The keys say which need one exploration."""
    caller, module = run.program, run.module
    found: list[tuple[object, Program]] = []
    for name in sorted(run.reached):
        body = module.functions[name]
        made = Program(body, caller.section, caller.info, "global", caller.may_sleep, caller.names)
        found.append((("global", name, *alike_for(caller)), made))
    for name, sleeps, map_name in sorted(run.later):
        body = module.functions[name]
        made = Program(body, caller.section, caller.info, "async", sleeps, caller.names, map_name)
        found.append((("async", name, sleeps, map_name, *alike_for(made)), made))
    return found


def alike_for(program: Program) -> tuple[object, ...]:
    """What of its caller's program a global function can tell: callers that agree in it need one exploration."""
    info = program.info
    where = (info.program_type, info.attach, info.sleepable, info.args) if info is not None else None
    return (program.kind == "async", program.may_sleep, where)


def is_program(function: ir.Function) -> bool:
    """Whether a function stands in a section of its own, as programs do."""
    return bool(function.section) and not function.section.startswith(".")


def known(specs: SpecSet, name: str) -> bool:
    """Whether the specs have a function, also under a CO-RE flavour of its name."""
    return name in specs.functions or plain_name(name) in specs.functions or _takes_pointers(name)


def _takes_pointers(name: str) -> bool:
    """Whether a helper without a spec has arguments that can be wrong."""
    return any(argument.is_pointer for argument in helper_arguments(name) or ())


def entry_state(run: Run) -> State:
    """The state in which a program begins: its arguments."""
    state = State()
    licence.check_program(run, state)
    function = run.program.function
    for index, param in enumerate(function.params):
        value: Value
        if run.program.kind == "main":
            value = _main_argument(run, state, index, param)
        elif run.program.kind == "async":
            kind = _ASYNC_PARAMETERS[index] if index < len(_ASYNC_PARAMETERS) else ""
            value = callback_argument(run, state, kind, param, run.program.map)
        else:
            value = _global_argument(run, state, index)
        state.regions[param.index] = ("uninit", {0: (param.ctype.size or 8, value)})
    _arriving_references(run, state)
    return state


def _arriving_references(run: Run, state: State) -> None:
    """Arguments of struct_ops programs that the kernel hands over with a reference (`__ref`, CONTRACT 2.2)."""
    function = run.program.function
    implements = run.module.struct_ops.get(function.name)
    if run.program.kind != "main" or implements is None:
        return
    words: dict[int, tuple[int, Value]] = {}
    for index in struct_ops_references(*implements, run.kernel):
        reference = run.fresh()
        made = Pointer("kernel", None, trust="trusted", reference=reference, origin="argument")
        value = run.new(state, made)
        assert isinstance(value, Ref)
        body = run.module.functions.get(f"____{function.name}", function)
        if index + 1 < len(body.params):
            run.names[value.id] = body.params[index + 1].name
        site = run.place(function.span, function.name)
        state.references[reference] = Reference(site, "", value.id)
        state.step("acquire", function.span, f"argument {index + 1} arrives with a reference", value.id)
        words[index * 8] = (8, value)
    state.regions[WORDS] = ("uninit", words)


def _main_argument(run: Run, state: State, index: int, param: ir.Variable) -> Value:
    info = run.program.info
    if index == 0 and (info is None or info.args != "unknown"):
        target = param.ctype.target if param.ctype.is_pointer else None
        return run.new(state, Pointer("ctx", target, trust="trusted", origin="ctx"), param.name)
    if param.ctype.is_pointer:
        return run.new(state, Pointer("opaque", trust="trusted"), param.name)
    return run.new(state, from_outside(param.ctype), param.name)


def _global_argument(run: Run, state: State, index: int) -> Value:
    """Arguments of a global function are what its prototype and tags say, whoever calls it."""
    param = run.program.function.params[index]
    want = global_parameter(run.program.function, index, run.program)
    if want.kind == "number":
        return run.new(state, from_outside(param.ctype), param.name)
    target = param.ctype.target
    made = Pointer("opaque", trust="trusted")
    if want.kind == "context":
        made = Pointer("ctx", target, trust="trusted", origin="ctx")
    elif want.kind == "dynptr":
        made = Pointer("dynptr", target, trust="trusted", origin="argument")
    elif want.kind == "trusted":
        made = Pointer("kernel", target, null=want.nullable, trust="trusted", origin="argument")
    elif want.kind == "untrusted":
        made = Pointer("kernel", target, trust="untrusted", origin="argument")
    elif want.kind == "memory" and not want.wrong:
        null = want.nullable
        made = Pointer("memory", target, null=null, trust="trusted", size=want.size or None, origin="argument")
    return run.new(state, made, param.name)
