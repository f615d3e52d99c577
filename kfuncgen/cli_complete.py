"""Completion in shells: which words may stand where the cursor is.

The scripts of `kfuncgen completion` ask for them: with _KFUNCGEN_COMPLETE in the environment, kfuncgen takes the
words of the command line up to the cursor, and prints what could be the last one. Nothing printed means that the
shell is to complete names of files. Commands and options are those of the parser; what values there are is told
here, by what an option's value is called in the help.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from kfuncgen.records import Struct

SHELLS = ("bash", "zsh", "fish")

Candidate = tuple[str, str]
"""A word, and what it means in a few words ("" when that is plain)."""


class Asked(Struct, frozen=True):
    """A command line whose last word is to be completed: the commands in it, other words that are no options, and
    what the last word has so far."""

    commands: tuple[str, ...]
    words: tuple[str, ...]
    incomplete: str

    @property
    def module(self) -> Any:
        """The module of the first command."""
        from kfuncgen.cli import COMMANDS

        return import_module(f"kfuncgen.{COMMANDS[self.commands[0]]}")


def answer(shell: str, root: Any, words: Sequence[str]) -> str:
    """The lines that a shell's script expects. `root` is the parser's command, `words` all behind `kfuncgen`."""
    found = candidates(root, words)
    if shell == "zsh":
        return "".join(f"{word.replace(':', chr(92) + ':')}:{about}\n" for word, about in found)
    if shell == "fish":
        return "".join(f"{word}\t{about}\n" for word, about in found)
    return "".join(f"{word}\n" for word, _ in found)


def candidates(root: Any, words: Sequence[str]) -> list[Candidate]:
    """What the last of `words` could be, in order; nothing where a file name is wanted."""
    *before, incomplete = words or [""]
    if incomplete == "=":  # bash takes an option and its value apart
        incomplete = ""
    elif before and before[-1] == "=":
        before = before[:-1]
    if "--" in before:
        return []
    command, commands, others, option = _walk(root, before)
    if option is None and incomplete.startswith("--") and "=" in incomplete:
        name, _, value = incomplete.partition("=")
        option = _option(command, name)
        asked = Asked(commands, others, value)
        return [(f"{name}={word}", about) for word, about in _values(option, asked)] if option is not None else []
    asked = Asked(commands, others, incomplete)
    if option is not None:
        return list(_values(option, asked))
    if incomplete.startswith("-"):
        return _starting(incomplete, _options(command))
    if hasattr(command, "commands"):
        return _starting(incomplete, [(name, _first(one)) for name, one in command.commands.items()])
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    argument = next(
        (one for number, one in enumerate(arguments) if one.nargs == -1 or number == len(others)), None
    )
    return list(_values(argument, asked)) if argument is not None else []


def _walk(root: Any, words: Sequence[str]) -> tuple[Any, tuple[str, ...], tuple[str, ...], Any]:
    """The command that words lead to, the names of commands, the other words, and the option that waits for its
    value (None: no option does)."""
    command, commands, others, waiting = root, [], [], None
    for word in words:
        if word == "=":
            continue
        if waiting is not None:
            waiting = None
        elif word.startswith("-") and word != "-":
            option = _option(command, word.partition("=")[0])
            waiting = option if option is not None and not option.is_flag and "=" not in word else None
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
            commands.append(word)
        else:
            others.append(word)
    return command, tuple(commands), tuple(others), waiting


def _option(command: Any, name: str) -> Any:
    return next(
        (param for param in command.params if name in param.opts and param.param_type_name == "option"), None
    )


def _options(command: Any) -> list[Candidate]:
    """The long names of all options."""
    found = []
    for param in command.params:
        if param.param_type_name == "option":
            found += [(name, _sentence(param.help or "")) for name in param.opts if name.startswith("--")]
    return [*found, ("--help", "Show this message and exit")]


def _first(command: Any) -> str:
    return _sentence(command.help or "")


def _sentence(text: str) -> str:
    """The first sentence of a help text, on one line."""
    head = " ".join(text.split("\n\n")[0].split())
    return head.split(". ")[0].rstrip(".:")


def _starting(incomplete: str, found: Iterable[Candidate]) -> list[Candidate]:
    return [one for one in found if one[0].startswith(incomplete)]


def _values(param: Any, asked: Asked) -> Iterator[Candidate]:
    """What may stand for an argument or the value of an option."""
    called = param.metavar or ""
    group = asked.commands[0] if asked.commands else ""
    source = SOURCES.get((group, called)) or SOURCES.get(("", called))
    if source is None:
        return
    # Of a comma list the last word is being written.
    start, comma, last = asked.incomplete.rpartition(",") if called in LISTS else ("", "", asked.incomplete)
    with contextlib.suppress(Exception):  # specs or templates with mistakes: there is nothing to offer
        for word, about in source(asked):
            if word.startswith(last):
                yield f"{start}{comma}{word}", about


LISTS = ("RULES", "SPEC", "HOOKS")
"""Names of values that are lists with commas."""


def _rules(asked: Asked) -> Iterator[Candidate]:
    from importlib.resources import files

    from kfuncgen.lint.rulenames import rule_names

    folder = files("kfuncgen.lint").joinpath("rules")
    for name in rule_names():
        page = folder.joinpath(f"{name.replace('-', '_')}.md").read_text("utf-8")
        # The page's first sentence, as Rule.summary: the rules themselves take longer to import.
        yield name, next((line for line in page.splitlines() if line and not line.startswith("#")), "")


def _words(values: Iterable[str]) -> Callable[[Asked], Iterator[Candidate]]:
    return lambda asked: ((value, "") for value in values)


def _formats(asked: Asked) -> Iterator[Candidate]:
    formats = getattr(asked.module, "FORMATS", ("text", "json"))
    for name in formats:
        yield name, formats[name].summary if isinstance(formats, Mapping) else ""


def _kernels(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.settings import load_specs
    from kfuncgen.spec.kernels import parse_targets

    yield "live", "the running kernel"
    specs = load_specs()
    for kernel in reversed(parse_targets("<=7.9", specs)):
        if kernel <= specs.last():
            yield str(kernel), ""


def _functions(kinds: Sequence[str]) -> Callable[[Asked], Iterator[Candidate]]:
    def named(asked: Asked) -> Iterator[Candidate]:
        from kfuncgen.settings import load_specs

        for name, function in sorted(load_specs().functions.items()):
            if function.kind in kinds and name not in asked.words:
                yield name, _sentence(function.summary)

    return named


def _families(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.settings import load_specs

    yield from ((family.name, "") for family in load_specs().families)


def _sections(asked: Asked) -> Iterator[Candidate]:
    """Sections from which the kfunc of the command line may be called; all when it is not known."""
    from kfuncgen.settings import load_specs
    from kfuncgen.spec.progtypes import allowed_sections, section_names

    specs = load_specs()
    function = next((specs.functions[word] for word in asked.words if word in specs.functions), None)
    if function is None or not function.exists_at(specs.newest):
        names: Iterable[str] = section_names()
    else:
        names = allowed_sections(function.at(specs.newest), specs.newest)
    yield from ((name, "") for name in names)


def _templates(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.generate import templates

    yield from ((template.name, _sentence(template.description)) for template in templates())


def _template_values(asked: Asked) -> Iterator[Candidate]:
    """`name=` of the values of the template on the command line."""
    from kfuncgen.generate import templates

    for template in templates():
        if template.name in asked.words:
            yield from ((f"{value.name}=", "") for value in template.values)


def _architectures(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.toolchain.arch import ARCHITECTURES

    yield from _words(ARCHITECTURES)(asked)


def _severities(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.config import FAIL_ON

    yield from _words(FAIL_ON)(asked)


def _hooks(asked: Asked) -> Iterator[Candidate]:
    from kfuncgen.spec.words import HOOKS

    yield from _words(HOOKS)(asked)


SOURCES: Mapping[tuple[str, str], Callable[[Asked], Iterator[Candidate]]] = {
    ("", "RULES"): _rules,
    ("", "RULE"): _rules,
    ("", "FORMAT"): _formats,
    ("", "SPEC"): _kernels,
    ("", "OLD"): _kernels,
    ("", "NEW"): _kernels,
    ("", "VERSION"): _kernels,
    ("", "KFUNC"): _functions(("kfunc",)),
    ("spec", "NAME"): _functions(("kfunc", "helper")),
    ("", "FAMILY"): _families,
    ("", "SEC"): _sections,
    ("", "TEMPLATE"): _templates,
    ("", "K=V"): _template_values,
    ("", "ARCH"): _architectures,
    ("", "SEVERITY"): _severities,
    ("", "HOOKS"): _hooks,
    ("", "SHELL"): _words(SHELLS),
}
"""By command ("" = any) and what a value is called: where its words come from. Others are files, or free."""
