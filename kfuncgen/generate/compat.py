"""One call for several kernels: where a kfunc's prototype or name changed, a wrapper chooses what the kernel has.

libbpf (1.3 and newer) drops what follows the last `___` of an extern's name and takes a weak extern whose
prototype is not the kernel's for missing (bpf_object__resolve_ksym_func_btf_id(), tools/lib/bpf/libbpf.c 6.12).
So each prototype that differs in libbpf's eyes is declared under a name of its own, a flavour, and at most one
of them has an address. Widths of integers and the structs behind pointers do not differ in its eyes
(bpf_core_types_are_compat(), relo_core.c): there the newest prototype serves all.
"""

from __future__ import annotations

from collections.abc import Sequence

from kfuncgen.generate.ctext import comment, declaration, join_type, split_prototype, stem, strip_declarator
from kfuncgen.records import Struct
from kfuncgen.spec.kernels import LAST_MINOR
from kfuncgen.spec.model import Contract, CType, Function, Kernel, OptionsStruct, Prototype, Role, SpecSet

INLINE = "static __always_inline"
OWN_FLAVOUR = "___kfg"
"""Put to names that would otherwise meet another prototype, or that end in what libbpf drops."""


class Variant(Struct, frozen=True):
    """One prototype under one C name, and the kernels of the range on which libbpf finds it."""

    symbol: str
    contract: Contract
    kernels: tuple[Kernel, ...]


def shown(kernels: Sequence[Kernel]) -> str:
    """`6.12`, `6.1..6.18` for a range, `6.1,6.12..6.18` for what has gaps: as --kernel takes it, oldest first."""
    runs: list[list[Kernel]] = []
    for kernel in kernels:
        if runs and kernel in (Kernel(runs[-1][-1].major, runs[-1][-1].minor + 1), _next_series(runs[-1][-1])):
            runs[-1].append(kernel)
        else:
            runs.append([kernel])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def _next_series(kernel: Kernel) -> Kernel | None:
    return Kernel(kernel.major + 1, 0) if kernel.minor == LAST_MINOR.get(kernel.major) else None


def same_for_loader(one: Prototype, other: Prototype) -> bool:
    """Whether libbpf resolves an extern declared as `one` against a kfunc like `other`."""
    return (
        len(one.params) == len(other.params)
        and _same_kind(one.result, other.result)
        and all(_same_kind(a.ctype, b.ctype) for a, b in zip(one.params, other.params, strict=True))
    )


def _same_kind(one: CType, other: CType) -> bool:
    if one.is_pointer and other.is_pointer and one.pointee is not None and other.pointee is not None:
        return _same_kind(one.pointee, other.pointee)
    kinds = [("int" if ctype.kind == "bool" else ctype.kind) for ctype in (one, other)]
    return kinds[0] == kinds[1]


def same_for_compiler(one: Prototype, other: Prototype) -> bool:
    """Whether both may be declared in one C file under one name."""
    types = [[str(p.result), *(str(param.ctype) for param in p.params)] for p in (one, other)]
    return types[0] == types[1]


def differs_somewhere(function: Function, prototype: Prototype) -> bool:
    """Whether some kernel declares `function` in a way that C does not accept beside `prototype`."""
    known = [
        function.prototype,
        *(change.prototype for change in function.changes if change.prototype is not None),
    ]
    return any(not same_for_compiler(prototype, other) for other in known)


def variants(function: Function, kernels: Sequence[Kernel], specs: SpecSet) -> tuple[Variant, ...]:
    """What must be declared so that `function` can be called on all of `kernels`, the newest first.

    Kernels that have it neither under this name nor under an older one are in no variant. Where no kernel of the
    range has it under its own name, the first variant is on none of them.
    """
    found: list[Variant] = []
    left = list(kernels)
    current: Function | None = function
    while current is not None and left:
        having = [kernel for kernel in left if current.exists_at(kernel)]
        groups: list[tuple[Contract, list[Kernel]]] = []
        for kernel in reversed(having):
            contract = current.at(kernel)
            group = next((g for g in groups if same_for_loader(g[0].prototype, contract.prototype)), None)
            if group is None:
                groups.append((contract, [kernel]))
            else:
                group[1].append(kernel)
        for index, (contract, members) in enumerate(groups):
            symbol = current.name if index == 0 else f"{current.name}___v{len(groups) - index}"
            found.append(Variant(symbol, contract, tuple(sorted(members))))
        left = [kernel for kernel in left if kernel not in having]
        current = specs.get(current.formerly) if current.formerly else None
    if not found or found[0].contract.function is not function:
        found.insert(0, Variant(function.name, function.at(kernels[-1]), ()))
    return tuple(found)


