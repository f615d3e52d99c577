"""One page for each kfunc: prototype, contract, parameters, options, errors, kernels, a safe call, rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import render_call
from kfuncgen.spec.model import Contract, ErrorCause, Function, OptionField, OptionsStruct, Param, Role
from kfuncgen.spec.progtypes import allowed_sections
from kfuncgen.spec.telling import FILTERS, argument_in_words, in_words, lifetime
from sitegen.history import events
from sitegen.model import Knowledge, family_page, kfunc_page, rule_page
from sitegen.relations import EVERY_KFUNC, of_arguments, specific
from sitegen.text import (
    Linker,
    Page,
    code,
    escape,
    facts,
    fence,
    link,
    prose,
    prototype,
    relative,
    sentence,
    styled,
    table,
)


def pages(known: Knowledge) -> Iterator[Page]:
    """The pages of all kfuncs, by name."""
    for function in known.kfuncs:
        yield Page(kfunc_page(function.name), function.name, "\n".join(_page(function, known)))


def _page(function: Function, known: Knowledge) -> Iterator[str]:
    contract, linker = known.shown(function), known.linker(kfunc_page(function.name))
    yield from ("---", f"title: {function.name}", f"description: {_yaml(function.summary)}")
    if any(other.name.startswith(function.name) for other in known.kfuncs if other is not function):
        yield from ("search:", "  boost: 2")  # whoever types the whole name means this one
    yield from ("---", "")
    yield from (f"# {escape(function.name)}", "", prose(function.summary, linker), "")
    yield from fence(prototype(contract.prototype.text))
    yield from _facts(contract, known)
    words = contract_list(contract, linker)
    yield from ("## Contract", "", *words) if words else ()
    yield from _parameters(contract, linker)
    for index, struct in function.options:
        yield from options_struct(struct, contract, contract.params[index].name, linker)
    if function.errors:
        yield from ("## Errors", "", *errors(function.errors, linker))
    if function.notes:
        yield from ("## Good to know", "", prose(" ".join(function.notes.split()), linker), "")
    yield from _call(contract, known)
    yield from _kernels(function)
    yield from _rules(contract, known, kfunc_page(function.name))


def _yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _facts(contract: Contract, known: Knowledge) -> list[str]:
    function = contract.function
    here = kfunc_page(function.name)
    linker = known.linker(here)
    family = link(function.family, relative(family_page(function.family), here))
    rows = [
        ("Kernels", f"{lifetime(function)}{_as_of(contract, known)}"),
        ("Sections", _sections(contract)),
        ("Program types", " ".join(code(name) for name in contract.hooks)),
        ("Flags", " ".join(code(name) for name in contract.flags)),
        ("Released by", " or ".join(link(code(f"{name}()"), linker(name)) for name in contract.release)),
        (
            "Before it",
            link(code(f"{function.formerly}()"), linker(function.formerly)) if function.formerly else "",
        ),
        ("Needs", ", ".join(code(name) for name in function.config)),
        ("Module", code(function.module) if function.module else ""),
        ("Family", family),
    ]
    return facts((name, text) for name, text in rows if text)


def _sections(contract: Contract) -> str:
    """From which programs it may be called, in Markdown."""
    function = contract.function
    if "trap" in contract.effects.special:
        return "none: it is not for calling"
    if "COMMON" in contract.hooks and not function.filter:
        return "of every sleepable program" if contract.effects.sleepable else "of every program"
    sections = ", ".join(code(name) for name in allowed_sections(contract, contract.kernel)) or "none"
    return f"{sections}; {FILTERS[function.filter]}" if function.filter else sections


def _as_of(contract: Contract, known: Knowledge) -> str:
    newest = known.specs.newest
    return "" if contract.kernel == newest else f"; shown as of {contract.kernel}"


def contract_list(contract: Contract, linker: Linker) -> list[str]:
    """The contract in words."""
    sentences = [f"- {sentence(text, linker)}" for text in in_words(contract)]
    return [*sentences, ""] if sentences else []


def _parameters(contract: Contract, linker: Linker) -> Iterator[str]:
    rows = []
    for param in contract.params:
        meaning = [prose(param.summary, linker), *_takes(param, contract)]
        rows.append((code(param.name), code(str(param.ctype)), "; ".join(text for text in meaning if text)))
    if rows:
        yield from ("## Parameters", "", *styled("types", table(("Name", "Type", "Meaning"), rows)))


SELF_EVIDENT = (
    *(Role.SCALAR, Role.DYNPTR, Role.ITERATOR, Role.CALLBACK, Role.ALLOC, Role.REFCOUNTED, Role.PROG_AUX),
    *(Role.LIST_HEAD, Role.LIST_NODE, Role.RB_ROOT, Role.RB_NODE),
    *(Role.MAP, Role.WORKQUEUE, Role.TIMER, Role.TASK_WORK, Role.IRQ_FLAG, Role.RES_SPIN_LOCK),
)
"""Kinds of parameters of which a summary says all."""


def _takes(param: Param, contract: Contract) -> list[str]:
    """What an argument must be, as far as the parameter's summary leaves it open."""
    if param.summary and param.role in SELF_EVIDENT:
        return [] if "NULL" in param.summary or not param.nullable else ["may be NULL"]
    said = argument_in_words(param, contract).split(", ")
    return [", ".join(part for part in said if not any(word in param.summary and word in part for word in SAID))]


