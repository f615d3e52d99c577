"""Project templates: what there is, and its files as text for given values.

Views are computed here and in header.py; the .j2 files loop and test only. What a template consists of is read by
template.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import resources
from kfuncgen.generate.resources import TemplateFault
from kfuncgen.generate.template import Template, Value, read_template
from kfuncgen.records import Struct
from kfuncgen.spec.model import Function, Kernel, SpecSet

__all__ = ["GeneratedFile", "Template", "Value", "find_template", "render_project", "template_since", "templates"]


class GeneratedFile(Struct, frozen=True):
    """The text of one file and its permission bits. `rewrite`: remade in place when an older one of ours is found;
    otherwise a file that was changed since belongs to the user and is kept."""

    text: str
    mode: int = 0o644
    rewrite: bool = False


@cache
def templates() -> tuple[Template, ...]:
    """All project templates, by name. TemplateFault when one of them is malformed."""
    found = []
    for folder in sorted(resources.template_root().iterdir(), key=lambda node: node.name):
        if folder.is_dir() and not folder.name.startswith(("_", ".")) and (folder / "template.yaml").is_file():
            found.append(read_template(resources.builtin_folder(folder.name)))
    return tuple(found)


def find_template(name: str) -> Template:
    """The template called `name`; UsageError names the valid ones."""
    known = {template.name: template for template in templates()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"expected one of: {', '.join(known)}"
    raise UsageError(f"unknown template '{name}', {hint}")


def template_since(template: Template, specs: SpecSet) -> Kernel | None:
    """The first kernel that has all kfuncs of `template` and lets its programs call them; None without kfuncs.

    Of a template with several kinds of programs (`hooks`) each kfunc must be allowed in one of them. A newer
    kernel that the template names itself counts.
    """
    from kfuncgen.generate.header import selected

    kfuncs = chosen_kfuncs(template, checked_values(template, {}))
    return _first_kernel(template, selected(kfuncs, specs) if kfuncs else ())


def _first_kernel(template: Template, functions: Sequence[Function]) -> Kernel | None:
    """As `template_since`, for the functions that the template's kfuncs are."""
    found = [_allowed_since(function, template.hooks) for function in functions]
    return max([*found, *([template.since] if template.since else [])], default=None)


def chosen_kfuncs(template: Template, settings: Mapping[str, str]) -> tuple[str, ...]:
    """The kfuncs of a template, which may be named by values."""
    return tuple(template.folder.render_line(name, _identifiers(settings)) for name in template.kfuncs)


def _allowed_since(function: Function, hooks: Sequence[str]) -> Kernel:
    """The first kernel on which programs of one of `hooks` (of any, when none is named) may call `function`."""
    for kernel in sorted({function.since, *(change.since for change in function.changes)}):
        contract = function.at(kernel)
        if function.exists_at(kernel) and (not hooks or {"COMMON", *hooks} & set(contract.hooks)):
            return kernel
    raise TemplateFault(f"no kernel allows '{function.name}' in {', '.join(hooks)} programs")


def render_project(
    template: str | Template,
    values: Mapping[str, str],
    specs: SpecSet,
    kernel: Kernel | None = None,
    reference: str = "",
) -> dict[str, GeneratedFile]:
    """The files of `template` (or of the one so called) by relative path, in order of path.

    `values` are the user's settings; those not given take their default. `kernel` (default: the newest in
    `specs`) decides which prototypes are written. `reference` is how the command that remakes the project names
    the template, if not by its name. UsageError for an unknown template or value and for a value of the wrong
    form; TemplateFault when the template itself is wrong, e.g. names a kfunc that no spec has.
    """
    from kfuncgen.generate.caller.render import render_program
    from kfuncgen.generate.header import kernel_words, render_header, selected
    from kfuncgen.generate.minimal import render_types
    from kfuncgen.generate.views import FamilyView, family_views

    chosen = find_template(template) if isinstance(template, str) else template
    settings = checked_values(chosen, values)
    target = kernel or specs.newest
    kfuncs = chosen_kfuncs(chosen, settings)
    functions = selected(kfuncs, specs) if kfuncs else ()
    spec_names = tuple(sorted({function.family for function in functions}))
    command = _command(chosen, reference or chosen.name, settings, kernel_words(target, specs))
    families: tuple[FamilyView, ...] = family_views(functions, target)
    since = _first_kernel(chosen, functions)
    views: dict[str, object] = {
        **_identifiers(settings),
        "families": families,
        "kfuncs": tuple(view for family in families for view in family.kfuncs),
        "options": {view.name: view for family in families for view in family.options},
        "since": str(since) if since else "",
        "kernel": str(target),
        "config": tuple(sorted({symbol for family in families for symbol in family.config})),
        "spec_names": spec_names,
        "command": command,
        "template": chosen.name,
    }
    views["facts"] = _facts(chosen, views)
    files: dict[str, GeneratedFile] = {}
    for rule in chosen.files:
        path = chosen.folder.render_line(rule.path, views)
        if path in files:
            raise TemplateFault(f"two files are called '{path}'", rule.place)
        advice = "Do not edit." if rule.rewrite else "Yours to edit: it is not overwritten once changed."
        lines = resources.banner_lines(spec_names, command, advice)
        if rule.generator == "header":
            text = render_header(kfuncs, specs, target, command=command)
        elif rule.generator == "program":
            text = render_program(kfuncs[0], specs, [target], settings.get("section", ""), command)
        elif rule.generator == "types":
            prototypes = [function.at(target).prototype for function in functions]
            text = render_types(chosen.types, specs, banner=resources.banner("c", lines), prototypes=prototypes)
        else:
            banner = resources.banner(rule.comment, lines)
            text = chosen.folder.render(rule.source, {**views, "banner": banner})
        files[path] = GeneratedFile(text, rule.mode, rule.rewrite)
    return dict(sorted(files.items()))


def _facts(template: Template, views: Mapping[str, object]) -> dict[str, str | tuple[str, ...]]:
    """The template's facts, each of them a line that may use values."""
    return {
        name: template.folder.render_line(fact, views)
        if isinstance(fact, str)
        else tuple(template.folder.render_line(line, views) for line in fact)
        for name, fact in template.facts.items()
    }


def _command(template: Template, reference: str, settings: Mapping[str, str], options: Sequence[str]) -> str:
    """The command that makes the same files again from the project's folder."""
    words = ["kfuncgen", "new", reference, "."]
    for value in template.values:
        if settings[value.name] != value.default:
            words += ["--set", f"{value.name}={settings[value.name]}"]
    return shlex.join([*words, *options])


def checked_values(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Every value of the template: the one `given`, else its default.

    UsageError for a name or a text that is none.
    """
    known = {value.name: value for value in template.values}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"valid values are: {', '.join(known)}"
            raise UsageError(f"template '{template.name}' has no value '{name}', {hint}")
    settings = {}
    for value in template.values:
        text = given.get(value.name, value.default)
        if not value.accepts(text):
            raise UsageError(f"bad value for '{value.name}': {text!r}, expected {value.expected}")
        settings[value.name] = text
    return settings


def _identifiers(settings: Mapping[str, str]) -> dict[str, str]:
    """The values, and for each `<name>_id`, a C identifier made of it, and `<name>_upper`."""
    views = dict(settings)
    for name, text in settings.items():
        views[f"{name}_id"] = re.sub(r"\W", "_", text)
        views[f"{name}_upper"] = views[f"{name}_id"].upper()
    return views
