"""What templates see of kfuncs: plain records computed from the specs for one kernel, all text ready to print."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate.compat import (
    INLINE,
    Variant,
    absence,
    common_size,
    differs_somewhere,
    shown,
    size_text,
    spans,
    variants,
    width_notes,
    wrapper,
)
from kfuncgen.generate.ctext import (
    WIDTH,
    c_string,
    comment,
    declaration,
    join_type,
    split_prototype,
    stem,
    string_pieces,
    strip_declarator,
    struct_text,
)
from kfuncgen.generate.errnos import ERRNO
from kfuncgen.records import Struct
from kfuncgen.spec.model import Contract, ErrorCause, Function, Kernel, OptionField, OptionsStruct, Role, SpecSet
from kfuncgen.spec.words import REGION_ENDS


class ErrorView(Struct, frozen=True):
    """One error of an options struct with all its causes; `text` is a C string literal."""

    name: str
    number: int
    cause: str
    text: str


class DecoderView(Struct, frozen=True):
    """Errors as an enum: `stem` and `upper` make names, `lines` are those of the list macro, `what` is decoded."""

    stem: str
    upper: str
    what: str
    comment: str
    errors: tuple[ErrorView, ...]
    lines: tuple[str, ...]


class FieldView(Struct, frozen=True):
    """One field of an options struct and the line of the initialiser that sets it ("" for out fields)."""

    name: str
    ctype: str
    direction: str
    required: bool
    summary: str
    valid: str
    comment: str
    assignment: str


class OptionsView(Struct, frozen=True):
    """An options struct as the header and documents need it. `stem` is its name without `bpf_`."""

    name: str
    stem: str
    upper: str
    definition: str
    size: int
    size_constant: str
    size_is_enum: str
    size_note: str
    sizes: str
    fields: tuple[FieldView, ...]
    error_field: str
    errors: tuple[ErrorView, ...]
    decoder: DecoderView | None
    constants: tuple[tuple[str, str], ...]
    comment: str
    initialiser: str
    users: tuple[str, ...]


class DeclarationView(Struct, frozen=True):
    """One extern. `attributes` follow the declarator, without `__weak __ksym`; `alias` as in KfuncView."""

    name: str
    declaration: str
    attributes: tuple[str, ...]
    comment: str
    alias: Literal["", "always", "after"]


class AutoView(Struct, frozen=True):
    """The function behind KFG_AUTO(): parameter, what must not be NULL ("" for iterators), statement."""

    param: str
    value: str
    body: str


class GuardView(Struct, frozen=True):
    """The statements behind KFG_GUARD(): what enters and leaves a region; `flags`: both take the saved state."""

    enter: str
    leave: str
    flags: bool


class KfuncView(Struct, frozen=True):
    """One kfunc: declarations and words. `attributes` follow the declarator, without `__weak __ksym`."""

    name: str
    prototype: str
    declaration: str
    attributes: tuple[str, ...]
    comment: str
    summary: str
    flags: tuple[str, ...]
    since: str
    programs: tuple[str, ...]
    config: tuple[str, ...]
    module: str
    release: tuple[str, ...]
    acquires: bool
    may_be_null: bool
    errors: tuple[ErrorView, ...]
    decoder: DecoderView | None
    notes: str
    auto: AutoView | None
    guard: GuardView | None
    alias: Literal["", "always", "after"]
    """Whether it is declared under a flavour of its name: always, or where vmlinux.h declared it before."""
    others: tuple[DeclarationView, ...]
    """What else is declared to call it on older kernels: flavours, and what it was called before."""
    wrapper: str


class FamilyView(Struct, frozen=True):
    """The chosen kfuncs of one spec file."""

    name: str
    kfuncs: tuple[KfuncView, ...]
    options: tuple[OptionsView, ...]
    config: tuple[str, ...]


def family_views(
    functions: Sequence[Function], kernels: Kernel | Sequence[Kernel], specs: SpecSet | None = None
) -> tuple[FamilyView, ...]:
    """`functions` by family, as they are on the newest of `kernels` (oldest first) that has them.

    With `specs`, what older kernels of the range have in their place is declared too. Functions that release come
    first: attributes of the acquiring ones name them.
    """
    targets = (kernels,) if isinstance(kernels, Kernel) else tuple(kernels)
    by_family: dict[str, list[Function]] = {}
    for function in functions:
        by_family.setdefault(function.family, []).append(function)
    views = []
    names = {function.name for function in functions}
    for family, members in sorted(by_family.items()):
        contracts = [function.at(last_with(function, targets)) for function in members]
        contracts.sort(key=lambda contract: (contract.effects.acquires, contract.effects.releases is None))
        structs: dict[str, OptionsStruct] = {}
        users: dict[str, list[str]] = {}
        for contract in contracts:
            for _, struct in contract.function.options:
                structs[struct.name] = struct
                users.setdefault(struct.name, []).append(contract.name)
        views.append(
            FamilyView(
                family,
                tuple(_kfunc(contract, targets, specs, names) for contract in contracts),
                tuple(_options(struct, tuple(users[name]), targets) for name, struct in structs.items()),
                tuple(sorted({symbol for contract in contracts for symbol in contract.function.config})),
            )
        )
    return tuple(views)


def last_with(function: Function, kernels: Sequence[Kernel]) -> Kernel:
    """The newest of `kernels` that has `function`; the newest of all when none has."""
    return next((kernel for kernel in reversed(kernels) if function.exists_at(kernel)), kernels[-1])


def _kfunc(contract: Contract, kernels: Sequence[Kernel], specs: SpecSet | None, chosen: set[str]) -> KfuncView:
    function, effects = contract.function, contract.effects
    name = function.name
    found: tuple[Variant, ...] = (Variant(function.name, contract, (contract.kernel,)),)
    if specs is not None:
        found = variants(function, kernels, specs)
    about = [function.summary]
    reach = f"Since Linux {function.since}"
    if function.until:
        reach += f", gone in {function.until}"
    reach += f"; programs: {', '.join(_programs(contract))}"
    if function.config:
        reach += f"; {', '.join(function.config)}"
    if function.module:
        reach += f"; module {function.module}"
    about.append(f"{reach}.")
    if effects.acquires:
        nullable = "may be NULL; if it is not, it" if effects.may_be_null else "is never NULL and"
        ways = "() or ".join(function.release)
        about.append(f"The result {nullable} must be released with {ways}() on every path.")
    elif effects.may_be_null and effects.iterator != "next":
        about.append("The result may be NULL.")
    about += width_notes(found[0])
    if specs is not None:
        about.append(absence(function, kernels, found))
    called = name if len(found) == 1 else f"kfg_{stem(name)}"
    return KfuncView(
        name=name,
        prototype=contract.prototype.text.rstrip("; "),
        declaration=_declared(contract, name),
        attributes=_attributes(contract),
        comment=comment(filter(None, about)),
        summary=function.summary,
        flags=contract.flags,
        since=str(function.since),
        programs=_programs(contract),
        config=function.config,
        module=function.module,
        release=function.release,
        acquires=effects.acquires,
        may_be_null=effects.may_be_null,
        errors=_errors(function.errors, strict=False),
        decoder=_result_decoder(contract),
        notes=function.notes,
        auto=_auto(contract, called),
        guard=_guard(contract, specs),
        alias=_alias(name, contract),
        others=_others(found[1:], kernels, chosen),
        wrapper=wrapper(found, kernels),
    )


def _declared(contract: Contract, symbol: str) -> str:
    """The extern of one variant. Programs have struct bpf_dynptr where kernels up to 6.10 name their own view."""
    result, _, params = split_prototype(re.sub(r"\bbpf_dynptr_kern\b", "bpf_dynptr", contract.prototype.text))
    return declaration(f"extern {join_type(result, symbol)}", params)


def _alias(symbol: str, contract: Contract) -> Literal["", "always", "after"]:
    if symbol != contract.name:
        return ""
    if "___" in symbol:
        return "always"
    return "after" if differs_somewhere(contract.function, contract.prototype) else ""


def _others(
    older: Sequence[Variant], kernels: Sequence[Kernel], declared: set[str]
) -> tuple[DeclarationView, ...]:
    """Declarations for older kernels; what is `declared` elsewhere is left out, the others are added to it.

    Their releases are those of the newest, so they have no attribute that names them.
    """
    views = []
    for variant in older:
        contract, symbol = variant.contract, variant.symbol
        if symbol in declared:
            continue
        declared.add(symbol)
        attributes = tuple(word for word in _attributes(contract) if not word.startswith("KFG_ACQUIRES"))
        told = comment([f"{contract.name}() as Linux {spans(variant.kernels, kernels)} has it."])
        text = _declared(contract, symbol)
        views.append(DeclarationView(symbol, text, attributes, told, _alias(symbol, contract)))
    return tuple(views)


def _programs(contract: Contract) -> tuple[str, ...]:
    """Program types that may call it, by the names of the kernel's hooks; the hook COMMON means every type."""
    return ("any",) if "COMMON" in contract.hooks else contract.hooks


