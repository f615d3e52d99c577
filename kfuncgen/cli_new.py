"""`kfuncgen new`: projects from templates, built in or the user's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_output import emit, folded, say
from kfuncgen.diagnostic import UsageError
from kfuncgen.records import Struct
from kfuncgen.render.escape import one_line

if TYPE_CHECKING:
    from kfuncgen.generate import GeneratedFile, Value, Written


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("new", cls=options.usage("TEMPLATE DIR"))(new)


def new(
    template: Annotated[
        str | None,
        typer.Argument(metavar="TEMPLATE", help="A template that --list shows, or a folder of your own: ./NAME."),
    ] = None,
    folder: Annotated[str | None, typer.Argument(metavar="DIR", help="Where to write; made when missing.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A value of the template; repeatable.")
    ] = None,
    kernel: options.WrittenKernel = None,
    list_all: Annotated[bool, typer.Option("--list", help="List templates and their values.")] = False,
    output_format: Annotated[
        str, typer.Option("--output-format", metavar="FORMAT", help="With --list: text or json.")
    ] = "text",
    no_prompt: Annotated[
        bool, typer.Option("--no-prompt", help="Take defaults for values that --set does not give.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that kfuncgen did not write.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, write nothing.")] = False,
) -> int:
    """Write a complete project from a template.

    BPF program, loader, build files, tests, CI. On a terminal, values that --set does not give are asked for when
    DIR is new. Files are written only when they differ; those you changed are kept. A file that kfuncgen did not
    write is refused, and then none is written (exit 2), unless --force is given.
    """
    from kfuncgen.generate import write_project

    if list_all:
        options.one_of(output_format, ("text", "json"), "output format")
        emit(listed(template, output_format))
        return 0
    if template is None or folder is None:
        missing = "TEMPLATE" if template is None else "DIR"
        raise UsageError(f"missing {missing}, expected 'kfuncgen new TEMPLATE DIR' (--list shows the templates)")
    destination = options.as_path(folder, "DIR")
    if destination.exists() and not destination.is_dir():
        raise UsageError(f"'{folder}' is a file, expected a folder to write to")
    given = key_values(settings or ())
    ask = not no_prompt and is_interactive() and is_new(destination)
    files = project_files(template, destination, given, kernel, ask)
    return told(write_project(files, destination, force=force, dry_run=dry_run), destination, dry_run)


def project_files(
    template: str, destination: Path, given: Mapping[str, str], kernel: str | None, ask: bool
) -> dict[str, GeneratedFile]:
    """The files of a built-in template or of one in a folder; `ask` for the values that are not given."""
    from kfuncgen.generate import render_project
    from kfuncgen.generate.project import find_template
    from kfuncgen.generate.usertemplate import describe_user_template, is_reference, render_user_project

    if is_reference(template):
        source = options.as_path(template, "TEMPLATE")
        if ask:
            given = asked(describe_user_template(source)[1], given, check=False)
        way = os.path.relpath(source, destination)
        reference = way if is_reference(way) else f"./{way}"
        return render_user_project(source, given, kernel, reference)
    specs = options.load_specs(kernel=kernel)
    target = options.targets(kernel, specs)[-1]
    if ask:
        given = asked(find_template(template).values, given, check=True)
    return render_project(template, given, specs, target)


def is_interactive() -> bool:
    """Whether somebody can answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def is_new(destination: Path) -> bool:
    """Whether nothing is there yet: a project that is remade has its values in the command."""
    return not destination.exists() or not any(destination.iterdir())


def asked(values: Sequence[Value], given: Mapping[str, str], check: bool) -> dict[str, str]:
    """`given` and the answers for the other values, each asked for until it is valid (when `check`)."""
    answers = dict(given)
    for value in values:
        while value.name not in answers:
            text = one_line(f"{value.name}: {value.description} ({value.expected})")
            answer = typer.prompt(text, default=value.default, show_default=bool(value.default), err=True)
            if not check or value.accepts(answer):
                answers[value.name] = answer
            else:
                say(f"bad value {answer!r}, expected {value.expected}")
    return answers


def key_values(settings: Sequence[str]) -> dict[str, str]:
    """`K=V` words as a mapping; the last of a repeated key wins."""
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes NAME=VALUE, not '{setting}'")
        pairs[key] = value
    return pairs


def told(done: Sequence[Written], folder: Path, dry_run: bool) -> int:
    """Print what became of each file; 2 when some were refused."""
    words = {"written": "would write"} if dry_run else {}
    lines = [f"{words.get(item.action, item.action):11} {one_line(str(folder / item.path))}" for item in done]
    emit("".join(f"{line}\n" for line in lines))
    refused = sum(item.action == "refused" for item in done)
    if refused:
        what, them = ("1 file is", "it") if refused == 1 else (f"{refused} files are", "them")
        raise UsageError(
            f"{what} in the way that kfuncgen did not write, so nothing was written; --force overwrites {them}"
        )
    return 0


class _Entry(Struct, frozen=True):
    """What a list says of a template; of one in a folder nothing is known but what it says of itself."""

    name: str
    description: str
    values: Sequence[Value]
    kernel: str = ""
    programs: Sequence[str] = ()
    kfuncs: Sequence[str] = ()


def listed(name: str | None, output_format: str) -> str:
    """The built-in templates, the one of them called `name`, or the one in the folder `name`, as text or JSON."""
    from kfuncgen.generate.usertemplate import describe_user_template, is_reference

    if name is not None and is_reference(name):
        description, values = describe_user_template(options.as_path(name, "TEMPLATE"))
        entries = [_Entry(name, description, values)]
    else:
        entries = _built_in(name)
    if output_format == "text":
        return template_list(entries)
    from kfuncgen.render.json import dump

    return dump({"templates": [_as_json(entry) for entry in entries]})


def _built_in(name: str | None) -> list[_Entry]:
    from kfuncgen.generate import templates
    from kfuncgen.generate.project import template_since

    known = templates()
    if name is not None:
        name = options.one_of(name, [template.name for template in known], "template")
    specs = options.load_specs()
    return [
        _Entry(t.name, t.description, t.values, str(template_since(t, specs) or ""), t.hooks, t.kfuncs)
        for t in known
        if name in (None, t.name)
    ]


def _as_json(entry: _Entry) -> dict[str, object]:
    values = [
        {"name": v.name, "description": v.description, "default": v.default, "expected": v.expected}
        for v in entry.values
    ]
    return {
        "name": entry.name,
        "description": entry.description,
        "kernel": entry.kernel,
        "programs": list(entry.programs),
        "kfuncs": list(entry.kfuncs),
        "values": values,
    }


def template_list(entries: Sequence[_Entry]) -> str:
    """Templates with the first kernel that they need and their values, as text."""
    lines = []
    for entry in entries:
        kernel = f" (Linux {entry.kernel} or later)" if entry.kernel else ""
        lines.append(f"{entry.name}: {entry.description}{kernel}")
        for value in entry.values:
            default = f" (default {value.default})" if value.default else ""
            lines.append(f"  --set {value.name}=...  {value.description}: {value.expected}{default}")
    return folded(lines)
