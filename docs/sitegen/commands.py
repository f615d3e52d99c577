"""The reference of commands, from the command line's own declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from kfuncgen import cli
from sitegen.text import Page, code, escape, fence

PAGE = "reference/commands.md"
OPTION = re.compile(r"(?<![\w`-])(--?[a-z][\w-]*)(?![\w`-])")
QUOTED = re.compile(r"'([^']+)'")


def page() -> Page:
    """Every command with its usage, arguments and options."""
    return Page(PAGE, "Commands", "\n".join(_page()))


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, as `kfuncgen spec show`, with its declaration."""
    yield from _leaves("kfuncgen", typer.main.get_command(cli.application()))


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _leaves(f"{path} {name}", child)


def _page() -> Iterator[str]:
    yield "---\ntitle: Commands\n---\n\n# Commands\n"
    yield (
        "What `--help` prints, for all commands. Options that take several values are repeated. [Exit "
        "status](exit-status.md), [kfuncgen.toml](configuration.md) and [output formats](formats.md) have "
        "pages of their own.\n"
    )
    for path, command in commands():
        yield f"## {path}\n"
        yield from fence(_usage(path, command), "text")
        for paragraph in (command.help or "").strip().split("\n\n"):
            yield f"{_prose(' '.join(paragraph.split()))}\n"
        named = [entry for param in command.params if (entry := _param(param, path, command))]
        if named:
            yield '<div class="options" markdown>\n'
            for name, text in named:
                yield f"{name}\n:   {text}\n"
            yield "</div>\n"


def _context(path: str, command: Any) -> Any:
    return typer.Context(command, info_name=path)


def _usage(path: str, command: Any) -> str:
    return " ".join([path, *command.collect_usage_pieces(_context(path, command))])


def _param(param: Any, path: str, command: Any) -> tuple[str, str] | None:
    """The name and meaning of a parameter as Markdown."""
    text = _prose(" ".join((param.help or "").split()))
    context = _context(path, command)
    metavar = param.make_metavar(context)
    if param.param_type_name == "argument":
        return (code(metavar.strip("[]")), text) if text else None
    names = ", ".join(code(name) for name in sorted((*param.opts, *param.secondary_opts), key=len))
    takes = "" if param.is_flag or param.count else f" {code(metavar)}"
    shown = param.default
    default = (
        f" Default: {code(str(shown))}." if isinstance(shown, (str, int)) and shown and not param.is_flag else ""
    )
    return f"{names}{takes}", (text or "…") + default


def _prose(text: str) -> str:
    """Help text as Markdown: options and what is in quotes are code."""
    parts = re.split(r"('[^']+'|(?<![\w-])--?[a-z][\w-]*)", escape(text))
    return "".join(
        f"`{part.strip(chr(39)).replace(chr(92), '')}`" if re.fullmatch(r"'[^']+'|--?[a-z][\w-]*", part) else part
        for part in parts
    )