def _attributes(contract: Contract) -> tuple[str, ...]:
    """Annotations for the analyzers of GCC and Clang, as macros that are empty unless KFG_ANALYZE is defined."""
    effects = contract.effects
    found = []
    if effects.releases is not None:
        found.append(f"KFG_RELEASES({effects.releases + 1})")
    if effects.acquires and effects.releases is None and contract.prototype.result.is_pointer and contract.release:
        # Clang 20 and 21 crash on a function that both takes and returns ownership, so one that does both
        # (bpf_ct_insert_entry) keeps the first half only.
        found.append(f"KFG_ACQUIRES({contract.release[0]})")
        if not effects.may_be_null:
            found.append("KFG_RETURNS_NONNULL")
    if effects.trusted_args or effects.rcu_args:
        pointers = [
            str(index + 1)
            for index, param in enumerate(contract.params)
            if param.ctype.is_pointer and not param.nullable
            if param.role not in (Role.IGNORED, Role.PROG_AUX)
        ]
        if pointers:
            found.append(f"KFG_NONNULL({', '.join(pointers)})")
    return tuple(found)


def _auto(contract: Contract, name: str) -> AutoView | None:
    """What a `cleanup` attribute calls for a variable that `contract` ends, by `name`; None when it ends none."""
    effects = contract.effects
    _, _, params = split_prototype(contract.prototype.text)
    ends = effects.iterator == "destroy" or any(word.startswith("dynptr-release-") for word in effects.special)
    if ends and len(params) == 1:
        return AutoView(join_type(strip_declarator(params[0])[0], "it"), "", f"{name}(it);")
    if effects.releases is None or effects.acquires:
        return None
    args = []
    value = "*ref"
    for index, param in enumerate(contract.params):
        if index == effects.releases:
            # A pointer to any pointer is void *, as the one to a struct's pointer is not a void **.
            value = "*ref" if param.ctype.struct_name else "*(void **)ref"
            args.append(value)
        elif param.role in (Role.IGNORED, Role.PROG_AUX):
            args.append("(void *)0")
        else:
            return None
    given = len(args) if name == contract.name else 1
    ctype = join_type(strip_declarator(params[effects.releases])[0], "*ref") if value == "*ref" else "void *ref"
    return AutoView(ctype, value, f"{name}({', '.join(args[:given])});")


