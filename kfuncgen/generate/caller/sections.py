"""What a program of a section has: its signature, arguments with their worth, what it returns."""

from __future__ import annotations

import difflib
import re

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate.ctext import join_type
from kfuncgen.records import Struct
from kfuncgen.spec.iterargs import iterator_field
from kfuncgen.spec.model import Kernel, Prototype
from kfuncgen.spec.progargs import struct_ops_argument, tracepoint_argument
from kfuncgen.spec.programs import program_facts
from kfuncgen.spec.progtypes import SectionInfo, return_range, section_info, section_names


class Argument(Struct, frozen=True):
    """A kernel object that the program is given: C that reads it, its struct, its trust, whether it may be NULL,
    and whether it arrives as a reference that the program must end."""

    expr: str
    struct: str
    trust: str
    null: bool = False
    reference: bool = False


class Program(Struct, frozen=True):
    """One concrete section. `parameters`: C declarations after the function's name; `macro`: whether the signature
    is written with BPF_PROG(); `context`: the C type of ctx, "" with BPF_PROG()."""

    section: str
    info: SectionInfo
    result: str
    parameters: tuple[str, ...]
    macro: bool
    arguments: tuple[Argument, ...]
    value: str
    operations: str = ""
    member: str = ""

    @property
    def kernel_context(self) -> str:
        """The kernel's struct behind the context, "" when there is none."""
        contexts = program_facts().contexts
        behind = contexts.get(self.info.attach) or contexts.get(self.info.ctx_struct, "")
        return "" if self.macro else behind

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(re.findall(r"\w+", text)[-1] for text in self.parameters)

    @property
    def context(self) -> str:
        """The struct that `ctx` points to; "" when it is none, or there is no ctx."""
        return "" if self.macro or self.info.args != "ctx" else self.info.ctx_struct


def known_section(section: str) -> SectionInfo:
    """What a section says; UsageError with near names for what is none."""
    info = section_info(section)
    if info is not None and (info.attach != "struct_ops" or not section.startswith("?")):
        return info
    shown = re.sub(r"[^\x21-\x7e]", "?", section)[:80]
    known = section_names()
    near = difflib.get_close_matches(section.partition("/")[0], known, 3) or difflib.get_close_matches(
        section, known, 3
    )
    hint = f"did you mean {' or '.join(near)}?" if near else f"expected for example {', '.join(known[:6])}"
    raise UsageError(f"unknown section '{shown}', {hint}")


def programs(section: str, kernel: Kernel, family: str = "") -> tuple[Program, ...]:
    """The programs that `section` can mean: one for a full name, several to choose from for a bare kind.

    `family`: that of the kfunc to be called; some are for one struct of operations alone.
    """
    info = known_section(section)
    facts = program_facts()
    head, _, target = section.removeprefix("?").partition("/")
    if info.attach in ("tp_btf", "lsm", "lsm_cgroup", "fentry", "fexit", "fmod_ret"):
        kind = "lsm" if info.attach == "lsm_cgroup" else info.attach
        known = {
            name.partition("/")[2]: proto for name, proto in facts.targets.items() if name.startswith(f"{kind}/")
        }
        chosen = [target] if target else list(known)
        return tuple(_traced(f"{head}/{name}", known.get(name), kernel) for name in chosen)
    if info.attach == "iter":
        chosen = [target] if target else list(facts.iterators)
        return tuple(_iterator(f"{head}/{name}", name) for name in chosen)
    if info.attach == "struct_ops":
        return _operations(head, target, kernel, family)
    if not target and head in facts.plain_targets:
        return (_plain(f"{head}/{facts.plain_targets[head]}"),)
    return (_plain(section.removeprefix("?")),)


def _value(info: SectionInfo) -> str:
    """What to return so that nothing is changed; within the range that the verifier demands."""
    returns = program_facts().returns
    value = returns.get(info.attach) or returns.get(info.attach.partition("/")[0]) or "0"
    allowed = return_range(info)
    if allowed is not None and value.isdigit() and not allowed[0] <= int(value) <= allowed[1]:
        return str(allowed[0])
    return value


