"""`kfuncgen gen call` and `kfuncgen gen program`: plans as text that is ready to paste or to compile."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import resources
from kfuncgen.generate.caller.emit import body, declared_name
from kfuncgen.generate.caller.plan import Guard, Local, NoPlan, Piece, Step, code_of
from kfuncgen.generate.caller.planner import Planner
from kfuncgen.generate.caller.sections import Program, known_section, programs
from kfuncgen.generate.caller.target import plan
from kfuncgen.generate.ctext import comment, comment_lines, declaration, join_type, split_prototype
from kfuncgen.generate.errnos import ERRNO
from kfuncgen.generate.header import selected
from kfuncgen.records import Struct
from kfuncgen.spec.model import Contract, Function, Kernel, SpecSet
from kfuncgen.spec.progtypes import allowed_sections, allows
from kfuncgen.toolchain.headers import kernel_declares_constant


class Caller(Struct, frozen=True):
    """A plan for one program, and what the author brings along (snippets only)."""

    contract: Contract
    program: Program
    piece: Piece
    supplied: tuple[tuple[str, str], ...] = ()


def caller(name: str, specs: SpecSet, kernel: Kernel, section: str = "", snippet: bool = False) -> Caller:
    """The best caller of the kfunc `name` on `kernel` in a program of `section`; "" picks the first that will do.

    UsageError when kfunc or section are unknown, the kernel lacks the kfunc, or it cannot be called from there;
    the message then names the sections from which it can.
    """
    function = _kfunc(name, specs, kernel)
    if section:
        known_section(section)
        return _from(function, specs, kernel, section, snippet)
    for candidate in allowed_sections(function.at(kernel), kernel):
        try:
            return _planned(function, specs, kernel, candidate, snippet)
        except NoPlan:
            continue
    raise UsageError(f"no program is known from which {name}() can be called")


def _kfunc(name: str, specs: SpecSet, kernel: Kernel) -> Function:
    function = next(f for f in selected((name,), specs) if f.name == name)
    if "trap" in function.special:
        raise UsageError(f"'{name}' is not for calling: compilers put it where a program must not come to")
    if not function.exists_at(kernel):
        until = f" and is gone in {function.until}" if function.until is not None else ""
        raise UsageError(f"Linux {kernel} has no {name}(): it came with {function.since}{until}")
    return function


def _planned(function: Function, specs: SpecSet, kernel: Kernel, section: str, snippet: bool) -> Caller:
    """The cheapest plan among the programs that `section` can mean; NoPlan tells why there is none."""
    found: list[Caller] = []
    reason: NoPlan | None = None
    for program in programs(section, kernel, function.family):
        planner = Planner(specs, kernel, program, function, snippet)
        if not planner.callable(function):
            continue
        contract = planner.contract(function)
        try:
            piece = plan(planner, contract)
            if program.macro and not snippet:
                # Only the arguments up to the last one that is used are written: the others take no names.
                planner.taken = frozenset(("ctx", *program.names[: _used(program, piece)]))
                piece = plan(planner, contract)
        except NoPlan as error:
            reason = reason or error
            continue
        supplied = dict(planner.supplied)
        if program.macro and snippet:
            for text, name in zip(program.parameters, program.names, strict=True):
                if name not in planner.brought and _reads(piece, name):
                    supplied[text] = f'an argument of SEC("{program.section}")'
        found.append(Caller(contract, program, piece, tuple(supplied.items())))
    if not found:
        raise reason or NoPlan("")
    return min(found, key=lambda one: one.piece.cost)


def _from(function: Function, specs: SpecSet, kernel: Kernel, section: str, snippet: bool) -> Caller:
    try:
        return _planned(function, specs, kernel, section, snippet)
    except NoPlan as error:
        why = f" ({error})" if str(error) else _why(function, kernel, section)
    possible = [name for name in allowed_sections(function.at(kernel), kernel) if name != section]
    usable = []
    for name in possible:
        try:
            _planned(function, specs, kernel, name, snippet)
            usable.append(name)
        except NoPlan:
            continue
    others = ", ".join(usable) or "nowhere known"
    raise UsageError(f"{function.name}() cannot be called from {section}{why}; it can from {others}")


def _why(function: Function, kernel: Kernel, section: str) -> str:
    info = known_section(section)
    contract = function.at(kernel)
    if allows(contract, info, kernel) and contract.effects.sleepable and not info.sleepable:
        return " (it may sleep)"
    return ""


# -- text ------------------------------------------------------------------------------------------------------


def render_call(name: str, specs: SpecSet, kernels: Sequence[Kernel], section: str = "", command: str = "") -> str:
    """The snippet for the kfunc `name`: what belongs at file scope, then what belongs into a function.

    `kernels`: those that the program is for, oldest first; prototypes are the newest's, and kfuncs that one of
    them lacks are guarded. UsageError as of `caller`.
    """
    found = caller(name, specs, kernels[-1], section, snippet=True)
    command = command or _command("call", name, section, specs, kernels)
    note = "" if section else f' Written for SEC("{found.program.section}").'
    code = body(guarded(found, specs, kernels), _leave(found.program))
    lines = [resources.banner("c", _banner(found, specs, command, note)), ""]
    if any("bpf_core_" in line for line in code):
        lines += ["#include <bpf/bpf_core_read.h>", ""]
    lines += _file_scope(found, specs)
    lines.append("/* In the program: */")
    if found.supplied:
        lines.append(
            comment(["You supply:", *(f"{text}: {about}" if about else text for text, about in found.supplied)])
        )
    lines += code
    return "\n".join(lines) + "\n"


def render_program(
    name: str, specs: SpecSet, kernels: Sequence[Kernel], section: str = "", command: str = ""
) -> str:
    """The smallest complete program that calls the kfunc `name`; parameters and errors as of `render_call`."""
    found = caller(name, specs, kernels[-1], section)
    command = command or _command("program", name, section, specs, kernels)
    program = found.program
    code = body(guarded(found, specs, kernels), _leave(program))
    text = "\n".join((*code, *(item.text for item in found.piece.items)))
    lines = [
        "// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause",
        resources.banner("c", _banner(found, specs, command, "")),
        "#define BPF_NO_KFUNC_PROTOTYPES /* vmlinux.h may have some: those below are weak */",
        '#include "vmlinux.h"',
        "#include <bpf/bpf_helpers.h>",
        *(["#include <bpf/bpf_tracing.h>"] if program.macro else []),
        *(["#include <bpf/bpf_core_read.h>"] if "bpf_core_" in text else []),
        "",
        *_file_scope(found, specs),
        f'SEC("{program.section}")',
        *_signature(found),
        "{",
        *code,
        "}",
        "",
        *_operations(found),
        'char _license[] SEC("license") = "Dual BSD/GPL";',
    ]
    return "\n".join(lines) + "\n"


def _command(kind: str, name: str, section: str, specs: SpecSet, kernels: Sequence[Kernel]) -> str:
    words = ["kfuncgen", "gen", kind, name]
    if section:
        words += ["--section", section]
    if tuple(kernels) != (specs.newest,):
        words += ["--kernel", ",".join(str(kernel) for kernel in kernels)]
    return shlex.join(words)


def _banner(found: Caller, specs: SpecSet, command: str, note: str) -> tuple[str, ...]:
    families = sorted({specs.functions[name].family for name in (found.contract.name, *found.piece.calls)})
    function = found.contract.function
    about = [line for text in (function.summary, function.notes) for line in comment_lines(text)]
    return (*resources.banner_lines(tuple(families), command, f"Yours to change.{note}"), *about)


def _file_scope(found: Caller, specs: SpecSet) -> list[str]:
    """Constants, types, externs, maps and functions, each kind a block."""
    piece = found.piece
    macros = [line for name in dict.fromkeys(piece.macros) if (line := macro_definition(name, specs))]
    blocks = ["\n".join([*macros, *(i.text for i in piece.items if i.rank == 0)])]
    blocks += [item.text for item in piece.items if item.rank == 1]
    blocks.append("\n".join(extern(specs, name, found) for name in dict.fromkeys(piece.calls)))
    for rank in (2, 3):
        texts = [item.text for item in piece.items if item.rank == rank]
        blocks.append("\n".join(text for text in texts if "\n" not in text))
        blocks += [text for text in texts if "\n" in text]
    return [line for block in blocks if block.strip() for line in (block, "")]


def macro_definition(name: str, specs: SpecSet) -> str:
    """The definition of a constant that is a macro in the kernel, and so in no vmlinux.h."""
    if name in ERRNO:
        return f"#define {name} {ERRNO[name]}"
    if kernel_declares_constant(name):
        return ""
    for struct in specs.options.values():
        for field in struct.fields:
            if name in field.values:
                value = field.values[name]
                return f"#define {name} {value if value >= 0 else f'({value})'}"
    return ""


def extern(specs: SpecSet, name: str, found: Caller) -> str:
    """The declaration of a kfunc that the plan calls."""
    contract = specs.functions[name].at(found.contract.kernel)
    result, _, params = split_prototype(contract.prototype.text)
    if any(item.key == "__arena" for item in found.piece.items):
        result = result.replace("void *", "void __arena *")
        params = tuple(p.replace("void *", "void __arena *") if "__ign" in p else p for p in params)
    return declaration(f"extern {join_type(result, name)}", params, " __weak __ksym;")


def guarded(found: Caller, specs: SpecSet, kernels: Sequence[Kernel]) -> tuple[Step, ...]:
    """The steps, after a test for each kfunc that one of the kernels lacks."""
    missing = [
        name
        for name in dict.fromkeys(found.piece.calls)
        if not all(specs.functions[name].exists_at(kernel) for kernel in kernels)
    ]
    if not missing:
        return found.piece.steps
    tests = " || ".join(f"!bpf_ksym_exists({name})" for name in missing)
    declared = tuple(step for step in found.piece.steps if isinstance(step, Local))
    rest = tuple(step for step in found.piece.steps if not isinstance(step, Local))
    return (*declared, Guard(tests), *rest)


def _leave(program: Program) -> str:
    if program.result == "void":
        return ""
    return f"return {program.value};"


def _signature(found: Caller) -> list[str]:
    """The function's head. Of the arguments behind the last one that is used none is written."""
    program = found.program
    name = _function_name(found)
    if not program.macro:
        return [declaration(f"{program.result} {name}", program.parameters)]
    parameters = program.parameters[: _used(program, found.piece)]
    return [declaration(join_type(program.result, "BPF_PROG"), (name, *parameters))]