def _guard(contract: Contract, specs: SpecSet | None) -> GuardView | None:
    """How KFG_GUARD() enters the region that `contract` begins, and leaves it; None when it begins none."""
    end = region_end(contract, specs) if specs is not None else None
    if end is None:
        return None
    argument = "flags" if contract.params else ""
    return GuardView(f"{contract.name}({argument});", f"{end}({argument});", bool(argument))


def region_end(contract: Contract, specs: SpecSet) -> str | None:
    """The kfunc that ends the region which `contract` begins; None when it begins none."""
    ends = {REGION_ENDS[word] for word in contract.effects.special if word in REGION_ENDS}
    return next((f.name for f in specs.functions.values() if f.kind == "kfunc" and ends & f.special), None)


def _options(struct: OptionsStruct, users: tuple[str, ...], kernels: Sequence[Kernel]) -> OptionsView:
    short = stem(struct.name)
    fields = tuple(_field(field) for field in struct.fields)
    constants: dict[str, int] = {}
    for field in struct.fields:
        constants.update(field.values)
    size = common_size(struct, kernels)
    errors = _errors(struct.errors, strict=True)
    return OptionsView(
        name=struct.name,
        stem=short,
        upper=short.upper(),
        definition=struct_text(struct.definition),
        size=size,
        size_constant=size_text(struct, kernels),
        size_is_enum=struct.size_constant,
        size_note=f"what all of Linux {shown(kernels)} take" if size != struct.size else "",
        sizes=" or ".join(str(size) for size in struct.sizes_at(kernels[-1])),
        fields=fields,
        error_field=struct.error_field,
        errors=errors,
        decoder=_decoder(
            short,
            f"opts->{struct.error_field}",
            f"What opts->{struct.error_field} means after a NULL",
            errors,
        ),
        constants=tuple((name, str(value) if value >= 0 else f"({value})") for name, value in constants.items()),
        comment=comment([struct.summary]) if struct.summary else "",
        initialiser=_initialiser(struct, short),
        users=users,
    )