SAID = ("constant", "NULL")
"""Words that need not be said twice."""


def options_struct(struct: OptionsStruct, contract: Contract, name: str, linker: Linker) -> Iterator[str]:
    """The fields of an options struct, its sizes and errors."""
    yield from (f"## struct {escape(struct.name)}", "")
    sizes = " or ".join(f"{size}" for size in struct.sizes_at(contract.kernel)) or str(struct.size)
    constant = f" ({code(struct.size_constant)})" if struct.size_constant else ""
    yield from (
        f"{prose(struct.summary, linker)} It is what {code(name)} points to; the size to pass is "
        f"{sizes}{constant}.",
        "",
    )
    rows = [
        (code(field.name), code(field.ctype), _how(field), prose(field.summary, linker)) for field in struct.fields
    ]
    yield from styled("types", table(("Field", "Type", "Value", "Meaning"), rows))
    if struct.errors:
        where = code(f"{struct.name}.{struct.error_field}") if struct.error_field else "The call"
        yield from (f"{where} tells why a call failed:", "", *errors(struct.errors, linker))


def _how(field: OptionField) -> str:
    words = {"in": [], "out": ["set by the kernel"], "inout": ["read and set by the kernel"]}[field.direction]
    words += ["**required**"] if field.required else []
    words += ["reserved: zero"] if field.reserved else []
    if field.minimum is not None or field.maximum is not None:
        words.append(f"{field.minimum}..{field.maximum}")
    words += [" ".join(code(name) for name in field.values)] if field.values else []
    words += [f"read from size {field.since_size} on"] if field.since_size else []
    return ", ".join(words)


def errors(causes: Sequence[ErrorCause], linker: Linker) -> list[str]:
    """Errors and what causes them, each error once."""
    grouped: dict[str, list[str]] = {}
    for cause in causes:
        grouped.setdefault(cause.error, []).append(prose(cause.cause, linker))
    return table(("Error", "Cause"), [(code(f"-{name}"), "; ".join(texts)) for name, texts in grouped.items()])


def _call(contract: Contract, known: Knowledge) -> Iterator[str]:
    name = contract.name
    # Code would drown the words that people search for.
    yield from ("## A safe call { data-search-exclude }", "")
    try:
        text = render_call(name, known.specs, [contract.kernel])
    except UsageError as error:
        yield from (f"`kfuncgen gen call {name}` writes none: {escape(error.message.replace(chr(10), ' '))}.", "")
        return
    head, _, body = text.partition("*/\n\n")
    section = head.partition('Written for SEC("')[2].partition('")')[0]
    where = f" in a program of {code(section)}" if section else ""
    yield from (f"As `kfuncgen gen call {name}` writes it{where}:", "")
    yield from fence(body or text)


def _kernels(function: Function) -> Iterator[str]:
    """What happened with which kernel."""
    merged: dict[str, list[str]] = {}
    for event in events(function):
        merged.setdefault(str(event.kernel), []).append(event.markdown)
    yield from (
        "## Kernels",
        "",
        *table(("Linux", "What happened"), [(k, "; ".join(t)) for k, t in merged.items()]),
    )


def _rules(contract: Contract, known: Knowledge, page: str) -> Iterator[str]:
    def linked(names: Sequence[str]) -> str:
        return ", ".join(f"[`{name}`]({relative(rule_page(name), page)})" for name in names)

    own = [name for name in specific(contract) if name not in EVERY_KFUNC]
    arguments = [name for name in of_arguments(contract) if name not in EVERY_KFUNC]
    yield "## What the linter checks { data-search-exclude }\n"
    yield from (f"- {linked([name])}: {known.rules[name].summary}" for name in own)
    yield ""
    if arguments:
        yield f"{'Also of' if own else 'Of'} its arguments: {linked(arguments)}.\n"
    yield f"And of every kfunc: {linked(EVERY_KFUNC)}.\n"
