"""`kfuncgen gen header`: one C header that makes the named kfuncs safe to call."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import resources
from kfuncgen.generate.compat import shown, variants
from kfuncgen.generate.errnos import ERRNO
from kfuncgen.generate.minimal import minimal_types, prototype_needs, prototype_types, wanted
from kfuncgen.generate.views import family_views, region_end
from kfuncgen.spec.model import Function, Kernel, SpecSet


def selected(names: Sequence[str], specs: SpecSet) -> tuple[Function, ...]:
    """The kfuncs called `names` and those that must follow them, sorted by family and name: the usual release of
    what acquires, next and destroy of an iterator, the end of a region.

    UsageError for no name, an unknown name (with the nearest ones), a helper, which needs no declaration, or what
    programs do not call: targets of fmod_ret, and functions to which the kernel itself writes the calls.
    """
    if not names:
        raise UsageError("no kfunc named, expected for example bpf_task_from_pid")
    chosen: dict[str, Function] = {}
    queue = list(names)
    while queue:
        name = queue.pop(0)
        function = specs.get(name)
        if function is None or function.kind != "kfunc":
            raise UsageError(_unknown(name, specs, function))
        if function.hooks == ("FMODRET",):
            raise UsageError(f"'{name}' is not for calling: SEC(\"fmod_ret/{name}\") programs are attached to it")
        if function.filter == "hidden":
            raise UsageError(f"'{name}' is not for calling: the kernel puts the calls into programs itself")
        if name not in chosen:
            chosen[name] = function
            queue += _partners(function, specs)
    return tuple(sorted(chosen.values(), key=lambda function: (function.family, function.name)))


def _partners(function: Function, specs: SpecSet) -> list[str]:
    """What no caller of `function` can do without: the usual release, the rest of an iterator, a region's end."""
    contract = function.at(function.since)
    partners = list(function.release[:1])
    if contract.effects.iterator == "new":
        name = function.name.removesuffix("_new")
        partners += [f"{name}_next", f"{name}_destroy"]
    end = region_end(contract, specs)
    return [*partners, end] if end else partners


def _unknown(name: str, specs: SpecSet, function: Function | None) -> str:
    if function is not None:
        return f"'{name}' is a helper, not a kfunc: bpf_helpers.h declares it"
    kfuncs = sorted(key for key, value in specs.functions.items() if value.kind == "kfunc")
    near = get_close_matches(name, kfuncs, n=3) or get_close_matches(f"bpf_{name}", kfuncs, n=3)
    shown = re.sub(r"[^\x21-\x7e]", "?", name)[:80]
    hint = f"did you mean {' or '.join(near)}?" if near else "see 'kfuncgen spec list'"
    return f"unknown kfunc '{shown}', {hint}"


def kernel_words(kernels: Kernel | Sequence[Kernel], specs: SpecSet) -> list[str]:
    """The option that says for which kernels prototypes were written, when that is not the default."""
    targets = (kernels,) if isinstance(kernels, Kernel) else kernels
    return [] if tuple(targets) == (specs.newest,) else ["--kernel", shown(targets)]


def render_header(
    names: Sequence[str],
    specs: SpecSet,
    kernel: Kernel | Sequence[Kernel] | None = None,
    minimal: bool = False,
    command: str = "",
    types: Sequence[str] = (),
) -> str:
    """The header for `names`, as they are on `kernel` (default: the newest in `specs`); several: oldest first.

    It holds weak externs, for each options struct an initialiser, its size and its errors, functions that
    release at the end of a scope, wrappers with a `kfg_` prefix, and annotations for the analyzers of GCC and
    Clang, which are empty unless KFG_ANALYZE is defined. With `minimal` it also defines the types that the
    prototypes and options need, so that no vmlinux.h is used; a struct of which nothing is known is declared only,
    which is enough to pass pointers to it. `command` is the line that remakes the file. UsageError for an unknown
    kfunc, and with `minimal` for a type that cannot be declared without being known (an enum, a typedef).
    """
    functions = selected(names, specs)
    targets = (kernel or specs.newest,) if kernel is None or isinstance(kernel, Kernel) else tuple(kernel)
    families = family_views(functions, targets, specs)
    kfuncs = [view for family in families for view in family.kfuncs]
    options = [view for family in families for view in family.options]
    if types and not minimal:
        raise UsageError("types are written by --minimal only: otherwise vmlinux.h has them")
    aliases = [(kfunc.name, kfunc.alias) for kfunc in kfuncs]
    aliases += [(other.name, other.alias) for kfunc in kfuncs for other in kfunc.others]
    decoders = [view.decoder for view in options] + [view.decoder for view in kfuncs]
    decoders = [decoder for decoder in decoders if decoder is not None]
    errors = {(error.name, error.number) for decoder in decoders if decoder for error in decoder.errors}
    if any("EOPNOTSUPP" in view.wrapper for view in kfuncs):
        errors.add(("EOPNOTSUPP", ERRNO["EOPNOTSUPP"]))
    attributes = [word for view in kfuncs for word in view.attributes]
    attributes += [word for view in kfuncs for other in view.others for word in other.attributes]
    declared = [v.contract.prototype for f in functions for v in variants(f, targets, specs)]
    tags = {name for prototype in declared for name in prototype_types(prototype.text)}
    text = ""
    if minimal:
        needed, opaque = prototype_needs(declared, specs)
        needed += [f"struct {view.name}" for view in options]
        text = minimal_types([wanted(name) for name in types], specs, needed, opaque)
    if not command:
        options_given = [*(["--minimal"] if minimal else []), *kernel_words(targets, specs)]
        options_given += [word for name in types for word in ("--type", name)]
        words = ["kfuncgen", "gen", "header", *names, *options_given]
        command = shlex.join(words)
    chosen = [view.name for view in kfuncs]
    digest = hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:8].upper()
    spec_names = tuple(sorted({function.family for function in functions}))
    lines = resources.banner_lines(spec_names, command, "Do not edit.")
    views: dict[str, object] = {
        "banner": resources.banner("c", lines),
        "guard": f"KFG_KFUNCS_{digest}_H",
        "kernel": shown(targets),
        "minimal": minimal,
        "types": text,
        "forward": tuple(sorted(name for name in tags if name.startswith(("struct ", "union ")))),
        "kfuncs": kfuncs,
        "options": options,
        "aliases": tuple(name for name, alias in aliases if alias == "always"),
        "aliases_after": tuple(name for name, alias in aliases if alias == "after"),
        "decoders": decoders,
        "attributes": {attribute.split("(")[0] for attribute in attributes},
        "auto": any(view.auto for view in kfuncs),
        "take": any(view.auto and view.auto.value for view in kfuncs),
        "guards": any(view.guard for view in kfuncs),
        "errors": tuple(sorted(errors, key=lambda error: error[1])),
    }
    return resources.render("_header", "header.h.j2", views)