def width_notes(variant: Variant) -> list[str]:
    """What a caller must know of integers that are narrower on some kernels of the range than declared here."""
    names: dict[str, Kernel] = {}
    function, declared = variant.contract.function, variant.contract.prototype
    for kernel in variant.kernels:
        there = function.at(kernel).prototype
        for mine, theirs in zip(declared.params, there.params, strict=True):
            if 0 < theirs.ctype.size < mine.ctype.size:
                names[mine.name] = kernel
    if not names:
        return []
    listed = ", ".join(names)
    return [f"Up to Linux {max(names.values())} the kernel takes 32 bits of {listed}."]


def absence(function: Function, kernels: Sequence[Kernel], found: Sequence[Variant]) -> str:
    """What to say of kernels of the range that lack `function` or have it otherwise; "" when there are none."""
    covered = {kernel for variant in found for kernel in variant.kernels}
    missing = [kernel for kernel in kernels if kernel not in covered]
    lacking = f"Not in Linux {spans(missing, kernels)}" if missing else ""
    if len(found) == 1:
        return f"{lacking}: call it where kfg_exists({function.name}) only." if missing else ""
    listed = ", ".join(f"{v.symbol}() in {spans(v.kernels, kernels)}" for v in found[1:])
    told = f"kfg_{stem(function.name)}() calls it, or {listed}."
    return f"{told} {lacking}." if missing else told


def spans(some: Sequence[Kernel], kernels: Sequence[Kernel]) -> str:
    """`some` of `kernels` (oldest first) in words: `6.1, 6.4 to 7.0`."""
    runs: list[list[Kernel]] = []
    for kernel in kernels:
        if kernel in some:
            if runs and kernels[kernels.index(kernel) - 1] == runs[-1][-1]:
                runs[-1].append(kernel)
            else:
                runs.append([kernel])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def common_size(struct: OptionsStruct, kernels: Sequence[Kernel]) -> int:
    """The largest size of an options struct that all of `kernels` accept; its own size when there is none."""
    accepted = [set(struct.sizes_at(kernel)) for kernel in kernels]
    common = set.intersection(*(sizes for sizes in accepted if sizes)) if any(accepted) else set()
    return max(common, default=struct.size)


def size_text(struct: OptionsStruct, kernels: Sequence[Kernel]) -> str:
    """C for the size to pass: the kernel's constant, unless some kernel wants fewer bytes than the struct has."""
    size = common_size(struct, kernels)
    return str(size) if size != struct.size else struct.size_constant or f"sizeof(struct {struct.name})"


def wrapper(found: Sequence[Variant], kernels: Sequence[Kernel]) -> str:
    """C that passes the size of the options itself, or calls the variant that the running kernel has; else ""."""
    newest = found[0].contract
    sized = _sized(newest)
    if not sized and len(found) == 1:
        return ""
    result, name, params = split_prototype(newest.prototype.text)
    about = []
    if sized:
        having = [kernel for variant in found for kernel in variant.kernels] or kernels
        names = ", ".join(f"{strip_declarator(params[i])[1]} = {size_text(sized[i], having)}" for i in sized)
        about.append(f"{name}() with {names}: one thing less to get wrong.")
    if len(found) > 1:
        about.append(f"{name}() under the name and with the prototype that the running kernel has.")
    covered = {kernel for variant in found for kernel in variant.kernels}
    complete = all(kernel in covered for kernel in kernels)
    calls = [(variant, _call(variant, newest)) for variant in found]
    kept = tuple(param for index, param in enumerate(params) if index not in sized)
    if len(calls) > 1 and any(param.role is Role.CONSTANT for param in newest.params):
        return f"{comment(about)}\n{_macro(name, kept, calls, complete, newest.prototype.result)}"
    head = declaration(f"{INLINE} {join_type(result, f'kfg_{stem(name)}')}", kept)
    body = _chosen_void(calls, complete) if result == "void" else _chosen(calls, complete, newest.prototype.result)
    return "\n".join([comment(about), head, "{", *body, "}"])