def _plain(section: str) -> Program:
    info = known_section(section)
    struct = f"struct {info.ctx_struct}" if info.ctx_struct else "void"
    return Program(section, info, "int", (join_type(f"{struct} *", "ctx"),), False, _members(info), _value(info))


def _members(info: SectionInfo) -> tuple[Argument, ...]:
    """Kernel objects within a context."""
    if info.program_type == "BPF_PROG_TYPE_NETFILTER":
        return (Argument("ctx->skb", "sk_buff", "trusted"),)
    return ()


def _arguments(prototype: Prototype | None, worth: list[str], trust: str) -> tuple[Argument, ...]:
    found = []
    for param, word in zip(prototype.params if prototype is not None else (), worth, strict=True):
        struct = param.ctype.struct_name
        if struct and word != "error":
            found.append(Argument(param.name, struct, trust, word == "null", word == "reference"))
    return tuple(found)


def _declared(prototype: Prototype | None) -> tuple[str, ...]:
    if prototype is None:
        return ()
    inside = prototype.text[prototype.text.index("(") + 1 : prototype.text.rindex(")")]
    return tuple(part.strip() for part in inside.split(",") if part.strip() not in ("", "void"))


def _traced(section: str, prototype: Prototype | None, kernel: Kernel) -> Program:
    info = known_section(section)
    count = len(prototype.params) if prototype is not None else 0
    worth: list[str] = [""] * count
    if info.attach == "tp_btf":
        worth = [tracepoint_argument(info.target, index, kernel) for index in range(count)]
    trust = "trusted" if info.args == "trusted" else "plain"
    return Program(
        section, info, "int", _declared(prototype), True, _arguments(prototype, worth, trust), _value(info)
    )


def _iterator(section: str, target: str) -> Program:
    info = known_section(section)
    members = program_facts().iterators.get(target, {})
    found = []
    for name, ctype in members.items():
        worth = iterator_field(target, 0, name)
        struct = ctype.removeprefix("struct ").rstrip("* ")
        trust = "trusted" if worth.startswith("trusted") else "plain"
        found.append(Argument(f"ctx->{name}", struct, trust, worth.endswith("null")))
    context = join_type(f"struct {info.ctx_struct} *" if info.ctx_struct else "void *", "ctx")
    return Program(section, info, "int", (context,), False, tuple(found), "0")


def _operations(head: str, target: str, kernel: Kernel, family: str) -> tuple[Program, ...]:
    """Programs that implement a member: of any struct for the bare kind, else of those that have the member."""
    found = []
    known = program_facts().operations
    own = [name for name, operations in known.items() if family in operations.families]
    # Which structs a kernel has is a matter of its configuration; the first has no option of its own to be set.
    wanted = own or ([next(iter(known))] if not target else list(known))
    for struct in wanted:
        operations = known[struct]
        for member, prototype in operations.members.items():
            if target and target not in (member, f"{struct}.{member}"):
                continue
            worth = [struct_ops_argument(struct, member, index, kernel) for index in range(len(prototype.params))]
            arguments = []
            for argument in _arguments(prototype, list(worth), "trusted"):
                arguments.append(argument)
                if argument.struct in operations.promotes:
                    other = operations.promotes[argument.struct]
                    cast = f"(struct {other} *){argument.expr}"
                    arguments.append(Argument(cast, other, argument.trust, argument.null))
            result = "void" if prototype.result.kind == "void" else prototype.text.partition(member)[0].strip()
            value = "" if result == "void" else "NULL" if result.endswith("*") else "0"
            section = f"{head}/{member}"
            info = known_section(section)
            found.append(
                Program(section, info, result, _declared(prototype), True, tuple(arguments), value, struct, member)
            )
    if not found:
        members = sorted({member for name in wanted for member in known[name].members})
        near = difflib.get_close_matches(target, members, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(members)}"
        raise UsageError(f"no struct of operations with the member '{target[:60]}' is known, {hint}")
    return tuple(found)