def _used(program: Program, piece: Piece) -> int:
    """How many of a program's arguments are written: those up to the last one that the plan reads."""
    return max((index + 1 for index, name in enumerate(program.names) if _reads(piece, name)), default=0)


def _reads(piece: Piece, name: str) -> bool:
    """Whether the plan has a use for `name`, and no variable of its own of that name."""
    if any(declared_name(step) == name for step in piece.steps if isinstance(step, Local)):
        return False
    return any(re.search(rf"\b{name}\b", code_of(step)) for step in piece.steps)


def _function_name(found: Caller) -> str:
    """A name for the program: the verifier shows 15 characters of it."""
    name = found.contract.name.removeprefix("bpf_").removesuffix("_impl")
    return f"call_{name}"


def _operations(found: Caller) -> list[str]:
    """The struct of operations that a struct_ops program belongs to."""
    program = found.program
    if not program.operations:
        return []
    from kfuncgen.spec.programs import program_facts

    operations = program_facts().operations[program.operations]
    missing = [name for name in operations.required if name != program.member]
    note = [comment([f"To be registered it needs {', '.join(missing)} too."])] if missing else []
    named = [f'\t.{operations.named} = "example",'] if operations.named else []
    return [
        *note,
        'SEC(".struct_ops")',
        f"struct {program.operations} operations = {{",
        f"\t.{program.member} = (void *){_function_name(found)},",
        *named,
        "};",
        "",
    ]