def _macro(
    name: str, params: tuple[str, ...], calls: Sequence[tuple[Variant, str]], complete: bool, result: CType
) -> str:
    """The choice as an expression: a type id must stand in the call itself to be a constant."""
    names = ", ".join(strip_declarator(param)[1] for param in params)
    rest = list(calls)
    last = rest.pop()[1].removesuffix(";") if complete else _nothing(result)
    tests = [f"kfg_exists({variant.symbol}) ? {call.removesuffix(';')} : \\" for variant, call in rest]
    inner = [f"\t{'(' if index == 0 else ' '}{test}" for index, test in enumerate(tests)]
    return "\n".join([f"#define kfg_{stem(name)}({names}) \\", *inner, f"\t {last})"])


def _chosen_void(calls: Sequence[tuple[Variant, str]], complete: bool) -> list[str]:
    if len(calls) == 1:
        return [f"\t{calls[0][1]}"]
    lines: list[str] = []
    for index, (variant, call) in enumerate(calls):
        test = "" if complete and index + 1 == len(calls) else f"if (kfg_exists({variant.symbol}))"
        lines += ["\t" + " ".join(filter(None, ("else" if index else "", test))), f"\t\t{call}"]
    return lines


def _chosen(calls: Sequence[tuple[Variant, str]], complete: bool, result: CType) -> list[str]:
    lines: list[str] = []
    if len(calls) == 1:
        return [f"\treturn {calls[0][1]}"]
    for index, (variant, call) in enumerate(calls):
        silent = variant.contract.prototype.result.kind == "void"
        inner = [call, f"return {'true' if result.kind == 'bool' else '0'};"] if silent else [f"return {call}"]
        if complete and index + 1 == len(calls):
            return [*lines, *(f"\t{line}" for line in inner)]
        open_brace, close = (" {", ["\t}"]) if silent else ("", [])
        lines += [f"\tif (kfg_exists({variant.symbol})){open_brace}", *(f"\t\t{line}" for line in inner), *close]
    return [*lines, f"\treturn {_nothing(result)};"]


def _call(variant: Variant, newest: Contract) -> str:
    """The call of one variant with the arguments of the newest one, as an expression statement."""
    _, _, given = split_prototype(newest.prototype.text)
    own = [strip_declarator(param)[1] for param in given]
    # Kernels rename parameters by their suffix (__opt, __nullable); a size has the name of what it is the size of.
    names = {_plain(name): name for name in own if _plain(name) not in own} | {name: name for name in own}
    sized = _sized(variant.contract)
    args = []
    for index, param in enumerate(variant.contract.params):
        if index in sized:
            args.append(f"KFG_{stem(sized[index].name).upper()}_SIZE")
        else:
            known = names.get(param.name) or names.get(_plain(param.name))
            args.append(known or ("(void *)0" if param.ctype.is_pointer else "0"))
    return f"{variant.symbol}({', '.join(args)});"


def _plain(name: str) -> str:
    """A parameter's name without the suffix that is part of its contract."""
    return name.partition("__")[0] or name


def _sized(contract: Contract) -> dict[int, OptionsStruct]:
    """Parameters that are the size of an options struct."""
    found = {}
    for index, struct in contract.function.options:
        size_index = contract.params[index].size_param
        if size_index is not None:
            found[size_index] = struct
    return found


def _nothing(result: CType) -> str:
    """What a wrapper returns where the kernel has none of the variants."""
    if result.is_pointer:
        return "(void *)0"
    if result.kind == "bool":
        return "false"
    return "-EOPNOTSUPP" if result.signed else "0"