def _scalar(field: OptionField) -> bool:
    return field.count == 1 and field.size in (1, 2, 4, 8)


def _field(field: OptionField) -> FieldView:
    valid = ""
    if field.reserved:
        valid = "must be zero"
    elif field.values:
        valid = ", ".join(f"{name} ({value})" for name, value in field.values.items())
    if field.minimum is not None or field.maximum is not None:
        low = "" if field.minimum is None else str(field.minimum)
        high = "" if field.maximum is None else str(field.maximum)
        valid = f"{low}..{high}" + (f"; {valid}" if valid else "")
    words = field.summary.rstrip(".")
    if valid and valid not in words:
        words += f"; {valid}"
    if field.direction == "out" or not field.required or field.reserved:
        assignment = ""
    elif field.count > 1:
        # How much of an array a caller has is not known here, so a copy could read past its end.
        assignment = ""
        words += "; to be set after this call"
    elif _scalar(field):
        assignment = f"opts->{field.name} = {field.name};"
    else:
        assignment = f"opts->{field.name} = *{field.name};"
    return FieldView(
        name=field.name,
        ctype=field.ctype,
        direction=field.direction,
        required=field.required,
        summary=field.summary,
        valid=valid,
        comment=comment([f"{field.name}: {words}"], "\t"),
        assignment=assignment,
    )


def _initialiser(struct: OptionsStruct, short: str) -> str:
    """Head of the function that sets the fields: its parameters are what a caller must choose, but for arrays."""
    params = [f"struct {struct.name} *opts"]
    for field in struct.fields:
        if field.required and field.direction != "out" and not field.reserved and field.count == 1:
            params.append(
                join_type(field.ctype, field.name) if _scalar(field) else f"const {field.ctype} *{field.name}"
            )
    return declaration(f"{INLINE} void kfg_{short}_init", tuple(params))


def _result_decoder(contract: Contract) -> DecoderView | None:
    """The errors that a kfunc returns as negative numbers, or leaves in a parameter where it returns a pointer."""
    result = contract.prototype.result
    if not (result.is_pointer or (result.kind == "int" and result.signed)):
        return None
    errors = _errors(contract.function.errors, strict=True)
    what = "error" if result.is_pointer else "negative result"
    told = f"What the {what} of {contract.name}() means"
    return _decoder(stem(contract.name), f"The {what.split()[-1]} of {contract.name}()", told, errors)


def _decoder(short: str, what: str, told: str, errors: tuple[ErrorView, ...]) -> DecoderView | None:
    if not errors:
        return None
    upper = short.upper()
    lines = [f"#define KFG_{upper}_ERRORS(X)"]
    for error in errors:
        pieces = string_pieces(error.cause, WIDTH - 18)
        head = f"\tX({error.name}, {error.number},"
        if len(pieces) == 1 and len(head.expandtabs()) + len(pieces[0]) + 4 <= WIDTH:
            lines.append(f"{head} {pieces[0]})")
        else:
            lines += [head, *(f"\t  {piece}" for piece in pieces[:-1]), f"\t  {pieces[-1]})"]
    about = comment([f'{told}: X(NAME, number, "cause"), to build enums, tables and texts from.'])
    return DecoderView(short, upper, what, about, errors, tuple(lines))


def _errors(causes: Sequence[ErrorCause], strict: bool) -> tuple[ErrorView, ...]:
    """Causes grouped by error, in the spec's order. With `strict` an error without a number is a UsageError."""
    grouped: dict[str, list[str]] = {}
    for cause in causes:
        grouped.setdefault(cause.error.lstrip("-"), []).append(cause.cause.rstrip("."))
    views = []
    for name, texts in grouped.items():
        if name not in ERRNO and strict:
            raise UsageError(f"no error number is known for '{name}', expected a name of errno.h")
        text = "; ".join(texts)
        views.append(ErrorView(name, ERRNO.get(name, 0), text, c_string(text)))
    return tuple(views)
